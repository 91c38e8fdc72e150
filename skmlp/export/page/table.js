// A control for each input of a table.

// Build the controls. `values()` are the raw values, `levels()` where they lie in their ranges (-1
// to 1), `samples(n)` rows from all over; `changed` is called when a value is another one.
function makeTable(holder, description, face, changed) {
  const controls = description.inputs.map((input, j) => {
    const unit = face.units[input.name];
    return input.kind === "number"
      ? numberControl(input, j, unit, face.whole[j], changed)
      : categoryControl(input, j, changed);
  });
  const typical = controls.map((control) => control.value());
  const show = (row) => {
    controls.forEach((control, j) => control.set(row[j]));
    changed();
  };
  const choice = (text, row, label) =>
    element("button", { type: "button", "aria-label": label, onclick: () => show(row) }, text);
  holder.append(
    element("h2", {}, "Inputs"),
    element("div", { class: "examples", role: "group", "aria-label": "Rows" },
      choice("Typical", typical, "Typical values"),
      ...face.examples.map((row, i) => choice(`${i + 1}`, row, `Example ${i + 1}`))),
    element("div", { class: "controls" }, ...controls.map((control) => control.element)),
  );
  if (face.examples.length) show(face.examples[0]);
  return {
    values: () => controls.map((control) => control.value()),
    levels: () => Float64Array.from(controls, (control) => control.level()),
    samples: (n) => Array.from({ length: n }, (_, i) =>
      controls.map((control, j) => control.sample((0.5 + i * (0.618 + 0.1337 * j)) % 1))),
  };
}

// Return [low, high] of the usual values of a number, or null where nothing is known.
function rangeOf({ min, max, mean, std }) {
  if (min !== undefined && max > min) return [min, max];
  return std > 0 ? [mean - 3 * std, mean + 3 * std] : null;
}

// Return a step of 1, 2 or 5 times a power of ten, of which a range has one or two hundred.
function stepOf(range, whole) {
  const raw = range / 200;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((times) => times * power >= raw * 0.999);
  return whole ? Math.max(1, Math.round(step)) : step;
}

const tidy = (value) => Number(value.toPrecision(12));

function numberControl(input, j, unit, whole, changed) {
  const known = input.statistics;
  const range = rangeOf(known);
  let value = known.median ?? known.mean ?? known.min ?? 0;
  let missing = false;
  const id = `input-${j}`;
  const box = element("input", { type: "number", id, step: "any", inputmode: "decimal" });
  let slider = null;
  if (range) {
    const step = stepOf(range[1] - range[0], whole);
    const [min, max] = [Math.floor(range[0] / step), Math.ceil(range[1] / step)];
    slider = element("input", {
      type: "range", "aria-label": input.name, step: tidy(step), min: tidy(min * step),
      max: tidy(max * step), oninput: () => take(Number(slider.value)),
    });
  }
  const toggle = input.missing
    ? element("input", {
      type: "checkbox", "aria-label": `${input.name} missing`, onchange: () => toggled(),
    })
    : null;
  const made = element("div", { class: "control" },
    element("label", { for: id, title: input.name }, input.name),
    element("span", { class: "entry" }, box,
      unit ? element("span", { class: "unit-text" }, unit) : null),
    slider,
    toggle && element("label", { class: "missing" }, toggle, "missing"));
  box.addEventListener("input", () => {
    const typed = box.value === "" ? NaN : Number(box.value);
    const fine = Number.isFinite(typed) || (input.missing && !box.validity.badInput);
    box.setAttribute("aria-invalid", !fine);
    if (fine) take(typed, true);
  });

  function take(next, typing = false) {
    missing = Number.isNaN(next);
    if (!missing) value = next;
    render(typing);
    changed();
  }

  function toggled() {
    missing = toggle.checked;
    render();
    changed();
  }

  function render(typing = false) {
    if (!typing) {
      box.value = missing ? "" : Number(value.toPrecision(6)); // the value itself keeps all digits
      box.setAttribute("aria-invalid", false);
    }
    box.placeholder = missing ? "missing" : "";
    made.classList.toggle("is-missing", missing);
    if (toggle) toggle.checked = missing;
    if (!slider) return;
    slider.value = value;
    const share = (slider.value - slider.min) / (slider.max - slider.min);
    slider.style.setProperty("--share", `${100 * share}%`);
    slider.setAttribute("aria-valuetext", missing ? "missing" : withUnit(numberText(value), unit));
  }

  render();
  return {
    element: made,
    value: () => (missing ? NaN : value),
    set(next) {
      missing = next === null || Number.isNaN(next);
      if (!missing) value = next;
      render();
    },
    level() {
      if (missing || !range) return 0;
      return clamp((2 * (value - range[0])) / (range[1] - range[0]) - 1, -1, 1);
    },
    sample(share) {
      const ends = known.quantiles ? [known.quantiles[0][1], known.quantiles.at(-1)[1]] : range;
      return ends ? ends[0] + share * (ends[1] - ends[0]) : value;
    },
  };
}

function categoryControl(input, j, changed) {
  const id = `input-${j}`;
  const shares = input.statistics.shares ?? [];
  const commonest = Math.max(1, shares.indexOf(Math.max(...shares)));
  const options = input.categories.map((name, i) =>
    element("option", { value: i + 1 }, String(name)));
  const none = element("option", { value: 0 }, "missing or other");
  const select = element("select", { id, onchange: changed }, ...options, none);
  select.value = commonest;
  return {
    element: element("div", { class: "control" },
      element("label", { for: id, title: input.name }, input.name), select),
    value: () => (select.value === "0" ? null : input.categories[select.value - 1]),
    set: (value) => (select.value = codeOf(input, value)),
    level: () => (select.value === "0" ? 0 : 1),
    sample: (share) => input.categories[Math.floor(share * input.categories.length)],
  };
}
