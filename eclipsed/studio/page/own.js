// The visitor's own pictures: each face as the picture shows it beside what the generator makes of it.
const picture = (src, alt, text) => h("figure", {}, h("img", { src, alt }), h("figcaption", { text }));
function one(portrait, face) {
  const name = portrait.faces.length > 1 || face.called > 1 ? `Number ${face.called}` : `Your ${subject}`;
  const of = portrait.several ? ` of ${portrait.name}` : "";
  const close = face.psnr === null ? "how close is not known" : `${face.psnr.toFixed(1)} dB`;
  return h("li", { class: face.shown ? "current" : "", "data-number": face.number, "data-psnr": face.psnr },
    h("div", { class: "pair" }, face.before ? picture(face.before, `${name}${of} in the picture`, "picture") : null,
      picture(face.after, `${name}${of}, editable`, "editable")),
    h("p", { title: `How close the editable ${subject} comes to the picture, as peak signal-to-noise ratio: higher is closer` }, h("strong", { text: name }), " ", h("span", { class: "figure" }, h("b", { text: close }))),
    h("p", { class: "edits", text: face.edits || "no edits" }),
    h("button", { type: "button", class: "quiet", "data-key": `take-${portrait.token}-${face.number}`, "aria-pressed": String(face.shown), disabled: face.shown,
      text: face.shown ? "Being edited" : "Edit this one", "aria-label": face.shown ? `${name}${of} is being edited` : `Edit ${name.toLowerCase()}${of}`,
      onclick: () => act("take", { token: portrait.token, number: face.number }) }));
}
start((value) => {
  const several = value.portraits.length > 1;
  refill(value.portraits.map((portrait) => h("section", { class: "own-picture", "aria-label": portrait.name },
    h("p", { class: "hint" }, h("strong", { text: portrait.name }), portrait.picture ? " " : " To put it back, choose its picture above. ",
      h("button", { type: "button", class: "quiet", text: "Forget it", "data-key": `forget-${portrait.token}`, "aria-label": several ? `Forget ${portrait.name}` : "Forget my picture", onclick: () => act("forget", { token: portrait.token }) })),
    portrait.left.map((text) => h("p", { class: "warning", text })),
    h("ul", { class: "own-faces" }, portrait.faces.map((face) => one({ ...portrait, several }, face))))),
    value.portraits.length ? null : h("p", { class: "hint", text: `Choose pictures, or drop them here, and make them editable: all tabs then work on the ${subject}s, each with edits of its own. When they are as you like them, put them back. Nobody else sees them, and they go when the page is closed.` }));
});
