// The sheet on which one draws, with pointer or keys, or lays a picture from a file.

const SHEET = 280; // about so many pixels is its longer side
const PEN = 0.085; // width of a stroke, as a share of the longer side
const STEP = 1 / 28; // of a key

// Build the sheet. `values()` are those of the image that the network sees, `shares()` its ink;
// `changed` is called when they are other ones.
function makePad(holder, face, changed) {
  const { shape, range: [paper, full], frame } = face.image;
  const scale = Math.max(1, Math.round(SHEET / Math.max(...shape)));
  const [height, width] = shape.map((size) => size * scale);
  const side = Math.max(width, height);
  const canvas = element("canvas", {
    width, height, tabindex: 0, role: "application",
    "aria-label": "Sheet to draw on", "aria-describedby": "keys",
  });
  const cursor = element("span", { class: "cursor", hidden: true });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.lineCap = context.lineJoin = "round";
  context.lineWidth = PEN * side;
  const ink = new Float32Array(width * height);
  let chosen = null; // an example, seen as it is
  let at = [width / 2, height / 2], down = false; // of the keyboard's pen

  function stroke(from, to) {
    chosen = null;
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...to);
    context.stroke();
    changed();
  }

  function clear() {
    chosen = null;
    lift();
    context.clearRect(0, 0, width, height);
    changed();
  }

  // --- pointer

  let last = null;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * width) / box.width,
      ((event.clientY - box.top) * height) / box.height];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    cursor.hidden = true;
    last = place(event);
    stroke(last, last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const all = event.getCoalescedEvents?.() ?? [];
    for (const one of all.length ? all : [event]) {
      const next = place(one);
      stroke(last, next);
      last = next;
    }
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => (last = null));
  }

  // --- keys

  function lift() {
    down = false;
    cursor.classList.remove("down");
  }

  function moveTo(next) {
    if (down) stroke(at, next);
    at = next;
    cursor.style.left = `${(100 * at[0]) / width}%`;
    cursor.style.top = `${(100 * at[1]) / height}%`;
    cursor.hidden = false;
  }

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const way = WAYS[event.key];
    if (way) {
      const step = STEP * side * (event.shiftKey ? 4 : 1);
      moveTo([clamp(at[0] + step * way[0], 0, width), clamp(at[1] + step * way[1], 0, height)]);
    } else if (event.key === " ") {
      down = !down;
      cursor.classList.toggle("down", down);
      moveTo(at);
    } else if (event.key === "c" || event.key === "C") {
      clear();
    } else {
      return;
    }
    event.preventDefault();
  });
  canvas.addEventListener("focus", () => {
    if (canvas.matches(":focus-visible")) moveTo(at);
  });
  canvas.addEventListener("blur", () => {
    lift();
    cursor.hidden = true;
  });

  // --- pictures

  // Lay ink (w x h, shares) onto the middle of the sheet.
  function lay(shares, w, h) {
    const data = new ImageData(w, h);
    shares.forEach((share, i) => (data.data[4 * i + 3] = Math.round(255 * share)));
    context.clearRect(0, 0, width, height);
    context.putImageData(data, Math.floor((width - w) / 2), Math.floor((height - h) / 2));
  }

  function layPicture(bitmap) {
    const factor = Math.min(width / bitmap.width, height / bitmap.height);
    const [w, h] = [bitmap.width, bitmap.height].map((n) => Math.max(1, Math.round(n * factor)));
    const sheet = element("canvas", { width: w, height: h });
    const other = sheet.getContext("2d");
    other.fillStyle = "white"; // below what is transparent
    other.fillRect(0, 0, w, h);
    other.imageSmoothingEnabled = factor < 1; // small pictures keep their pixels
    other.imageSmoothingQuality = "high";
    other.drawImage(bitmap, 0, 0, w, h);
    const { data } = other.getImageData(0, 0, w, h);
    const grey = Float32Array.from({ length: w * h }, (_, i) =>
      (0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]) / 255);
    chosen = null;
    lay(inkOf(grey, w, h), w, h);
    changed();
  }

  const trouble = element("p", { class: "trouble", role: "alert" });
  const file = element("input", {
    type: "file", accept: "image/*", id: "file", class: "unseen",
    async onchange() {
      trouble.textContent = "";
      const [picture] = file.files;
      if (!picture) return;
      try {
        layPicture(await createImageBitmap(picture));
      } catch {
        trouble.textContent = `${picture.name} is not a picture that can be read.`;
      }
      file.value = "";
    },
  });

  function choose(values) {
    const shares = inkShares(values);
    const big = Float32Array.from({ length: width * height }, (_, i) => {
      const x = Math.floor((i % width) / scale), y = Math.floor(i / width / scale);
      return shares[y * shape[1] + x];
    });
    lift();
    lay(big, width, height);
    chosen = values;
    changed();
  }

  const inkShares = (values) =>
    Float32Array.from(values, (v) => clamp((v - paper) / (full - paper), 0, 1));

  function drawn() {
    const { data } = context.getImageData(0, 0, width, height);
    for (let i = 0; i < ink.length; i++) ink[i] = data[4 * i + 3] / 255;
    return framed(ink, width, height, shape, frame);
  }

  function thumbnail(values, i) {
    const picture = element("canvas");
    paint(picture, inkShares(values), shape, { accent: "black" });
    const label = `Example ${i + 1}`;
    return element("button", { type: "button", "aria-label": label, onclick: () => choose(values) },
      picture);
  }

  holder.append(
    element("h2", {}, "Draw here"),
    element("div", { class: "sheet" }, canvas, cursor),
    element("div", { class: "actions" },
      element("button", { type: "button", id: "clear", onclick: clear }, "Clear"),
      file, element("label", { for: "file", class: "button" }, "Open a picture")),
    trouble,
  );
  if (face.examples.length) {
    holder.append(element("div", { class: "examples", role: "group", "aria-label": "Examples" },
      ...face.examples.map(thumbnail)));
    choose(face.examples[0]);
  }
  holder.append(element("p", { class: "hint", id: "keys" },
    "Keys: arrows move the pen, Space puts it down and lifts it, C clears."));
  return {
    values: () => chosen ?? Array.from(drawn(), (share) => paper + share * (full - paper)),
    shares: inkShares,
  };
}
