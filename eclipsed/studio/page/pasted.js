// The visitor's whole picture: as it was chosen, or before and after its edits, with a mark on each face to press.
const split = splitStage("Line between the picture before and after");
const spots = h("div", { class: "spots" });
split.stage.append(spots);
const caption = h("p", { class: "caption" });
const note = h("p", { class: "warning", role: "status" });
split.after.addEventListener("load", () => {
  split.stage.style.aspectRatio = `${split.after.naturalWidth} / ${split.after.naturalHeight}`;
});
box.replaceChildren(split.stage, caption, note);
let last = {};
start((told) => {
  // what was put back stays while another face of the same picture is pressed
  const stays = told.token && told.token === last.token && last.after && !told.after;
  const value = stays ? { ...last, spots: told.spots } : told;
  last = value;
  const shown = Boolean(value.before);
  box.dataset.title = value.title || "";
  split.stage.hidden = caption.hidden = !shown;
  note.hidden = !value.note;
  note.textContent = value.note || "";
  caption.textContent = value.title || "";
  if (!shown) return;
  split.show(value.before, value.after || value.before, value.title, !value.after);
  spots.replaceChildren(...(value.spots || []).map((spot) => {
    const [left, top] = spot.box;
    return h("button", { type: "button", class: "spot", style: `left: ${100 * left}%; top: ${100 * top}%`, "aria-pressed": String(spot.shown),
      text: spot.called, "aria-label": `Edit number ${spot.called} on the picture`, title: spot.edits || "no edits",
      onclick: () => act("take", { token: value.token, number: spot.number }) });
  }));
});
