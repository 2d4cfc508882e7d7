// Shared by every piece of the page, below a line that says what the pictures show: `subject`. A piece draws `props.value` into its own element and tells Python what was done
// there with trigger('act', {do: …}). Text goes in as text, never as markup.
const box = element.querySelector(".piece");
const h = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "text") node.textContent = value;
    else if (name === "value" || name === "checked" || name === "selected") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
};
const act = (what, more = {}) => trigger("act", { do: what, ...more });
const signed = (value, digits = 2) =>
  (value > 0 ? "+" : value < 0 ? "\u2212" : "") + Math.abs(value).toFixed(digits);
const percent = (value) => (value === null || value === undefined ? "\u2013" : Math.round(100 * value) + "%");
const refill = (...children) => {
  // keep the keyboard where it was: the element with the same data-key takes the focus back
  const key = box.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  box.replaceChildren(...children.flat().filter(Boolean));
  if (key) box.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
};
// The names of the directions on the face, which the shelf marks; told by the stack whenever it is drawn.
const onFace = () => window.eclipsedEdits || [];
const start = (draw) => {
  const run = () => {
    const value = props.value;
    if (value && typeof value === "object") draw(value);
  };
  watch("value", run);
  run();
};
