// Two groups of faces, marked on the wall below, that a direction can lead between.
const hints = { take: `Mark some that have something and some that lack it, and make a direction of them.`,
  with: `A press marks a ${subject} that has what the direction shall bring.`, without: `A press marks a ${subject} that lacks it.` };
window.eclipsedMarking ||= "take"; // what a press on the wall does
const field = (key, label, placeholder, most) => h("input", { type: "text", maxlength: most, placeholder, "aria-label": label, "data-key": key, class: "text" });
const sentence = field("groups-sentence", "What they have, as a sentence", "as a sentence, optional", 1000);
const name = field("groups-name", "Name on the shelf", "optional", 60);
const labelled = (text, input) => h("label", { class: "field" }, h("span", { text }), input);
function mode(value, what) {
  const chosen = window.eclipsedMarking === what;
  const text = { take: "Take it", with: "Mark as with it", without: "Mark as without it" }[what];
  return h("button", { type: "button", role: "radio", class: "chip", "aria-checked": String(chosen), "data-key": `mode-${what}`, text,
    tabindex: chosen ? 0 : -1, onclick: () => turn(value, what),
    onkeydown: (event) => {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      const all = ["take", "with", "without"], next = all[(all.indexOf(what) + by + 3) % 3];
      turn(value, next);
      box.querySelector(`[data-key="mode-${next}"]`).focus();
    } });
}
function turn(value, what) {
  window.eclipsedMarking = what;
  window.dispatchEvent(new CustomEvent("eclipsed-marking"));
  draw(value);
}
function group(what, faces) {
  return h("div", { class: `group ${what}` }, h("h4", { text: `${faces.length} ${what} it` }),
    h("ul", {}, faces.map((face) => h("li", {}, h("button", { type: "button", class: "thumb", "data-key": `${what}-${face.seed}`, title: "Take the mark away",
      "aria-label": `Take the mark “${what}” off seed ${face.seed}`, onclick: () => act("mark", { seed: face.seed, group: what }) }, h("img", { src: face.src, alt: "" }))))));
}
function draw(value) {
  const marked = value.with.length + value.without.length, what = window.eclipsedMarking;
  const ready = value.with.length && value.without.length;
  refill(
    h("div", { class: "modes" }, h("span", { id: "modes-label", text: `A press on a ${subject}` }),
      h("div", { class: "chips", role: "radiogroup", "aria-labelledby": "modes-label" }, Object.keys(hints).map((one) => mode(value, one)))),
    what === "take" && !marked ? h("p", { class: "hint", text: hints.take }) : h("div", { class: "marked" },
      h("p", { class: "hint", text: hints[what] + (ready ? "" : " At least one of each, better a dozen.") }),
      group("with", value.with), group("without", value.without),
      labelled("They have", sentence), labelled("Name", name),
      h("div", { class: "bar" },
        h("button", { type: "button", class: "primary", "data-key": "make-direction", disabled: !ready, text: "Make a direction",
          onclick: () => act("make", { prompt: sentence.value, name: name.value }) }),
        h("button", { type: "button", class: "quiet", "data-key": "clear-marks", disabled: !marked, text: "Clear marks", onclick: () => act("clear") }))));
}
start(draw);
