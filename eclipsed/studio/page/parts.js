// The parts that may change, over the picture. A press on it, or on a name, adds a part or takes it away.
const canvas = h("canvas", { "aria-hidden": "true" });
let labels = null, current = null;
const load = (src) => new Promise((done) => { const image = new Image(); image.onload = () => done(image); image.src = src; });
const pixels = (image) => {
  const page = document.createElement("canvas");
  page.width = image.naturalWidth; page.height = image.naturalHeight;
  const context = page.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, page.width, page.height);
};
async function paint(value) {
  current = value;
  const [face, map] = await Promise.all([load(value.face), load(value.labels)]);
  if (current !== value) return;
  labels = pixels(map);
  const picture = pixels(face);
  const on = new Set(value.parts.filter((part) => part.on).map((part) => part.label));
  for (let at = 0; at < labels.data.length; at += 4) {
    const tint = on.has(labels.data[at]) ? [255, 94, 58, 0.5] : [250, 250, 250, 0.35];
    for (let c = 0; c < 3; c++) picture.data[at + c] += (tint[c] - picture.data[at + c]) * tint[3];
  }
  canvas.width = picture.width; canvas.height = picture.height;
  canvas.getContext("2d").putImageData(picture, 0, 0);
  canvas.dataset.ready = value.parts.filter((part) => part.on).map((part) => part.name).join(",");
}
canvas.addEventListener("click", (event) => {
  if (!labels) return;
  const area = canvas.getBoundingClientRect();
  const x = Math.floor(((event.clientX - area.left) / area.width) * labels.width);
  const y = Math.floor(((event.clientY - area.top) / area.height) * labels.height);
  const label = labels.data[4 * (y * labels.width + x)];
  const part = current.parts.find((one) => one.label === label);
  if (part) act("part", { name: part.name });
});
// What is being typed is no word yet: warnings wait for a pause.
const warnings = h("div", { class: "warnings", role: "status" });
let pause = null;
function warn(texts) {
  clearTimeout(pause);
  const put = () => warnings.replaceChildren(...texts.map((text) => h("p", { class: "warning", text })));
  const shown = [...warnings.children].map((node) => node.textContent);
  warnings.replaceChildren(...[...warnings.children].filter((node) => texts.includes(node.textContent)));
  if (texts.some((text) => !shown.includes(text))) pause = setTimeout(put, 600);
}
start((value) => {
  if (!value.face) return;
  const words = value.words.length
    ? value.words.map(([words, parts]) => h("li", {}, h("q", { text: words }), " \u2192 " + parts.join(", ")))
    : [h("li", { text: value.hint })];
  refill(
    h("div", { class: "found" }, canvas, h("div", {},
      h("h4", { text: "What may change" }), h("ul", { class: "words" }, words),
      warnings,
      h("div", { class: "chips", role: "group", "aria-label": "Parts that may change" }, value.parts.map((part) =>
        h("button", { type: "button", class: "chip", "aria-pressed": String(part.on), "data-key": `part-${part.name}`, text: part.title,
          onclick: () => act("part", { name: part.name }) }))))));
  warn(value.warnings);
  paint(value);
});
