// Faces of a part: those to paint on, or those on which it was found. A press puts one under the brush.
const MARKS = { painted: ["\u2713", "painted"], none: ["\u2205", "none of it"] };
const face = (value, one) => {
  const [sign, words] = MARKS[one.mark] || [];
  return h("li", { class: [one.current ? "current" : "", one.mark].join(" ").trim() },
    h("button", { type: "button", class: "pick", "data-key": `face-${one.seed}`, "data-seed": one.seed, "aria-pressed": String(one.current),
      "aria-label": `${value.verb} the ${subject} of seed ${one.seed}` + (words ? `, ${words}` : ""), onclick: () => act("open", { seed: one.seed }) },
    h("img", { src: one.src, alt: "" }), sign ? h("span", { class: "sign", "aria-hidden": "true", text: sign }) : null,
    h("span", { class: "seed", text: one.seed })));
};
start((value) => {
  if (!value.faces.length) { refill(); return; }
  refill(h("h4", { text: value.title }), h("p", { class: "prompt", role: "status", text: value.said }),
    h("ul", { class: "seeds" }, value.faces.map((one) => face(value, one))),
    h("div", { class: "bar" }, value.tools.map(([what, text]) => h("button", { type: "button", class: "quiet", "data-key": what, text, onclick: () => act(what) }))));
});
