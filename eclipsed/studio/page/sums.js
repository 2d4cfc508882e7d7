// Directions of the shelf added, subtracted, and taken out of each other, line by line.
let lines = [{ how: "plus", name: "", weight: 1 }, { how: "minus", name: "", weight: 1 }];
const name = h("input", { type: "text", maxlength: 60, class: "text", placeholder: "name, optional", "aria-label": "Name on the shelf", "data-key": "sum-name" });
const WAYS = [["plus", "plus"], ["minus", "minus"], ["without", "without"]];
const pick = (key, label, options, chosen, onchange) => h("select", { "data-key": key, "aria-label": label, onchange: (event) => onchange(event.target.value) },
  options.map(([value, text]) => h("option", { value, text, selected: value === chosen })));
function row(line, k) {
  const names = [["", "choose one"], ...(window.eclipsedShelf || []).map((one) => [one, one])];
  return h("li", { class: "term", "data-how": line.how },
    pick(`how-${k}`, `What line ${k + 1} does`, k ? WAYS : WAYS.slice(0, 2), line.how, (value) => { line.how = value; draw(); }),
    pick(`term-${k}`, `Direction of line ${k + 1}`, names, line.name, (value) => { line.name = value; draw(); }),
    line.how === "without" ? null : h("input", { type: "number", class: "alpha", step: 0.1, min: 0.05, max: 10, value: line.weight, "aria-label": `Strength of line ${k + 1}`,
      "data-key": `weight-${k}`, title: "How much of its full strength", oninput: (event) => { line.weight = +event.target.value; box.querySelector("[data-key=sum]").disabled = !ready(); } }),
    h("button", { type: "button", class: "icon", text: "\u00d7", title: "Remove this line", "aria-label": `Remove line ${k + 1}`, "data-key": `drop-${k}`, disabled: k === 0,
      onclick: () => { lines.splice(k, 1); draw(); } }));
}
const chosen = () => lines.filter((line) => line.name && (line.how === "without" || line.weight > 0));
function ready() {
  const some = chosen();
  return some.length > 0 && some[0] === lines[0] && (some.length > 1 || some[0].how === "minus" || some[0].weight !== 1);
}
function draw(value = props.value) {
  refill(
    h("p", { class: "hint", text: "Full edits together, each as strong as its number says. “Without” takes out of the rest what that direction does." }),
    h("ol", { class: "terms" }, lines.map(row)),
    h("div", { class: "bar" },
      h("button", { type: "button", class: "quiet", text: "One more line", "data-key": "more", disabled: lines.length >= value.most, onclick: () => { lines.push({ how: "plus", name: "", weight: 1 }); draw(); } }),
      name, h("button", { type: "button", class: "primary", text: "Put it on the shelf", "data-key": "sum", disabled: !ready(),
        onclick: () => act("sum", { lines: chosen(), name: name.value }) })),
    value.message ? h("p", { class: "done", role: "status", text: value.message }) : null,
    value.made ? h("button", { type: "button", class: "primary", "data-key": "use-sum", onclick: () => act("add", { name: value.made }),
      text: onFace().includes(value.made) ? `Go to the row of ${value.made}` : `Add ${value.made} to the ${subject}` }) : null);
  box.dataset.made = value.made || "";
}
window.addEventListener("eclipsed-shelf", () => draw());
window.addEventListener("eclipsed-edits", () => draw());
start((value) => { if (value.made) name.value = ""; draw(value); });
