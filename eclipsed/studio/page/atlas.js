// The moves of a part: what each is called, a strip, and a slider through it; a press takes it at that strength.
start((value) => {
  if (!value.moves.length) { refill(h("p", { class: "hint", text: value.hint })); return; }
  refill(h("ul", { class: "moves" }, value.moves.map((move) => {
    const last = value.alphas.length - 1, called = `${value.title} ${move.number + 1}`;
    const face = h("img", { class: "big", src: move.frames[last], alt: `${called} on the ${subject}` });
    const says = h("output", { text: signed(value.alphas[last]) });
    const range = h("input", { type: "range", min: 0, max: last, step: 1, value: last, "aria-label": `Strength of ${called}`, "data-key": `move-${move.number}` });
    const show = () => {
      face.src = move.frames[range.value];
      says.textContent = signed(value.alphas[range.value]);
      range.setAttribute("aria-valuetext", says.textContent);
    };
    range.addEventListener("input", show);
    const frame = (src, k) => h("button", { type: "button", class: "frame", "aria-label": `Show ${called} at ${signed(value.alphas[k])}`,
      onclick: () => { range.value = k; show(); } }, h("img", { src, alt: "" }));
    return h("li", { class: "move", "data-number": move.number }, face,
      h("div", {}, h("p", {}, "More of ", h("q", { text: move.more }), ", less of ", h("q", { text: move.less })),
        h("p", { class: "prompt", text: `${percent(move.inside)} of the change lies in the part` }),
        h("div", { class: "strip" }, move.frames.map(frame)),
        h("div", { class: "slide" }, range, says),
        h("button", { type: "button", class: "quiet", text: `Take it to the ${subject}`, "aria-label": `Take ${called} to the ${subject}`,
          onclick: () => act("take", { number: move.number, alpha: value.alphas[range.value] }) })));
  })));
});
