// The edits of the face, first to last. Moving a slider is told at once; the picture follows.
// One move is under way at a time and only the latest waits, so that the picture keeps up with the hand.
let gesture = 0, sent = 0, waiting = null, lost = null;
function tell(move) {
  if (lost) { waiting = move; return; }
  waiting = null;
  lost = setTimeout(free, 3000); // an answer that never comes must not stop the slider
  trigger("move", { ...move, sent: ++sent });
}
function free() {
  clearTimeout(lost);
  lost = null;
  if (waiting) tell(waiting);
}
window.addEventListener("eclipsed-drawn", (event) => { if (event.detail === sent) free(); });
const choices = (row, key, label, options, chosen, onchange) =>
  h("label", { class: "choice" }, h("span", { text: label }),
    h("select", { "data-key": `${key}-${row.i}`, onchange },
      options.map(([value, text, off]) => h("option", { value, text, disabled: off, selected: value === chosen }))));
function slider(row) {
  const number = h("input", {
    type: "number", step: 0.05, min: row.low.toFixed(2), max: row.high.toFixed(2), value: row.alpha.toFixed(2),
    class: "alpha", "aria-label": `Strength of ${row.name} as a number`, "data-key": `number-${row.i}`,
  });
  const range = h("input", {
    type: "range", min: row.low, max: row.high, step: 0.01, value: row.alpha, "data-key": `alpha-${row.i}`,
    "aria-label": `Strength of ${row.name}`, "aria-valuetext": signed(row.alpha),
    style: `--zero:${(100 * -row.low) / (row.high - row.low)}%`,
  });
  const move = (alpha) => tell({ i: row.i, digest: row.digest, alpha, gesture: `${row.digest}-${gesture}` });
  range.addEventListener("pointerdown", () => gesture++);
  range.addEventListener("keydown", (event) => { if (!event.repeat) gesture++; });
  range.addEventListener("input", () => {
    number.value = (+range.value).toFixed(2);
    range.setAttribute("aria-valuetext", signed(+range.value));
    move(+range.value);
  });
  number.addEventListener("change", () => {
    if (number.value === "" || !Number.isFinite(+number.value)) { number.value = (+range.value).toFixed(2); return; }
    const alpha = Math.min(row.high, Math.max(row.low, +number.value));
    number.value = alpha.toFixed(2);
    range.value = alpha;
    gesture++;
    move(alpha);
  });
  return [h("div", { class: "track" }, range, h("span", { class: "zero", "aria-hidden": "true", style: range.getAttribute("style") })), number];
}
function layers(row) {
  const options = [["all", "all layers"], ...row.groups.map(([name, off]) => [name, name, off]), ["rows", "exact rows\u2026"]];
  const chosen = row.layers === null ? "all" : typeof row.layers === "string" ? row.layers : "rows";
  const text = h("input", {
    type: "text", class: "rows", value: Array.isArray(row.layers) ? row.layers.join(",") : "", hidden: chosen !== "rows",
    placeholder: row.rows, "aria-label": `Rows that ${row.name} may change, such as ${row.rows}`, "data-key": `rows-${row.i}`,
    onchange: () => text.value.trim() && act("layers", { i: row.i, layers: text.value }),
  });
  const select = choices(row, "layers", "Layers", options, chosen, (event) => {
    if (event.target.value === "rows") { text.hidden = false; text.focus(); } else act("layers", { i: row.i, layers: event.target.value });
  });
  return [select, text];
}
function item(row, count) {
  const button = (what, text, label, off) => h("button", {
    type: "button", class: "icon", text, title: label, "aria-label": `${label}: ${row.name}`, disabled: off,
    "data-key": `${what}-${row.i}`, onclick: () => act(what, { i: row.i }),
  });
  return h("li", { class: row.on ? "edit" : "edit off", "data-name": row.name },
    h("div", { class: "head" },
      h("label", { class: "switch" },
        h("input", { type: "checkbox", role: "switch", checked: row.on, "data-key": `on-${row.i}`, "aria-label": `${row.name} is applied`,
          onchange: (event) => act("on", { i: row.i, on: event.target.checked }) })),
      h("strong", { text: row.name }), h("span", { class: "prompt", text: row.prompt === row.name ? "" : row.prompt }),
      button("up", "\u2191", "Earlier", row.i === 0), button("down", "\u2193", "Later", row.i === count - 1),
      button("remove", "\u00d7", "Remove")),
    [row.weak, row.over].filter(Boolean).map((text) => h("p", { class: "warning", role: "note", text })),
    h("div", { class: "strength" }, ...slider(row)),
    h("div", { class: "fine" }, ...layers(row),
      choices(row, "blend", "Blend", [["none", "as drawn"], ["pixels", "part only, in pixels"],
        ["features", "part only, in features"], ["styles", "part only, in styles"]], row.blend || "none",
        (event) => act("blend", { i: row.i, blend: event.target.value })),
      h("button", { type: "button", class: "quiet paint", "aria-pressed": String(row.painting), "data-key": `paint-${row.i}`,
        text: row.painted ? "Painted where" : "Paint where", title: "Paint on the picture where this edit may act",
        "aria-label": `Paint where ${row.name} may act`, onclick: () => act("paint", { i: row.i }) })));
}
// The row that was asked for: its tab may be about to open.
function turn(index, tries = 40) {
  const row = box.querySelectorAll(".edit")[index];
  if (!row) return;
  if (!row.offsetParent) { if (tries) setTimeout(() => turn(index, tries - 1), 50); return; }
  row.scrollIntoView({ block: "nearest" });
  row.querySelector("input[type=range]").focus({ preventScroll: true });
  row.classList.add("asked");
  setTimeout(() => row.classList.remove("asked"), 1600);
}
start((value) => {
  refill(value.rows.length
    ? h("ol", { class: "edits" }, value.rows.map((row) => item(row, value.rows.length)))
    : h("p", { class: "hint", text: "No edits yet. Take a direction from the shelf below, or learn a new one." }));
  window.eclipsedEdits = value.rows.map((row) => row.name);
  window.dispatchEvent(new CustomEvent("eclipsed-edits"));
  if (Number.isInteger(value.go)) turn(value.go);
});
