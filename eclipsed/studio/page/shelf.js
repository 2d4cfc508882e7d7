// Directions to take: the picture shows what each makes of the face at full strength.
const figure = (label, text, title) => h("span", { class: "figure", title }, h("b", { text }), " " + label);
function card(item) {
  const scores = [];
  if (item.success !== null) scores.push(figure("reached", percent(item.success), "Held-out faces that CLIP then finds to match the sentence"));
  if (item.locality !== null) scores.push(figure("local", percent(item.locality), "Share of the change that falls inside the part"));
  return h("li", {},
    h("button", { type: "button", class: "card", "data-key": item.name, "data-name": item.name, "data-prompt": item.prompt,
      onclick: () => act("add", { name: item.name }) },
      h("img", { src: item.thumb, alt: "", loading: "lazy" }), h("strong", { text: item.name }),
      h("span", { class: item.note ? "prompt note" : "prompt", title: item.note || null, text: item.note || (item.prompt === item.name ? "" : item.prompt) }),
      item.weak ? h("span", { class: "warning", text: item.weak }) : null, h("span", { class: "figures" }, ...scores)),
    item.shipped ? null : h("button", { type: "button", class: "icon drop", text: "\u00d7", title: "Remove from the shelf",
      "aria-label": `Remove ${item.name} from the shelf`, onclick: () => confirm(`Remove \u201c${item.name}\u201d from the shelf?`) && act("forget", { name: item.name }) }));
}
// A direction is on the face once: a press on its card then goes to its row. A full stack takes no more.
function mark() {
  const names = onFace();
  for (const node of box.querySelectorAll(".card")) {
    const { name, prompt } = node.dataset, there = names.includes(name);
    node.classList.toggle("there", there);
    node.disabled = !there && names.length >= props.value.most;
    node.title = there ? `It is on the ${subject}; a press goes to its row` : `Add to the ${subject}: ${prompt}`;
    node.setAttribute("aria-label", there ? `Go to the row of ${name}` : `Add ${name} to the ${subject}`);
  }
}
window.addEventListener("eclipsed-edits", mark);
const blank = () => h("li", { class: "blank", "aria-hidden": "true" });
start((value) => {
  if (!value.waiting) {
    window.eclipsedShelf = value.items.map((item) => item.name); // for whoever adds and subtracts them
    window.dispatchEvent(new CustomEvent("eclipsed-shelf"));
  }
  box.setAttribute("aria-busy", String(Boolean(value.waiting)));
  refill(value.waiting ? [h("p", { class: "unseen", role: "status", text: "The shelf is being drawn" }), h("ul", { class: "cards" }, Array.from({ length: 8 }, blank))]
    : value.items.length ? h("ul", { class: "cards" }, value.items.map(card))
    : h("p", { class: "hint", text: "The shelf is empty. Learn a direction first." }));
  if (!value.waiting) mark();
});
