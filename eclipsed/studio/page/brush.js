// A picture on which a region is painted: with the mouse, a finger or a pen, or with the arrow keys and Space. Each stroke is told
// with all that is painted by then, as Python keeps masks: a side, and packed bits.
const photo = h("img", { alt: "", draggable: "false" });
const canvas = h("canvas", { tabindex: 0, role: "application", "data-key": "canvas" });
const pen = canvas.getContext("2d", { willReadFrequently: true });
const ring = h("span", { class: "ring", "aria-hidden": "true", hidden: true });
const title = h("h4"), size = h("input", { type: "range", min: 4, max: 96, step: 1, value: 32, "aria-label": "Size of the brush", "data-key": "size", oninput: () => circle() });
const past = [];
let key = "", side = 0, erasing = false, follows = true, sent = 0, told = Promise.resolve(), stroke = null, at = null;
const tool = (erases, text) => h("button", { type: "button", class: "chip", "aria-pressed": String(!erases), text, "data-key": text, onclick: () => { erasing = erases; press(); } });
const tools = [tool(false, "Paint"), tool(true, "Erase")];
const undo = h("button", { type: "button", class: "quiet", text: "Undo stroke", "data-key": "undo", onclick: () => { put(past.pop()); tell(); } });
const clear = h("button", { type: "button", class: "quiet", text: "Clear", "data-key": "clear", onclick: () => { keep(); pen.clearRect(0, 0, side, side); tell(); } });
const done = h("button", { type: "button", class: "quiet", text: "Done", "data-key": "done", onclick: () => act("close") });
const easel = h("div", { class: "easel" }, photo, canvas, ring);
const panel = [title, easel, h("div", { class: "bar" }, ...tools, h("label", { class: "size" }, h("span", { text: "Size" }), size), undo, clear, done)];

function press() {
  tools[0].setAttribute("aria-pressed", String(!erasing));
  tools[1].setAttribute("aria-pressed", String(erasing));
}
const snapshot = () => pen.getImageData(0, 0, side, side);
const put = (image) => { if (image) pen.putImageData(image, 0, 0); enable(); };
const keep = () => { past.push(snapshot()); if (past.length > 30) past.shift(); };
function packed() {
  const pixels = snapshot().data, bytes = new Uint8Array(Math.ceil((side * side) / 8));
  let some = false;
  for (let k = 0; k < side * side; k++) if (pixels[4 * k + 3] >= 128) { bytes[k >> 3] |= 128 >> (k & 7); some = true; }
  return some ? bytes : null;
}
function enable() {
  undo.disabled = !past.length;
  clear.disabled = !packed();
  canvas.dataset.painted = String(!clear.disabled);
}
const through = async (bytes, stream) => new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
function tell() {
  enable();
  const bytes = packed(), number = ++sent, of = key;
  told = told.then(async () => {
    const bits = bytes && btoa(String.fromCharCode(...await through(bytes, new CompressionStream("deflate"))));
    act("painted", { key: of, mask: bits && { side, bits }, sent: number });
  });
}
async function load(mask) {
  const image = new ImageData(side, side);
  if (mask) {
    const bytes = await through(Uint8Array.from(atob(mask.bits), (one) => one.charCodeAt(0)), new DecompressionStream("deflate"));
    for (let y = 0; y < side; y++) for (let x = 0; x < side; x++) {
      const k = Math.floor((y * mask.side) / side) * mask.side + Math.floor((x * mask.side) / side);
      if (bytes[k >> 3] & (128 >> (k & 7))) image.data.set([255, 94, 58, 255], 4 * (y * side + x));
    }
  }
  return image;
}
function line(from, to) {
  pen.globalCompositeOperation = erasing ? "destination-out" : "source-over";
  pen.strokeStyle = pen.fillStyle = "rgb(255 94 58)";
  pen.lineWidth = +size.value;
  pen.lineCap = pen.lineJoin = "round";
  pen.beginPath(); pen.moveTo(...from); pen.lineTo(...to); pen.stroke();
  pen.beginPath(); pen.arc(...to, size.value / 2, 0, 2 * Math.PI); pen.fill(); // a canvas draws no line without length
}
function place(event) {
  const area = canvas.getBoundingClientRect();
  return [((event.clientX - area.left) / area.width) * side, ((event.clientY - area.top) / area.height) * side];
}
function circle(spot = at) {
  at = spot;
  ring.hidden = !at;
  if (at) ring.style.cssText = `left:${(100 * at[0]) / side}%; top:${(100 * at[1]) / side}%; width:${(100 * size.value) / side}%`;
}
function begin(spot) { keep(); line(spot, spot); }
function follow(event) {
  const spot = place(event);
  if (stroke) { line(stroke.spot, spot); stroke.spot = spot; }
  circle(spot);
}
canvas.addEventListener("pointerdown", (event) => {
  if (event.button || stroke) return; // one hand paints: a second finger does nothing
  event.preventDefault();
  canvas.focus({ preventScroll: true });
  canvas.setPointerCapture(event.pointerId);
  stroke = { id: event.pointerId, spot: place(event) };
  begin(stroke.spot);
});
canvas.addEventListener("pointermove", (event) => {
  if (stroke && event.pointerId !== stroke.id) return;
  for (const one of event.getCoalescedEvents?.() || []) follow(one);
  follow(event);
});
canvas.addEventListener("pointerup", (event) => { if (stroke?.id === event.pointerId) { stroke = null; tell(); } });
canvas.addEventListener("pointercancel", (event) => { if (stroke?.id === event.pointerId) { stroke = null; put(past.pop()); } });
canvas.addEventListener("pointerleave", () => circle(null));
canvas.addEventListener("blur", () => circle(null));
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
canvas.addEventListener("keydown", (event) => {
  const step = STEPS[event.key], far = event.shiftKey ? 1 : Math.max(2, size.value / 4), spot = at || [side / 2, side / 2];
  if (step) circle(spot.map((one, axis) => Math.min(side, Math.max(0, one + far * step[axis]))));
  else if (event.key === " ") { circle(spot); begin(spot); tell(); }
  else if (event.key === "[" || event.key === "]") { size.value = +size.value + (event.key === "[" ? -4 : 4); circle(spot); }
  else return;
  event.preventDefault();
});
const look = () => { if (follows && key && window.eclipsedFace && photo.src !== window.eclipsedFace) photo.src = window.eclipsedFace; };
window.addEventListener("eclipsed-face", look);
start(async (value) => {
  if (!value.key) { key = ""; past.length = 0; stroke = null; box.replaceChildren(); return; }
  const other = value.key !== key;
  if (other) {
    past.length = 0; stroke = null; key = value.key;
    side = canvas.width = canvas.height = value.side;
    box.replaceChildren(...panel);
  }
  title.textContent = value.title;
  canvas.setAttribute("aria-label", `${value.title}. Arrow keys move the brush, Space paints.`);
  follows = !value.picture;
  if (value.picture) photo.src = value.picture; else look();
  const late = Number.isInteger(value.sent) && value.sent < sent;
  if (!other && (late || stroke)) return;
  const image = await load(value.mask);
  if (key === value.key && !stroke && (other || !Number.isInteger(value.sent) || value.sent >= sent)) put(image);
  if (other) { easel.scrollIntoView({ block: "nearest" }); canvas.focus({ preventScroll: true }); }
});
