// The face before and after: a line to drag between the two, and a button that shows the face as it was while held.
const { stage, after, show: fill } = splitStage("Line between before and after");
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
start((value) => {
  if (value.kept) {
    try { sessionStorage.setItem("eclipsed-look", value.kept); } catch { } // a browser may keep nothing: then a reload begins anew
  }
  if (!value.after) { stage.classList.add("empty"); caption.textContent = value.caption || ""; return; }
  stage.classList.remove("empty");
  fill(value.before, value.after, value.caption, value.same);
  window.eclipsedFace = value.after; // a brush paints on it
  window.dispatchEvent(new CustomEvent("eclipsed-face"));
  after.dataset.version = value.version;
  caption.textContent = value.caption;
  for (const button of buttons) button.disabled = !value.can[button.dataset.do];
  for (const button of [hold, lineButton]) button.disabled = value.same;
  if (value.sent !== undefined) window.dispatchEvent(new CustomEvent("eclipsed-drawn", { detail: value.sent }));
});
