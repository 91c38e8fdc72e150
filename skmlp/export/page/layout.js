// Where the units of a network lie: columns of units from left to right, and the strongest
// connections between them.

const MOST_SHOWN = 256; // units of a layer
const MOST_LISTED = 16; // inputs with a name of their own
const MOST_EDGES = 70; // from one column to the next
const PITCH = 27; // pixels between units
const ROW = 34; // between inputs with names
const TITLES = 44; // below the columns

// Return the columns of the first network: its inputs, hidden layers and outputs.
function columnsOfNetwork(description, face, rows) {
  const layers = description.networks[0].layers;
  const at = layers.flatMap((op, i) => (op.op === "dense" ? [i] : []));
  const names = description.inputs.map((input) => input.name);
  const inputs = face.image
    ? { kind: "image", size: names.length, title: "pixels" }
    : { kind: "inputs", size: names.length, title: names.length > 1 ? "inputs" : "input", names };
  const hidden = at.slice(1).map((_, k) => {
    const between = layers.slice(at[k] + 1, at[k + 1]);
    const f = between.find((op) => op.op === "activation")?.name ?? "linear";
    const title = f.replace("_", " ");
    return { kind: "hidden", size: layers[at[k]].bias.length, title, layer: k + 1 };
  });
  const outputs = { kind: "outputs", size: rows.length, title: "", rows };
  return [inputs, ...hidden, outputs].map((column, number) => ({
    ...column,
    number,
    shown: Math.min(column.size, MOST_SHOWN),
    dense: number ? layers[at[number - 1]] : null, // what leads to it
    nodes: [],
  }));
}

const isNarrow = (width) => width < 420;

// Return the height that the columns ask for.
function heightOf(columns, width) {
  const tall = columns.map((column) => {
    if (column.kind === "image") return isNarrow(width) ? 100 : 170;
    const { down } = gridOf(column);
    return down * (column.kind === "inputs" ? ROW : PITCH);
  });
  return clamp(Math.max(...tall), 180, isNarrow(width) ? 300 : 440) + TITLES;
}

// Tell whether the outputs are better below the drawing than beside it.
function isCrowded(columns, width) {
  const hidden = columns.slice(1, -1).map((column) => gridOf(column).across);
  return isNarrow(width) && hidden.reduce((a, b) => a + b, 0) > 7;
}

// Return how many columns and rows of its own a layer has.
function gridOf(column) {
  const listed = column.kind === "inputs" && column.size <= MOST_LISTED;
  const across = listed ? 1 : Math.ceil(column.shown / 16);
  return { listed, across, down: Math.ceil(column.shown / across) };
}

// Give every unit its place: column.nodes = [{index, x, y, r, share}], column.box = [left, right];
// an image has column.span = [top, bottom] instead.
function arrange(columns, [width, height], outputHeights, shape) {
  const narrow = isNarrow(width);
  const free = height - TITLES;
  for (const column of columns) Object.assign(column, gridOf(column));
  const last = columns.at(-1);
  last.aligned = outputHeights.length === last.shown; // beside the bars
  const inner = columns.filter((column) => column.kind !== "image" && !column.aligned);
  const label = columns[0].listed ? Math.min(0.36 * width, 128) : 0;
  const gap = Math.min(narrow ? 22 : 60, (0.45 * width) / (columns.length - 1));
  const image = columns[0].kind === "image" ? Math.min(0.26 * width, 168) : 0;
  const spare = width - 24 - label - image - gap * (columns.length - 1);
  const across = inner.reduce((total, column) => total + column.across, 0);
  const pitch = clamp(spare / Math.max(across, 1), 3, narrow ? 20 : PITCH);
  for (const column of columns) {
    column.pitch = Math.min(column.listed ? ROW : pitch, free / column.down);
    column.rise = column.listed ? column.pitch : Math.min(PITCH, 2 * pitch, free / column.down);
    column.width = widthOf(column, label, image);
  }
  const used = columns.reduce((total, column) => total + column.width, 0);
  const between = (width - used) / (columns.length - 1);
  let left = 0;
  for (const column of columns) {
    column.box = [left, left + column.width];
    if (image && column === columns[0]) placeImage(column, free, shape);
    else placeNodes(column, free, outputHeights, label);
    left += column.width + between;
  }
}

function widthOf(column, label, image) {
  if (column.kind === "image") return image;
  if (column.aligned) return 16;
  return label && column.kind === "inputs" ? label + 20 : column.across * column.pitch;
}

function placeImage(column, free, [rows, columns]) {
  const height = Math.min(free, (column.width * rows) / columns);
  column.span = [(free - height) / 2 + 6, (free + height) / 2 + 6];
}

function placeNodes(column, free, outputHeights, label) {
  const { across, down, pitch, rise, box, aligned } = column;
  const r = aligned || column.listed ? 6 : Math.min(9, 0.36 * pitch);
  column.nodes = Array.from({ length: column.shown }, (_, index) => {
    if (aligned) return { index, r, x: box[0] + 8, y: outputHeights[index] };
    const x = column.listed ? box[0] + label + 10 : box[0] + ((index % across) + 0.5) * pitch;
    const y = free / 2 + (Math.floor(index / across) + 0.5 - down / 2) * rise + 6;
    return { index, x, y, r };
  });
  const lowest = column.nodes[0].y, reach = column.nodes.at(-1).y - lowest || 1;
  for (const node of column.nodes) node.share = 0.1 + 0.8 * ((node.y - lowest) / reach);
}

// Return the strongest of edges {from, to, pull}, the faintest first, pulls divided by the largest.
function strongest(edges, most) {
  const largest = edges.reduce((a, edge) => Math.max(a, Math.abs(edge.pull)), 0);
  if (!largest) return [];
  const counts = new Uint32Array(64);
  const bin = (edge) => Math.min(63, Math.floor((64 * Math.abs(edge.pull)) / largest));
  for (const edge of edges) counts[bin(edge)]++;
  let least = 63;
  for (let total = counts[63]; least > 1 && total + counts[least - 1] <= most; ) {
    total += counts[--least];
  }
  return edges
    .filter((edge) => bin(edge) >= least)
    .map((edge) => ({ ...edge, pull: edge.pull / largest }))
    .sort((a, b) => Math.abs(a.pull) - Math.abs(b.pull));
}

// Return the edges into units `to` of a column, as they pull now.
function edgesInto(column, before, x, sources, to) {
  const from = before.kind === "image" ? 0 : before.shown;
  const edges = [];
  for (const j of to) {
    const unit = column.kind === "outputs" ? column.rows[j].column : j;
    const all = pulls(column.dense, unit, x, sources, before.size);
    for (let i = 0; i < from; i++) if (all[i]) edges.push({ from: i, to: j, pull: all[i] });
  }
  return edges;
}
