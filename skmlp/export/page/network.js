// From one row of raw values to probabilities or numbers: pure functions of a description, whose
// format skmlp/export/_description.py explains. x and y are arrays of one row.

// --- reading ----------------------------------------------------------------------------------

// Turn {"shape", "float32" | "float64"} into typed arrays that know their shape, at any depth.
function unpacked(value) {
  if (Array.isArray(value)) return value.map(unpacked);
  if (value === null || typeof value !== "object") return value;
  const text = value.float32 ?? value.float64;
  if (text === undefined) {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, unpacked(one)]));
  }
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const numbers = value.float32 ? new Float32Array(bytes.buffer) : new Float64Array(bytes.buffer);
  return Object.assign(numbers, { shape: value.shape });
}

// Values are compared as Python does: true is 1, and 1.0 is 1; but "1" is neither.
function plainValue(value) {
  return typeof value === "boolean" ? Number(value) : value;
}

// Return the code of a category: 0 where it is missing or not listed.
function codeOf(input, value) {
  return input.categories.map(plainValue).indexOf(plainValue(value)) + 1;
}

function numberOf(input, value) {
  const number = value === null || value === undefined ? NaN : Number(value);
  if (Math.abs(number) === Infinity || (Number.isNaN(number) && !input.missing)) {
    throw new RangeError(`${input.name}: got ${value}, but expected a finite number.`);
  }
  return number;
}

// Return x for raw values in the order of the inputs; null or NaN is a missing one.
function columnsOf(description, row) {
  const values = description.inputs.map((input, j) =>
    input.kind === "number" ? numberOf(input, row[j]) : codeOf(input, row[j]));
  return Float64Array.from(description.columns, (column) => {
    const value = values[column.input];
    if (column.take === "number") return value;
    return column.take === "missing" ? Number(Number.isNaN(value)) : column.values[value];
  });
}

// --- the way up -------------------------------------------------------------------------------

// Return {values, inner}: the prediction's values, and what enters each dense layer of the first
// network, its own results last.
function forward(description, row) {
  const x = apply(description.prepare, columnsOf(description, row));
  const inner = [];
  const each = description.networks.map((network, k) => apply(network.layers, x, (op, now) => {
    if (k === 0 && op.op === "dense") inner.push(now);
  }));
  inner.push(each[0]);
  const weights = description.networks.map((network) => network.weight);
  const together = description.average === "mixture" ? mixture : mean;
  return { values: apply(description.finish, together(each, weights)), inner };
}

// Return x after operations, one after the other; `watch` sees what enters each.
function apply(ops, x, watch) {
  for (const op of ops) {
    watch?.(op, x);
    x = OPS[op.op](op, x);
  }
  return x;
}

function mean(each, weights) {
  return each[0].map((_, j) => sum(weights, (w, k) => w * each[k][j]));
}

// Mean and standard deviation of a mixture of distributions [mean | deviation].
function mixture(each, weights) {
  const t = each[0].length / 2;
  const middle = mean(each, weights);
  return middle.map((value, j) => {
    if (j < t) return value;
    const square = (y) => y[j] ** 2 + (y[j - t] - middle[j - t]) ** 2;
    return Math.sqrt(sum(weights, (w, k) => w * square(each[k])));
  });
}

function sum(values, f) {
  return values.reduce((before, value, k) => before + f(value, k), 0);
}

// Return the classes, the labels (0 or 1) or the numbers, in an array of their own.
function predicted(description, values) {
  const output = description.output;
  if (output.kind === "labels") return Array.from(values, (p) => Number(p > 0.5));
  if (output.kind === "classes") {
    return output.targets.map((target) => {
      const chances = values.slice(...target.columns);
      return target.classes[chances.indexOf(Math.max(...chances))];
    });
  }
  const found = output.predict.map((j) => values[j]);
  return output.low ? Array.from(OPS.clip(output, Float64Array.from(found))) : found;
}

// --- operations -------------------------------------------------------------------------------

// Add the product of x[from..] and a weight (a, h) to y[to..].
function addProduct(y, to, x, from, weight, start, a, h) {
  for (let i = 0; i < a; i++) {
    const value = x[from + i];
    if (value === 0) continue; // most pixels are
    const row = start + i * h;
    for (let j = 0; j < h; j++) y[to + j] += value * weight[row + j];
  }
}

const OPS = {
  dense(op, x) {
    const y = Float64Array.from(op.bias);
    addProduct(y, 0, x, 0, op.weight, 0, x.length, y.length);
    return y;
  },
  dense_each(op, x) {
    const [c, a, d] = op.weight.shape;
    const y = Float64Array.from(op.bias);
    for (let i = 0; i < c; i++) addProduct(y, i * d, x, i * a, op.weight, i * a * d, a, d);
    return y;
  },
  scale: (op, x) => x.map((v, j) => (v - op.shift[j]) * op.scale[j] + op.offset[j]),
  clip: (op, x) => x.map((v, j) => Math.min(Math.max(v, op.low[j]), op.high[j])),
  smooth_clip: (op, x) => x.map((v, j) => (j < op.count ? v / Math.hypot(1, v / op.limit) : v)),
  fill: (op, x) => x.map((v, j) => (Number.isNaN(v) ? op.values[j] : v)),
  indicate: (op, x) =>
    Float64Array.from([...x, ...op.columns.map((j) => Number(Number.isNaN(x[j])))]),
  select: (op, x) => Float64Array.from(op.columns, (j) => x[j]),
  repeat: (op, x) =>
    Float64Array.from({ length: x.length * op.times }, (_, j) => x[Math.floor(j / op.times)]),
  parts: (op, x) =>
    joined(op.parts.map((part) => apply(part.layers, x.slice(...part.columns)))),
  lookup(op, x) {
    const d = op.table.shape[1];
    return Float64Array.from(op.table.subarray(x[0] * d, (x[0] + 1) * d));
  },
  activation(op, x) {
    const f = ACTIVATIONS[op.name];
    const y = x.map((v) => f(v, op.parameter));
    return op.strength ? x.map((v, j) => v + op.strength[j] * (y[j] - v)) : y;
  },
  layer_norm(op, x) {
    const middle = sum(x, (v) => v) / x.length;
    const variance = sum(x, (v) => (v - middle) ** 2) / x.length;
    const deviation = Math.sqrt(variance + op.epsilon);
    return x.map((v, j) => ((v - middle) / deviation) * op.gain[j] + op.bias[j]);
  },
  softmax(op, x) {
    let stop = 0;
    return joined(op.sizes.map((size) => {
      const group = x.slice(stop, (stop += size));
      const largest = Math.max(...group);
      const e = group.map((v) => Math.exp(v - largest));
      const total = sum(e, (v) => v);
      return e.map((v) => v / total);
    }));
  },
  ascend(op, x) {
    let before = 0;
    return x.map((v, j) => (before = j % op.size ? before + softplus(v) : v));
  },
};

function joined(arrays) {
  const y = new Float64Array(sum(arrays, (array) => array.length));
  let start = 0;
  for (const array of arrays) {
    y.set(array, start);
    start += array.length;
  }
  return y;
}

// --- activations ------------------------------------------------------------------------------

function softplus(x) {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

function logistic(x) {
  const e = Math.exp(-Math.abs(x));
  return (x >= 0 ? 1 : e) / (1 + e);
}

function elu(x, a) {
  return x > 0 ? x : a * Math.expm1(x);
}

// The distribution function of the standard normal, exact also where it is small: the series and
// the continued fraction 7.1.6 and 7.1.14 of Abramowitz and Stegun, Handbook of Mathematical
// Functions (1964).
function normalShare(x) {
  const z = Math.abs(x) / Math.SQRT2;
  const e = Math.exp(-z * z) / Math.sqrt(Math.PI);
  let tail; // erfc(z) / 2
  if (z < 2.5) {
    let term = z, total = z;
    for (let n = 1; term > 1e-17 * total; n++) total += term *= (2 * z * z) / (2 * n + 1);
    tail = 0.5 - e * total;
  } else {
    let fraction = z;
    for (let n = 60; n > 0; n--) fraction = z + n / 2 / fraction;
    tail = e / fraction / 2;
  }
  return x > 0 ? 1 - tail : tail;
}

const ACTIVATIONS = {
  logistic,
  tanh: Math.tanh,
  relu: (x) => Math.max(x, 0),
  leaky_relu: (x, a) => Math.max(x, a * x),
  elu,
  selu: (x) => 1.0507009873554805 * elu(x, 1.6732632423543772),
  gelu: (x) => x * normalShare(x),
  silu: (x) => x * logistic(x),
  mish: (x) => x * Math.tanh(softplus(x)),
  softplus,
  cos: Math.cos,
  exp: Math.exp,
};
