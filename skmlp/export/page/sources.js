// Which raw input each number comes from, and what pulls at a unit.

const MIXED = -1; // the source of what is made of several inputs

// Return the input (or MIXED) behind each number that enters the first dense layer.
function sourcesOf(description) {
  const first = description.networks[0].layers;
  const until = first.findIndex((op) => op.op === "dense");
  const start = description.columns.map((column) => column.input);
  return [...description.prepare, ...first.slice(0, until)].reduce(sourcesAfter, start);
}

function sourcesAfter(sources, op) {
  switch (op.op) {
    case "indicate":
      return [...sources, ...op.columns.map((j) => sources[j])];
    case "select":
      return op.columns.map((j) => sources[j]);
    case "repeat":
      return sources.flatMap((source) => Array(op.times).fill(source));
    case "lookup":
      return Array(op.table.shape[1]).fill(sources[0]);
    case "parts":
      return op.parts.flatMap((part) =>
        part.layers.reduce(sourcesAfter, sources.slice(...part.columns)));
    case "dense_each": {
      const [c, a, d] = op.weight.shape;
      const groups = Array.from({ length: c }, (_, i) => sources.slice(i * a, (i + 1) * a));
      return groups.flatMap((group) => Array(d).fill(sourceOfAll(group)));
    }
    case "dense":
    case "ascend":
      return Array(op.bias ? op.bias.length : sources.length).fill(sourceOfAll(sources));
    default: // column by column
      return sources;
  }
}

function sourceOfAll(sources) {
  return sources.every((source) => source === sources[0]) ? sources[0] : MIXED;
}

// Return how much each of n senders adds to unit j of a dense layer: weight times value, or the
// weight alone where x is null. `sources` tells the sender of each number, null of its own.
function pulls(dense, j, x, sources, n) {
  const h = dense.bias.length;
  const found = new Float64Array(n);
  for (let i = 0; i < dense.weight.length / h; i++) {
    const sender = sources ? sources[i] : i;
    if (sender !== MIXED) found[sender] += dense.weight[i * h + j] * (x ? x[i] : 1);
  }
  return found;
}
