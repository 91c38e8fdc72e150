// What is predicted: a bar for each class or label, a scale for each number, and the verdict.

const MOST_BARS = 24; // with more classes only the likeliest stand here
const LIKELIEST = 10;
const AXIS_ROWS = 80; // predictions from which the scale of a number is taken

// Return what is predicted, {name, title, column, target} each: the column is that of the values,
// the title tells of the target too where there are several.
function rowsOf(description, face) {
  const output = description.output;
  if (output.kind === "numbers") {
    return output.predict.map((column, target) => {
      const name = face.targets[target];
      return { name, title: name, column, target };
    });
  }
  const targets = output.targets ?? [{ classes: output.classes, columns: [0] }];
  return targets.flatMap(({ classes, columns }, target) => classes.map((value, i) => {
    const name = String(value);
    const title = output.several ? `${face.targets[target]}: ${name}` : name;
    return { name, title, column: columns[0] + i, target };
  }));
}

// Build the rows. `show(values)` brings them up to date, `levels()` are the units' (0 to 1),
// `elements` the rows in the order of the outputs, none where only the likeliest are shown.
function makeOutputs(holder, description, face, rows) {
  const numbers = description.output.kind === "numbers";
  const many = !numbers && rows.length > MOST_BARS;
  const made = rows.slice(0, many ? LIKELIEST : rows.length).map(numbers ? scaleRow : barRow);
  const several = description.output.several;
  holder.className = rows.some((row) => row.name.length > 3) ? "wordy" : "";
  made.forEach((row, i) => {
    const target = rows[i].target;
    if (several && !many && (i === 0 || rows[i - 1].target !== target)) {
      holder.append(element("h3", {}, face.targets[target]));
    }
    holder.append(row.element);
  });
  let levels = new Float64Array(rows.length);
  const axes = rows.map(() => [Infinity, -Infinity]);

  function showBars(values) {
    levels = Float64Array.from(rows, (row) => values[row.column]);
    const order = Array.from(rows.keys());
    if (many) order.sort((a, b) => levels[b] - levels[a]);
    made.forEach((row, i) => row.show(rows[order[i]].name, levels[order[i]]));
  }

  function showScales(values) {
    widen(values);
    const found = predicted(description, values);
    found.forEach((value, i) => {
      const name = face.targets[i];
      const [low, high] = axes[i];
      const around = intervalOf(description.output, values, i);
      made[i].show(name, value, face.units[name], axes[i], around);
      levels[i] = high > low ? (value - low) / (high - low) : 0.5;
    });
  }

  // Let each scale reach as far as the predictions seen.
  function widen(values) {
    predicted(description, values).forEach((value, i) => {
      const ends = [value, ...(intervalOf(description.output, values, i)?.ends ?? [])];
      axes[i] = [Math.min(axes[i][0], ...ends), Math.max(axes[i][1], ...ends)];
    });
  }

  return {
    elements: many ? [] : made.map((row) => row.element),
    levels: () => levels,
    show: numbers ? showScales : showBars,
    widen: numbers ? widen : null,
  };
}

// Return {ends, text}: where a number is expected to lie, or null where the model does not say.
function intervalOf(output, values, i) {
  if (output.std) {
    const middle = values[output.predict[i]], deviation = values[output.std[i]];
    const text = `\u00b1 ${numberText(deviation)}`;
    return { ends: [middle - deviation, middle + deviation], text };
  }
  const n = output.levels?.length ?? 1;
  if (n < 2) return null;
  const ends = [values[i * n], values[i * n + n - 1]];
  const share = Math.round(100 * (output.levels[n - 1] - output.levels[0]));
  return { ends, text: `${share}\u2009%: ${ends.map(numberText).join(" to ")}` };
}

function barRow() {
  const name = element("span", { class: "name" });
  const fill = element("span", { class: "fill" });
  const share = element("span", { class: "share" });
  const bar = element("span", { class: "track" }, fill);
  const row = element("button", { type: "button", class: "unit bar" }, name, bar, share);
  return {
    element: row,
    show(text, value) {
      write(name, text);
      fill.style.transform = `scaleX(${value})`;
      write(share, shareText(value));
      row.dataset.value = value;
    },
  };
}

function scaleRow() {
  const name = element("span", { class: "name" });
  const number = element("span", { class: "number" });
  const interval = element("span", { class: "interval" });
  const band = element("span", { class: "band" });
  const mark = element("span", { class: "mark" });
  const track = element("span", { class: "track" }, band, mark);
  const least = element("span"), most = element("span");
  const ends = element("span", { class: "ends" }, least, most);
  const parts = [name, number, interval, track, ends];
  const row = element("button", { type: "button", class: "unit scale" }, ...parts);
  return {
    element: row,
    show(text, value, unit, [low, high], around) {
      const place = (v) => `${high > low ? (100 * (v - low)) / (high - low) : 50}%`;
      write(name, text);
      write(number, withUnit(numberText(value), unit));
      write(interval, around?.text ?? "");
      mark.style.left = place(value);
      band.style.left = around ? place(around.ends[0]) : "0";
      band.style.right = around ? `calc(100% - ${place(around.ends[1])})` : "100%";
      write(least, high > low ? numberText(low) : "");
      write(most, high > low ? numberText(high) : "");
      row.dataset.value = value;
    },
  };
}

// Return the prediction in words: {title, text, note} for each thing that is predicted.
function verdicts(description, face, values) {
  const output = description.output;
  const found = predicted(description, values);
  const single = face.targets.length === 1;
  if (output.kind === "labels") {
    const text = output.classes.filter((_, i) => found[i]).join(", ") || "none";
    return [{ title: single ? "Prediction" : "Labels", text, note: "" }];
  }
  return found.map((value, i) => {
    const title = single && face.targets[0] === "y" ? "Prediction" : face.targets[i];
    if (output.kind === "classes") {
      const share = Math.max(...values.slice(...output.targets[i].columns));
      return { title, text: String(value), note: shareText(share) };
    }
    const text = withUnit(numberText(value), face.units[face.targets[i]]);
    return { title, text, note: intervalOf(output, values, i)?.text ?? "" };
  });
}
