// Units that one can point at: with a pointer, a finger, or the keys.

// Lay a button over each unit; outputs with rows of their own (`outputRows`) have theirs. `pointed`
// is called when `selected()`, {column, index} or null, is another one.
function makeUnits(network, drawing, columns, outputRows, pointed) {
  const units = columns.flatMap((column) => {
    if (column.kind === "image") return [];
    return Array.from({ length: column.shown }, (_, index) => {
      const row = column.kind === "outputs" ? outputRows[index] : null;
      const made = row ?? dot(column, index);
      return { column: column.number, index, isRow: Boolean(row), element: made };
    });
  });
  const unitOf = new Map(units.map((unit) => [unit.element, unit]));
  let hovered = null, focused = null;

  function dot(column, index) {
    const label = unitName(column, index);
    const made = element("button", { type: "button", class: "unit dot", "aria-label": label });
    drawing.append(made);
    return made;
  }

  // One unit can be reached by Tab, the others from there.
  function reach(unit) {
    for (const one of units) one.element.tabIndex = one === unit ? 0 : -1;
  }

  function hover(unit) {
    if (hovered === unit) return;
    hovered = unit;
    pointed();
  }

  function focus(unit) {
    focused = unit;
    if (unit) reach(unit);
    pointed();
  }

  const nodeOf = (unit) => columns[unit.column].nodes[unit.index];

  function nearest(x, y) {
    const far = (unit) => Math.hypot(nodeOf(unit).x - x, nodeOf(unit).y - y);
    const best = units.reduce((a, b) => (far(b) < far(a) ? b : a));
    return far(best) < 24 ? best : null;
  }

  // Return the nearest unit on one side.
  function beside(unit, [dx, dy]) {
    const from = nodeOf(unit);
    let best = unit, least = Infinity;
    for (const other of units) {
      const x = nodeOf(other).x - from.x, y = nodeOf(other).y - from.y;
      const along = dx * x + dy * y;
      const far = along + 3 * Math.abs(dy * x + dx * y);
      if (along > 1 && far < least) [best, least] = [other, far];
    }
    return best;
  }

  network.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "touch") hover(unitOf.get(event.target.closest(".unit")) ?? null);
  });
  network.addEventListener("pointerleave", () => hover(null));
  network.addEventListener("focusin", (event) => focus(unitOf.get(event.target) ?? null));
  network.addEventListener("focusout", () => focus(null));
  drawing.addEventListener("click", (event) => {
    const box = drawing.getBoundingClientRect();
    nearest(event.clientX - box.left, event.clientY - box.top)?.element.focus();
  });
  network.addEventListener("keydown", (event) => {
    const unit = unitOf.get(event.target);
    if (event.key === "Escape") event.target.blur();
    if (!unit || !(event.key in WAYS)) return;
    beside(unit, WAYS[event.key]).element.focus();
    event.preventDefault();
  });

  reach(units[0]);
  return {
    selected: () => hovered ?? focused,
    // Say what the unit in focus passes on.
    describe(text) {
      if (!focused || focused.isRow || hovered) return;
      const name = unitName(columns[focused.column], focused.index);
      focused.element.setAttribute("aria-label", `${name}. ${text}`);
    },
    place() {
      for (const unit of units.filter(({ isRow }) => !isRow)) {
        const { x, y } = nodeOf(unit), side = Math.max(columns[unit.column].pitch, 12);
        const [left, top, width] = [x - side / 2, y - side / 2, side].map((size) => `${size}px`);
        Object.assign(unit.element.style, { left, top, width, height: width });
      }
    },
  };
}
