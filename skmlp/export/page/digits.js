// From a drawing of any size to the image that the network learned from: pure functions. Ink is a
// Float32Array of shares from 0 to 1, row by row.

// Return the ink of a picture's grey values (0 to 1). The paper is what most of its border shows,
// be it light or dark; what is as close to it as most of the border is paper too.
function inkOf(grey, width, height) {
  const border = [];
  for (let x = 0; x < width; x++) border.push(grey[x], grey[(height - 1) * width + x]);
  for (let y = 0; y < height; y++) border.push(grey[y * width], grey[y * width + width - 1]);
  const paper = quantile(border, 0.5);
  const noise = Math.min(0.5, 2 * quantile(border.map((v) => Math.abs(v - paper)), 0.6));
  const ink = Float32Array.from(grey, (v) => Math.abs(v - paper));
  const darkest = ink.reduce((a, b) => Math.max(a, b), 0);
  return darkest > noise ? ink.map((v) => (v > noise ? v / darkest : 0)) : ink.fill(0);
}

function quantile(values, level) {
  return Float64Array.from(values).sort()[Math.floor(level * (values.length - 1))];
}

// Return [left, top, right, bottom] of all ink, or null where there is none.
function boundingBox(ink, width) {
  let left = width, top = -1, right = 0, bottom = 0;
  for (let y = 0, i = 0; i < ink.length; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (!(ink[i] > 0)) continue;
      if (x < left) left = x;
      if (x >= right) right = x + 1;
      if (top < 0) top = y;
      bottom = y + 1;
    }
  }
  return top < 0 ? null : [left, top, right, bottom];
}

// Return the means of ink within a box, cut into columns x rows cells: a cell takes its share of
// each pixel that it touches, so that slanted edges come out grey.
function resized(ink, width, [left, top, right, bottom], columns, rows) {
  const w = right - left, h = bottom - top;
  const across = new Float32Array(h * columns);
  shrink(ink, top * width + left, 1, width, w, h, across, 1, columns, columns);
  const found = new Float32Array(rows * columns);
  shrink(across, 0, columns, 1, h, columns, found, columns, 1, rows);
  return found;
}

// Shrink `lines` lines of `n` values to `cells` values each. A step leads to the next value of a
// line, a jump to the next line.
function shrink(from, start, step, jump, n, lines, to, toStep, toJump, cells) {
  const size = n / cells;
  for (let cell = 0; cell < cells; cell++) {
    const low = cell * size, high = low + size;
    for (let i = Math.floor(low); i < Math.min(n, Math.ceil(high)); i++) {
      const share = (Math.min(i + 1, high) - Math.max(i, low)) / size;
      if (share <= 0) continue;
      for (let line = 0; line < lines; line++) {
        to[cell * toStep + line * toJump] += share * from[start + i * step + line * jump];
      }
    }
  }
}

// Return the image (rows x columns) of a drawing. `frame` says how large its longer side is to be
// ("box", in pixels), and what of it ("mass", or else its "box") is to lie at the point
// "at": [y, x]. Without a frame the drawing as a whole becomes the image.
function framed(ink, width, height, [rows, columns], frame) {
  if (!frame) return resized(ink, width, [0, 0, width, height], columns, rows);
  const image = new Float32Array(rows * columns);
  const box = boundingBox(ink, width);
  if (!box) return image;
  const w = box[2] - box[0], h = box[3] - box[1];
  const factor = Math.min(frame.box / Math.max(w, h), columns / w, rows / h);
  const c = Math.max(1, Math.round(w * factor)), r = Math.max(1, Math.round(h * factor));
  const small = resized(ink, width, box, c, r);
  const centre = frame.by === "mass" ? centreOfMass(small, c) : [r / 2, c / 2];
  const [y0, x0] = [0, 1].map((axis) => Math.round(frame.at[axis] - centre[axis]));
  for (let y = 0; y < r; y++) {
    for (let x = 0; x < c; x++) {
      const [row, column] = [y + y0, x + x0];
      if (row < 0 || row >= rows || column < 0 || column >= columns) continue;
      image[row * columns + column] = small[y * c + x];
    }
  }
  return image;
}

// Return [y, x]; the middle of the first pixel is at [0.5, 0.5].
function centreOfMass(ink, width) {
  let mass = 0, x = 0, y = 0;
  ink.forEach((v, i) => {
    mass += v;
    x += v * ((i % width) + 0.5);
    y += v * (Math.floor(i / width) + 0.5);
  });
  return [y / mass, x / mass];
}
