// The page as a whole: what changes asks for a frame, and a frame computes and draws.

const LAG = [40, 45]; // ms until a unit follows, and so much more for each layer
const WAVE = 240; // ms in which sparks cross from one layer to the next
const PAUSE = 100; // ms between words on a unit: nobody reads faster

let colours = coloursNow();
let still = false; // where motion is not wanted
let size = [0, 0], context = null;
let result = null, stale = true, asked = false, before = 0, waveFrom = -Infinity;
let unexplained = true, explained = -Infinity;

const find = (id) => document.getElementById(id);
const { description, face } = unpacked(JSON.parse(find("model").textContent));
const rows = rowsOf(description, face);
const columns = columnsOfNetwork(description, face, rows);
const sources = sourcesOf(description);
const motion = matchMedia("(prefers-reduced-motion: reduce)");
const outputs = makeOutputs(find("outputs"), description, face, rows);
const picture = element("canvas"); // what the network sees
const input = face.image
  ? makePad(find("input"), face, changed)
  : makeTable(find("input"), description, face, changed);
const canvas = find("drawing").querySelector("canvas");
const units = makeUnits(find("network"), find("drawing"), columns, outputs.elements, pointed);

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

// A unit is pointed at, or none any longer.
function pointed() {
  if (!result) return;
  choose();
  explainUnit();
  ask();
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

// Bring the edges of the selected unit up to date.
function choose() {
  now.selected = units.selected();
  now.chosen = [];
  if (!now.selected) return;
  const { column: k, index } = now.selected;
  if (k) now.chosen[k] = strongest(edgesOf(k, [index]), 40);
  if (k + 1 < columns.length) {
    const out = edgesOf(k + 1, Array(columns[k + 1].shown).keys());
    now.chosen[k + 1] = strongest(out.filter((edge) => edge.from === index), 40);
  }
}

// Tell what the selected unit adds up, or else the leading one.
function explainUnit() {
  const { column: k, index } = now.selected ?? leading();
  showUnit(find("unit"), columns[k], index, detailsOf(k, index), colours);
  if (now.selected) units.describe(levelOf(columns[k], index));
}

// Return the output with the largest level.
function leading() {
  const levels = outputs.levels().subarray(0, columns.at(-1).shown);
  return { column: columns.length - 1, index: levels.indexOf(Math.max(...levels)) };
}

function detailsOf(k, index) {
  const column = columns[k];
  if (k === 0) return { level: levelOf(column, index) };
  const unit = column.kind === "outputs" ? rows[index].column : index;
  const senders = columns[k - 1];
  const all = (x) => pulls(column.dense, unit, x, sourcesAt(k), senders.size);
  const pull = all(result.inner[k - 1]);
  const plain = sources.length === columns[0].size; // one weight for each pixel
  return {
    before: senders,
    level: levelOf(column, index),
    bias: column.dense.bias[unit],
    pull,
    weights: plain ? all(null) : pull,
    shape: senders.kind === "image" ? face.image.shape : null,
  };
}

function levelOf(column, index) {
  if (column.kind === "inputs") {
    const value = input.values()[index];
    const text = typeof value === "number" ? numberText(value) : String(value ?? "missing");
    return `Its value is ${withUnit(text, face.units[column.names[index]])}.`;
  }
  if (column.kind === "hidden") {
    return `Passes on ${numberText(result.inner[column.number][index])}.`;
  }
  const value = result.values[rows[index].column];
  const drawn = description.networks.length > 1 ? " Below is the first network's part in it." : "";
  if (description.output.kind === "numbers") {
    const text = numberText(predicted(description, result.values)[index]);
    return `Predicted: ${withUnit(text, face.units[face.targets[index]])}.${drawn}`;
  }
  return `Probability ${shareText(value)}.${drawn}`;
}

// --- words ------------------------------------------------------------------------------------

let speaking = 0, told = "";

function tell(found) {
  const spoken = found.map((one) => `${one.title}: ${one.text} ${one.note}`).join(". ");
  if (spoken === told) return;
  told = spoken;
  find("verdict").replaceChildren(...found.map(({ title, text, note }) => element("div", {},
    element("span", { class: "title" }, title),
    element("strong", {}, text),
    element("span", { class: "note" }, note))));
  clearTimeout(speaking); // and say it once it stands
  speaking = setTimeout(() => {
    find("spoken").textContent = spoken;
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
  requestAnimationFrame((time) => {
    asked = false;
    frame(time);
  });
}

function frame(time) {
  if (stale) {
    stale = false;
    compute();
    unexplained = true;
    if (time - waveFrom > WAVE * columns.length) waveFrom = time;
  }
  if (unexplained && time - explained > PAUSE) {
    explainUnit();
    [unexplained, explained] = [false, time];
  }
  now.wave = still ? Infinity : (time - waveFrom) / WAVE;
  const settled = follow(time - before);
  before = time;
  if (context) drawNetwork(context, columns, now, colours, ...size);
  if (!settled || unexplained || now.wave < columns.length) ask();
}

// Let the shown levels follow their targets, the later layers more slowly; tell if they are there.
function follow(elapsed) {
  let settled = true;
  now.levels.forEach((levels, k) => {
    const share = still ? 1 : 1 - Math.exp(-Math.min(elapsed, 50) / (LAG[0] + LAG[1] * k));
    for (let j = 0; j < levels.length; j++) {
      const far = targets[k][j] - levels[j];
      const near = Math.abs(far) < 2e-3;
      levels[j] = near ? targets[k][j] : levels[j] + share * far;
      settled &&= near;
    }
  });
  return settled;
}

// --- size and scheme --------------------------------------------------------------------------

function resize() {
  const stage = find("drawing").parentElement;
  const crowded = isCrowded(columns, stage.clientWidth);
  stage.classList.toggle("crowded", crowded);
  find("drawing").style.minHeight = `${heightOf(columns, find("drawing").clientWidth)}px`;
  const box = find("drawing").getBoundingClientRect();
  size = [box.width, box.height];
  context = fitted(canvas, ...size);
  const heights = (crowded ? [] : outputs.elements).map((row) => {
    const { top, bottom } = row.getBoundingClientRect();
    return (top + bottom) / 2 - box.top;
  });
  arrange(columns, size, heights, face.image?.shape);
  units.place();
  ask();
}

new ResizeObserver(resize).observe(find("drawing"));
motion.addEventListener("change", () => (still = motion.matches));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  colours = coloursNow();
  changed();
});

if (!face.image && outputs.widen) {
  for (const row of input.samples(AXIS_ROWS)) outputs.widen(forward(description, row).values);
}
still = motion.matches;
explain(find("how"), columns);
about();
resize();
changed();

// For the browser's console: predictions for raw values, and a frame at once.
window.skmlp = {
  description,
  values: () => input.values(),
  predict: (row) => predicted(description, forward(description, row).values),
  probabilities: (row) => Array.from(forward(description, row).values),
  frame() {
    stale = true;
    frame(performance.now());
  },
};
