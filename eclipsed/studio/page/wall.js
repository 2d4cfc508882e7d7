// Faces to pick from. A press takes one; the mark in its corner picks it for comparing.
const blank = () => h("li", { class: "blank", "aria-hidden": "true" });
function wait() { // until the faces that were asked for are drawn
  box.setAttribute("aria-busy", "true");
  refill(h("p", { class: "unseen", role: "status", text: "The faces are being drawn" }), h("ul", { class: "seeds" }, Array.from({ length: props.value.count }, blank)));
}
window.addEventListener("eclipsed-turn", wait);
window.addEventListener("eclipsed-stay", () => draw(props.value)); // nothing came of it
start(draw);
function draw(value) {
  if (!value.faces.length) { wait(); return; }
  box.setAttribute("aria-busy", "false");
  refill(h("ul", { class: "seeds" }, value.faces.map((face) => h("li", { class: face.current ? "current" : "" },
  h("button", { type: "button", class: "pick", "data-key": `face-${face.seed}`, "data-seed": face.seed, "aria-pressed": String(face.current),
    "aria-label": `Take the ${subject} of seed ${face.seed}`, onclick: () => act("pick", { seed: face.seed }) },
    h("img", { src: face.src, alt: "" }), h("span", { class: "seed", text: face.seed })),
  h("label", { class: "mark", title: "Pick for comparing" },
    h("input", { type: "checkbox", checked: face.chosen, "data-key": `mark-${face.seed}`, "aria-label": `Compare seed ${face.seed}`,
      onchange: () => act("choose", { seed: face.seed }) }))))));
}
