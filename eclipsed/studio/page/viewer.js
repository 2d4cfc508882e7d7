// The face before and after: a line to drag between the two, and a button that shows the face as it was while held.
let split = 50;
const before = h("img", { class: "face", alt: "", draggable: "false" });
const after = h("img", { class: "face", alt: "", draggable: "false" });
const cover = h("div", { class: "cover" }, before);
const line = h("div", { class: "line", "aria-hidden": "true" });
const range = h("input", {
  type: "range", min: 0, max: 100, step: 1, value: split, class: "splitter",
  "aria-label": "Line between before and after", "data-key": "split",
  oninput: () => place(+range.value),
});
const tags = [h("span", { class: "tag left", text: "before" }), h("span", { class: "tag right", text: "after" })];
const stage = h("div", { class: "stage" }, after, cover, line, ...tags, range);
const caption = h("p", { class: "caption" });
const hold = h("button", {
  type: "button", class: "quiet", "aria-pressed": "false", text: "Hold for before",
  title: `Shows the ${subject} without edits while it is held (mouse, touch, Space)`,
});
const lineButton = h("button", {
  type: "button", class: "quiet", "aria-pressed": "true", text: "Split line",
  onclick: () => { stage.classList.toggle("whole"); show(); },
});
const step = (what, text) => h("button", { type: "button", class: "quiet", text, "data-do": what, onclick: () => act(what) });
const buttons = [step("undo", "Undo"), step("redo", "Redo"), step("reset", "Reset")];
box.replaceChildren(stage, caption, h("div", { class: "bar steps" }, ...buttons), h("div", { class: "bar looks" }, hold, lineButton));

function place(value) {
  split = value;
  stage.style.setProperty("--split", value + "%");
}
function show() {
  lineButton.setAttribute("aria-pressed", String(!stage.classList.contains("whole")));
}
const press = (down) => {
  stage.classList.toggle("held", down);
  hold.setAttribute("aria-pressed", String(down));
};
hold.addEventListener("pointerdown", (event) => { hold.setPointerCapture(event.pointerId); press(true); });
for (const name of ["pointerup", "pointercancel", "blur"]) hold.addEventListener(name, () => press(false));
hold.addEventListener("keydown", (event) => { if (event.key === " " || event.key === "Enter") { event.preventDefault(); press(true); } });
hold.addEventListener("keyup", () => press(false));
hold.addEventListener("contextmenu", (event) => event.preventDefault());
place(split);
start((value) => {
  if (value.kept) {
    try { sessionStorage.setItem("eclipsed-look", value.kept); } catch { } // a browser may keep nothing: then a reload begins anew
  }
  if (!value.after) { stage.classList.add("empty"); caption.textContent = value.caption || ""; return; }
  stage.classList.remove("empty");
  if (before.src !== value.before) before.src = value.before;
  if (after.src !== value.after) after.src = value.after;
  after.alt = value.caption;
  window.eclipsedFace = value.after; // a brush paints on it
  window.dispatchEvent(new CustomEvent("eclipsed-face"));
  after.dataset.version = value.version;
  stage.classList.toggle("same", value.same);
  caption.textContent = value.caption;
  for (const button of buttons) button.disabled = !value.can[button.dataset.do];
  for (const button of [hold, lineButton]) button.disabled = value.same;
  if (value.sent !== undefined) window.dispatchEvent(new CustomEvent("eclipsed-drawn", { detail: value.sent }));
});
