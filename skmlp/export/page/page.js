// The page as a whole: what changes asks for a frame, and a frame computes and draws.

const LAG = [40, 45]; // ms until a unit follows, and so much more for each layer
const WAVE = 240; // ms in which sparks cross from one layer to the next

let colours = coloursNow();
let size = [0, 0], context = null;
let result = null, stale = true, asked = false, before = 0, waveFrom = -Infinity;
let hovered = null, focused = null;

const find = (id) => document.getElementById(id);
const { description, face } = unpacked(JSON.parse(find("model").textContent));
const rows = rowsOf(description, face);
const columns = columnsOfNetwork(description, face, rows);
const sources = sourcesOf(description);
const still = matchMedia("(prefers-reduced-motion: reduce)");
const outputs = makeOutputs(find("outputs"), description, face, rows);
const picture = element("canvas"); // what the network sees
const input = face.image
  ? makePad(find("input"), face, changed)
  : makeTable(find("input"), description, face, changed);
const canvas = find("drawing").querySelector("canvas");

const targets = columns.map((column) => new Float64Array(column.size));
const now = {
  levels: columns.map((column) => new Float64Array(column.size)),
  scales: columns.map(() => 1e-9), // the largest value seen of a hidden layer
  edges: [], chosen: [], selected: null, wave: Infinity, image: picture,
};

// --- computing --------------------------------------------------------------------------------

function compute() {
  const values = input.values();
  result = forward(description, values);
  outputs.show(result.values);
  tell(verdicts(description, face, result.values));
  if (face.image) paint(picture, input.shares(values), face.image.shape, { accent: colours.ink });
  columns.forEach((column, k) => {
    if (column.kind === "hidden") {
      const x = result.inner[k];
      now.scales[k] = x.reduce((a, b) => Math.max(a, Math.abs(b)), now.scales[k]);
      targets[k] = x.map((v) => v / now.scales[k]);
    } else if (column.kind === "inputs") {
      targets[k] = input.levels();
    } else if (column.kind === "outputs") {
      targets[k] = outputs.levels();
    }
  });
  columns.forEach((_, k) => {
    if (k) now.edges[k] = strongest(edgesOf(k, Array(columns[k].shown).keys()), MOST_EDGES);
  });
  choose();
}

function sourcesAt(k) {
  return k === 1 ? sources : null;
}

function edgesOf(k, to) {
  if (columns[k - 1].kind === "image") {
    return Array.from(to, (j) => ({ from: 0, to: j, pull: targets[k][j] }));
  }
  return edgesInto(columns[k], columns[k - 1], result.inner[k - 1], sourcesAt(k), to);
}

// Bring what is shown of the selected unit up to date.
function choose() {
  const selected = now.selected = hovered ?? focused;
  now.chosen = [];
  const { column: k, index } = selected ?? leading();
  showUnit(find("unit"), columns[k], index, detailsOf(k, index), colours);
  if (!selected) return;
  if (k) now.chosen[k] = strongest(edgesOf(k, [index]), 40);
  if (k + 1 < columns.length) {
    const out = edgesOf(k + 1, Array(columns[k + 1].shown).keys());
    now.chosen[k + 1] = strongest(out.filter((edge) => edge.from === index), 40);
  }
}

// Return the output with the largest level.
function leading() {
  const levels = outputs.levels().subarray(0, columns.at(-1).shown);
  return { column: columns.length - 1, index: levels.indexOf(Math.max(...levels)) };
}

function detailsOf(k, index) {
  const column = columns[k];
  if (k === 0) {
    const value = input.values()[index];
    const text = typeof value === "number" ? numberText(value) : String(value ?? "missing");
    return { level: `Its value is ${withUnit(text, face.units[column.names[index]])}.` };
  }
  const unit = column.kind === "outputs" ? rows[index].column : index;
  const senders = columns[k - 1];
  const all = (x) => pulls(column.dense, unit, x, sourcesAt(k), senders.size);
  const pull = all(result.inner[k - 1]);
  const plain = sources.length === columns[0].size; // one weight for each pixel
  return {
    before: senders,
    level: levelText(column, index),
    bias: column.dense.bias[unit],
    pull,
    weights: plain ? all(null) : pull,
    shape: senders.kind === "image" ? face.image.shape : null,
  };
}

function levelText(column, index) {
  if (column.kind === "hidden") {
    return `Passes on ${numberText(result.inner[column.number][index])}.`;
  }
  const value = result.values[rows[index].column];
  const drawn = description.networks.length > 1 ? " Drawn is the first network's part in it." : "";
  if (description.output.kind === "numbers") {
    const text = numberText(predicted(description, result.values)[index]);
    return `Predicted: ${withUnit(text, face.units[face.targets[index]])}.${drawn}`;
  }
  return `Probability ${shareText(value)}.${drawn}`;
}

// --- words ------------------------------------------------------------------------------------

let speaking = 0;

function tell(found) {
  find("verdict").replaceChildren(...found.map(({ title, text, note }) => element("div", {},
    element("span", { class: "title" }, title),
    element("strong", {}, text),
    element("span", { class: "note" }, note))));
  clearTimeout(speaking); // and say it once it stands
  speaking = setTimeout(() => {
    find("spoken").textContent = found.map((one) => `${one.title}: ${one.text} ${one.note}`).join(". ");
  }, 700);
}

function about() {
  const n = description.networks.length;
  const sizes = columns.map((column) => column.size.toLocaleString("en")).join(" \u2192 ");
  const weights = description.networks[0].layers
    .reduce((total, op) => total + (op.weight ? op.weight.length + op.bias.length : 0), 0);
  const parts = [`${sizes} units, ${weights.toLocaleString("en")} weights.`];
  if (n > 1) {
    parts.push(`Of ${n} networks the first is drawn; the prediction is the average of all.`);
  }
  parts.push("Everything is computed in this page; nothing leaves it.");
  find("about").replaceChildren(...parts.map((text) => element("p", {}, text)));
}

// --- frames -----------------------------------------------------------------------------------

function changed() {
  stale = true;
  ask();
}

function ask() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(frame);
}

function frame(time) {
  asked = false;
  if (stale) {
    stale = false;
    compute();
    if (time - waveFrom > WAVE * columns.length) waveFrom = time;
  }
  now.wave = still.matches ? Infinity : (time - waveFrom) / WAVE;
  const settled = follow(time - before);
  before = time;
  if (context) drawNetwork(context, columns, now, colours, ...size);
  if (!settled || now.wave < columns.length) ask();
}

// Let the shown levels follow their targets, the later layers more slowly; tell if they are there.
function follow(elapsed) {
  let settled = true;
  now.levels.forEach((levels, k) => {
    const share = still.matches ? 1 : 1 - Math.exp(-Math.min(elapsed, 50) / (LAG[0] + LAG[1] * k));
    for (let j = 0; j < levels.length; j++) {
      const far = targets[k][j] - levels[j];
      const near = Math.abs(far) < 2e-3;
      levels[j] = near ? targets[k][j] : levels[j] + share * far;
      settled &&= near;
    }
  });
  return settled;
}

// --- units that one can point at --------------------------------------------------------------

const units = columns.flatMap((column) => {
  if (column.kind === "image") return [];
  return Array.from({ length: column.shown }, (_, index) => {
    const own = column.kind === "outputs" ? outputs.elements[index] : null;
    const label = column.kind === "outputs" ? column.rows[index].name : unitName(column, index);
    const made = own ?? element("button", { type: "button", class: "unit dot", "aria-label": label });
    if (!own) find("drawing").append(made);
    made.tabIndex = -1;
    return { column: column.number, index, own, element: made };
  });
});
units[0].element.tabIndex = 0;
const unitOf = new Map(units.map((unit) => [unit.element, unit]));

function pointAt(unit) {
  if (hovered === unit) return;
  hovered = unit;
  choose();
  ask();
}

const network = find("network");
network.addEventListener("pointerover", (event) => {
  if (event.pointerType !== "touch") pointAt(unitOf.get(event.target.closest(".unit")) ?? null);
});
network.addEventListener("pointerleave", () => pointAt(null));
network.addEventListener("focusin", (event) => {
  const unit = unitOf.get(event.target);
  if (!unit) return;
  for (const one of units) one.element.tabIndex = one === unit ? 0 : -1;
  focused = unit;
  choose();
  ask();
});
network.addEventListener("focusout", () => {
  focused = null;
  choose();
  ask();
});
find("drawing").addEventListener("click", (event) => {
  const box = canvas.getBoundingClientRect();
  nearest(event.clientX - box.left, event.clientY - box.top)?.element.focus();
});

const nodeOf = (unit) => columns[unit.column].nodes[unit.index];

function nearest(x, y) {
  const far = (unit) => Math.hypot(nodeOf(unit).x - x, nodeOf(unit).y - y);
  const best = units.reduce((a, b) => (far(b) < far(a) ? b : a));
  return far(best) < 24 ? best : null;
}

// The arrow keys lead to the nearest unit on that side.
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
network.addEventListener("keydown", (event) => {
  const unit = unitOf.get(event.target);
  if (event.key === "Escape") event.target.blur();
  if (!unit || !WAYS[event.key]) return;
  const [dx, dy] = WAYS[event.key], from = nodeOf(unit);
  let best = null, least = Infinity;
  for (const other of units) {
    const to = nodeOf(other);
    const along = dx * (to.x - from.x) + dy * (to.y - from.y);
    const aside = Math.abs(dy * (to.x - from.x)) + Math.abs(dx * (to.y - from.y));
    if (along > 1 && along + 3 * aside < least) [best, least] = [other, along + 3 * aside];
  }
  best?.element.focus();
  event.preventDefault();
});

// --- size and scheme --------------------------------------------------------------------------

function resize() {
  find("drawing").style.minHeight = `${heightOf(columns, find("drawing").clientWidth)}px`;
  const box = find("drawing").getBoundingClientRect();
  size = [box.width, box.height];
  context = fitted(canvas, ...size);
  const middle = ({ top, bottom }) => (top + bottom) / 2 - box.top;
  const heights = outputs.elements.map((row) => middle(row.getBoundingClientRect()));
  arrange(columns, size, heights, face.image?.shape);
  for (const unit of units) {
    if (unit.own) continue;
    const { x, y } = nodeOf(unit), side = Math.max(columns[unit.column].pitch, 12);
    Object.assign(unit.element.style, {
      left: `${x - side / 2}px`, top: `${y - side / 2}px`, width: `${side}px`, height: `${side}px`,
    });
  }
  ask();
}

new ResizeObserver(resize).observe(find("drawing"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  colours = coloursNow();
  changed();
});

if (!face.image && outputs.widen) {
  for (const row of input.samples(AXIS_ROWS)) outputs.widen(forward(description, row).values);
}
explain(find("how"), columns);
about();
resize();
changed();

// For the browser's console: predictions for raw values, and a frame at once.
window.skmlp = {
  description,
  predict: (row) => predicted(description, forward(description, row).values),
  probabilities: (row) => Array.from(forward(description, row).values),
  frame() {
    stale = true;
    frame(performance.now());
  },
};
