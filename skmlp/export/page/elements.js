// Elements of the page, words for numbers, and colours.

// Where the arrow keys lead, in x and y.
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// Make an element: attributes that begin with "on" are listeners, false and null ones are left out.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

// Change a text only if it is another one, so that nothing is laid out anew.
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

function numberText(value) {
  if (Number.isNaN(value)) return "missing";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return minus(value.toExponential(2));
  const digits = clamp(3 - Math.floor(Math.log10(size || 1)), 0, 5);
  const options = { maximumFractionDigits: digits, useGrouping: size >= 1e4 };
  return minus(value.toLocaleString("en", options));
}

function minus(text) {
  return text.replaceAll("-", "\u2212");
}

function withUnit(text, unit) {
  return unit ? `${text}\u00a0${unit}` : text;
}

function shareText(share) {
  if (share > 0 && share < 0.001) return "<\u20090.1\u2009%";
  if (share < 1 && share > 0.999) return ">\u200999.9\u2009%";
  return `${(100 * share).toFixed(share >= 0.0995 && share < 0.9945 ? 0 : 1)}\u2009%`;
}

// Read the colours of the present scheme, light or dark.
function coloursNow() {
  const style = getComputedStyle(document.documentElement);
  const names = ["card", "ink", "soft", "line", "accent", "counter"];
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  return Object.fromEntries(names.map((name) => [name, colour(name)]));
}

// Fit a canvas to its size on the page, at the screen's resolution; return its context.
function fitted(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

// Paint signed values, row by row, onto a canvas of as many pixels.
function paint(canvas, values, [rows, columns], colours) {
  canvas.width = columns;
  canvas.height = rows;
  const context = canvas.getContext("2d");
  const largest = values.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-12);
  values.forEach((value, i) => {
    if (value === 0) return;
    context.globalAlpha = Math.abs(value) / largest;
    context.fillStyle = value > 0 ? colours.accent : colours.counter;
    context.fillRect(i % columns, Math.floor(i / columns), 1, 1);
  });
}
