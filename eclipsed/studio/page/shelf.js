// Directions to take: the picture shows what each makes of the face at full strength.
const figure = (label, text, title) => h("span", { class: "figure", title }, h("b", { text }), " " + label);
function card(item) {
  const scores = [];
  if (item.success !== null) scores.push(figure("reached", percent(item.success), "Held-out faces that CLIP then finds to match the sentence"));
  if (item.locality !== null) scores.push(figure("local", percent(item.locality), "Share of the change that falls inside the part"));
  return h("li", {},
    h("button", { type: "button", class: "card", "data-key": item.name, "data-name": item.name, title: `Add to the face: ${item.prompt}`,
      "aria-label": `Add ${item.name} to the face`, onclick: () => act("add", { name: item.name }) },
      h("img", { src: item.thumb, alt: "", loading: "lazy" }), h("strong", { text: item.name }),
      h("span", { class: "prompt", text: item.note || item.prompt }), h("span", { class: "figures" }, ...scores)),
    item.shipped ? null : h("button", { type: "button", class: "icon drop", text: "\u00d7", title: "Remove from the shelf",
      "aria-label": `Remove ${item.name} from the shelf`, onclick: () => confirm(`Remove \u201c${item.name}\u201d from the shelf?`) && act("forget", { name: item.name }) }));
}
start((value) => refill(value.items.length
  ? h("ul", { class: "cards" }, value.items.map(card))
  : h("p", { class: "hint", text: "The shelf is empty. Learn a direction first." })));
