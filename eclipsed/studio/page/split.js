// Two pictures of the same size, one over the other, with a line to drag between them: by mouse, touch or keyboard.
function splitStage(label) {
  const before = h("img", { class: "face", alt: "", draggable: "false" });
  const after = h("img", { class: "face", alt: "", draggable: "false" });
  const range = h("input", {
    type: "range", min: 0, max: 100, step: 1, value: 50, class: "splitter", "aria-label": label, "data-key": "split",
    oninput: () => stage.style.setProperty("--split", range.value + "%"),
  });
  const stage = h("div", { class: "stage" }, after, h("div", { class: "cover" }, before),
    h("div", { class: "line", "aria-hidden": "true" }),
    h("span", { class: "tag left", text: "before" }), h("span", { class: "tag right", text: "after" }), range);
  const show = (old, fresh, text, same) => {
    if (before.src !== old) before.src = old;
    if (after.src !== fresh) after.src = fresh;
    after.alt = text;
    stage.classList.toggle("same", same);
  };
  return { stage, after, show };
}
