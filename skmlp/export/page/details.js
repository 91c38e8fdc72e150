// What a selected unit adds up.

const MOST_PULLS = 6;

// Say how the network computes.
function explain(holder, columns) {
  const f = columns.find((column) => column.kind === "hidden")?.title;
  const passes = f && f !== "linear" ? `, and passes the sum through f, here ${f}` : "";
  holder.replaceChildren(
    element("h2", {}, "How it computes"),
    element("p", { class: "formula" }, "h = f(W x + b)"),
    element("p", {}, "Each unit multiplies what comes from its left by its weights W, adds it " +
      `all up with its bias b${passes}.`),
    element("p", { class: "hint" }, "Point at a unit or tap it to see its weights, or press Tab " +
      "and then arrow keys."),
  );
}

// Show one unit: `pull` holds what each sender adds, `weights` the weights alone, `level` what the
// unit passes on, in words.
function showUnit(holder, column, index, { before, level, bias, pull, weights, shape }, colours) {
  const head = element("h2", {}, unitName(column, index));
  const parts = [head, element("p", {}, level)];
  if (!pull) {
    holder.replaceChildren(...parts);
    return;
  }
  if (shape) {
    parts.push(element("div", { class: "images" },
      pictured("Its weights", weights, shape, colours),
      pictured("Weights × what it sees now", pull, shape, colours)));
  } else {
    parts.push(strongestPulls(before, pull));
  }
  const total = pull.reduce((a, b) => a + b, bias);
  const text = `All of them and the bias, ${numberText(bias)}, make ${numberText(total)}.`;
  parts.push(element("p", { class: "legend" },
    element("span", { class: "up" }, "raises"), element("span", { class: "down" }, "lowers"),
    element("span", {}, text)));
  holder.replaceChildren(...parts);
}

function unitName(column, index) {
  if (column.kind === "inputs") return column.names[index];
  if (column.kind === "outputs") return column.rows[index].title;
  return `Hidden layer ${column.layer}, unit ${index + 1}`;
}

function pictured(caption, values, shape, colours) {
  const canvas = element("canvas", { role: "img", "aria-label": caption });
  paint(canvas, values, shape, colours);
  return element("figure", {}, canvas, element("figcaption", {}, caption));
}

// List the senders that add or take the most, weight times value.
function strongestPulls(before, pull) {
  const order = Array.from(pull.keys()).sort((a, b) => Math.abs(pull[b]) - Math.abs(pull[a]));
  const most = Math.abs(pull[order[0]]) || 1;
  const name = (i) => (before.kind === "hidden" ? `unit ${i + 1}` : unitName(before, i));
  const rows = order.slice(0, MOST_PULLS).map((i) => {
    const fill = element("span", { class: pull[i] < 0 ? "fill down" : "fill up" });
    fill.style.width = `${(50 * Math.abs(pull[i])) / most}%`;
    return element("li", {},
      element("span", { class: "name", title: name(i) }, name(i)),
      element("span", { class: "track" }, fill),
      element("span", { class: "amount" }, numberText(pull[i])));
  });
  const more = pull.length - rows.length;
  const senders = before.kind === "hidden" ? "the layer before" : "the inputs";
  const caption = `Weight × value of ${senders}` +
    (more > 0 ? `, the strongest ${rows.length} of ${pull.length}` : "");
  return element("div", {}, element("p", { class: "hint" }, caption),
    element("ul", { class: "pulls" }, ...rows));
}
