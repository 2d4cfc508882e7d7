// The parts that were painted and are kept: each can be painted further, or removed.
start((value) => {
  if (!value.parts.length) { refill(h("p", { class: "hint", text: value.hint })); return; }
  refill(h("h4", { text: "Parts that are kept" }), h("ul", { class: "kept-parts" }, value.parts.map((part) => h("li", { "data-part": part.name },
    h("span", {}, h("strong", { text: part.title }), " ", h("span", { class: "prompt", text: `painted on ${part.paintings}; say ${part.words.map((word) => `\u201c${word}\u201d`).join(" or ")}` })),
    h("button", { type: "button", class: "quiet", "data-key": `correct-${part.name}`, text: "Correct", "aria-label": `Correct ${part.title}`, onclick: () => act("correct", { name: part.name }) }),
    h("button", { type: "button", class: "quiet", "data-key": `remove-${part.name}`, text: "Remove", "aria-label": `Remove ${part.title}`, onclick: () => act("remove", { name: part.name }) })))));
});
