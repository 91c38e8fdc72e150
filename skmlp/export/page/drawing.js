// The picture of the network, on a canvas.

// Draw everything. `now` holds the levels of units (-1 to 1) and edges of each column, the selected
// unit, the image that the network sees, and how far the wave through the layers has come.
function drawNetwork(context, columns, now, colours, width, height) {
  context.clearRect(0, 0, width, height);
  context.lineCap = "round";
  columns.forEach((column, k) => {
    if (k) drawEdges(context, columns[k - 1], column, now, k, colours);
  });
  for (const column of columns) {
    if (column.kind === "image") drawImage(context, column, now.image, colours);
    else drawUnits(context, column, now, colours);
    drawTitle(context, column, height, colours);
  }
}

function startOf(column, index, to) {
  if (column.kind !== "image") return column.nodes[index];
  const [top, bottom] = column.span; // all along the image's right side
  return { x: column.box[1], y: top + (bottom - top) * to.share, r: 0 };
}

function bend(a, b) {
  return 0.45 * (b.x - a.x);
}

function drawEdges(context, before, column, now, k, colours) {
  const chosen = now.chosen[k];
  const edges = chosen ?? now.edges[k];
  const faint = now.selected && !chosen ? 0.25 : 1;
  for (const edge of edges) { // each a path of its own: many in one are far slower to paint
    const b = column.nodes[edge.to];
    const a = startOf(before, edge.from, b);
    const c = bend(a, b), strength = Math.abs(edge.pull);
    context.beginPath();
    context.moveTo(a.x + a.r, a.y);
    context.bezierCurveTo(a.x + c, a.y, b.x - c, b.y, b.x - b.r, b.y);
    context.globalAlpha = faint * (0.05 + 0.45 * strength);
    context.lineWidth = 0.6 + 1.4 * strength;
    context.strokeStyle = edge.pull > 0 ? colours.accent : colours.counter;
    context.stroke();
  }
  drawSparks(context, before, column, edges, now.wave - k + 1, colours);
  context.globalAlpha = 1;
}

// Sparks run along the strongest edges when something has changed.
function drawSparks(context, before, column, edges, t, colours) {
  if (!(t > 0 && t < 1)) return;
  context.globalAlpha = Math.sin(Math.PI * t);
  for (const edge of edges) {
    if (Math.abs(edge.pull) < 0.45) continue;
    const b = column.nodes[edge.to];
    const a = startOf(before, edge.from, b);
    const c = bend(a, b);
    const s = 1 - t;
    const x = s ** 3 * a.x + 3 * s * s * t * (a.x + c) + 3 * s * t * t * (b.x - c) + t ** 3 * b.x;
    const y = (s ** 3 + 3 * s * s * t) * a.y + (3 * s * t * t + t ** 3) * b.y;
    disc(context, x, y, 2.2, edge.pull > 0 ? colours.accent : colours.counter);
  }
}

function outline(context, x, y, r) {
  context.beginPath();
  context.arc(x, y, r, 0, 2 * Math.PI);
}

function disc(context, x, y, r, colour) {
  outline(context, x, y, r);
  context.fillStyle = colour;
  context.fill();
}

function drawUnits(context, column, now, colours) {
  const levels = now.levels[column.number];
  for (const { x, y, r } of column.nodes) disc(context, x, y, r * 1.4, colours.card); // over edges
  context.lineWidth = 1;
  context.strokeStyle = colours.line;
  for (const { index, x, y, r } of column.nodes) {
    const level = clamp(levels[index], -1, 1);
    if (Math.abs(level) < 0.02) {
      outline(context, x, y, r);
    } else {
      context.globalAlpha = Math.abs(level);
      disc(context, x, y, r, level > 0 ? colours.accent : colours.counter);
      context.globalAlpha = 1;
    }
    context.stroke();
  }
  if (now.selected?.column === column.number) {
    const { x, y, r } = column.nodes[now.selected.index];
    outline(context, x, y, r + 3);
    context.strokeStyle = colours.ink;
    context.lineWidth = 2;
    context.stroke();
  }
  if (column.listed) drawNames(context, column, colours);
}

function drawNames(context, column, colours) {
  context.font = "12px system-ui, sans-serif";
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillStyle = colours.ink;
  for (const { index, x, y, r } of column.nodes) {
    const right = x - r - 8;
    const lines = twoLines(context, column.names[index], right - column.box[0]);
    const first = y - 7 * (lines.length - 1);
    lines.forEach((line, i) => context.fillText(line, right, first + 14 * i));
  }
}

// Break a name between words, if it must be.
function twoLines(context, text, room) {
  const fits = (words) => context.measureText(words.join(" ")).width <= room;
  const words = text.split(" ");
  let n = words.length;
  while (n > 1 && !fits(words.slice(0, n))) n--;
  const lines = [words.slice(0, n), words.slice(n)].filter((line) => line.length);
  return lines.map((line) => shortened(context, line.join(" "), room));
}

function shortened(context, text, room) {
  if (context.measureText(text).width <= room) return text;
  let end = text.length;
  while (end > 1 && context.measureText(`${text.slice(0, end)}\u2026`).width > room) end--;
  return `${text.slice(0, end).trimEnd()}\u2026`;
}

function drawImage(context, column, image, colours) {
  const { box: [left, right], span: [top, bottom] } = column;
  const w = right - left, h = bottom - top;
  context.imageSmoothingEnabled = false;
  context.drawImage(image, left, top, w, h);
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  context.strokeRect(left + 0.5, top + 0.5, w - 1, h - 1);
}

function drawTitle(context, column, height, colours) {
  if (column.kind === "outputs") return;
  const [left, right] = column.box;
  const last = column.nodes.at(-1);
  const middle = column.listed ? last.x : (left + right) / 2;
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  context.fillStyle = colours.ink;
  context.font = "600 12px system-ui, sans-serif";
  const size = column.size.toLocaleString("en");
  const more = column.shown < column.size && column.kind !== "image";
  context.fillText(more ? `${column.shown} of ${size}` : size, middle, height - 20);
  context.fillStyle = colours.soft;
  context.font = "12px system-ui, sans-serif";
  context.fillText(column.title, middle, height - 5);
}
