// Faces to pick from. A press takes one, or marks it as one of a group; the mark in its corner picks it for comparing.
const KEYS = { "+": "with", "-": "without" }; // whatever a press does
const marking = () => (window.eclipsedMarking === "with" || window.eclipsedMarking === "without" ? window.eclipsedMarking : null);
const press = (face) => (marking() ? act("mark", { seed: face.seed, group: marking() }) : act("pick", { seed: face.seed }));
function said(face) {
  const group = marking();
  if (!group) return { "aria-pressed": String(face.current), "aria-label": `Take the ${subject} of seed ${face.seed}` + (face.group ? `, marked as ${face.group}` : "") };
  return { "aria-pressed": String(face.group === group), "aria-label": `Mark the ${subject} of seed ${face.seed} as ${group}` };
}
const blank = () => h("li", { class: "blank", "aria-hidden": "true" });
function wait() { // until the faces that were asked for are drawn
  box.setAttribute("aria-busy", "true");
  refill(h("p", { class: "unseen", role: "status", text: "The faces are being drawn" }), h("ul", { class: "seeds" }, Array.from({ length: props.value.count }, blank)));
}
window.addEventListener("eclipsed-turn", wait);
window.addEventListener("eclipsed-marking", () => props.value.faces.length && draw(props.value));
window.addEventListener("eclipsed-stay", () => draw(props.value)); // nothing came of it
start(draw);
function draw(value) {
  if (!value.faces.length) { wait(); return; }
  box.setAttribute("aria-busy", "false");
  refill(h("ul", { class: "seeds" }, value.faces.map((face) => h("li", { class: [face.current ? "current" : "", face.group || ""].join(" ").trim() },
  h("button", { type: "button", class: "pick", "data-key": `face-${face.seed}`, "data-seed": face.seed, ...said(face), onclick: () => press(face),
    onkeydown: (event) => { const group = KEYS[event.key]; if (group) { event.preventDefault(); act("mark", { seed: face.seed, group }); } } },
    h("img", { src: face.src, alt: "" }), face.group ? h("span", { class: "sign", "aria-hidden": "true", text: face.group === "with" ? "+" : "\u2212" }) : null,
    h("span", { class: "seed", text: face.seed })),
  h("label", { class: "mark", title: "Pick for comparing" },
    h("input", { type: "checkbox", checked: face.chosen, "data-key": `mark-${face.seed}`, "aria-label": `Compare seed ${face.seed}`,
      onchange: () => act("choose", { seed: face.seed }) }))))));
}
