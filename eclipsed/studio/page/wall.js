// Faces to pick from. A press takes one; the mark in its corner picks it for comparing.
start((value) => refill(h("ul", { class: "seeds" }, value.faces.map((face) => h("li", { class: face.current ? "current" : "" },
  h("button", { type: "button", class: "pick", "data-key": `face-${face.seed}`, "data-seed": face.seed, "aria-pressed": String(face.current),
    "aria-label": `Take the face of seed ${face.seed}`, onclick: () => act("pick", { seed: face.seed }) },
    h("img", { src: face.src, alt: "" }), h("span", { class: "seed", text: face.seed })),
  h("label", { class: "mark", title: "Pick for comparing" },
    h("input", { type: "checkbox", checked: face.chosen, "data-key": `mark-${face.seed}`, "aria-label": `Compare seed ${face.seed}`,
      onchange: () => act("choose", { seed: face.seed }) })))))));
