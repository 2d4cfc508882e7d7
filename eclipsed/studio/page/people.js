// All faces of the visitor's own, above the edits of the one that is shown: a press shows another with its own edits.
start((value) => {
  const called = (face) => (value.several ? `${face.name}, number ${face.called}` : `Number ${face.called}`);
  refill(value.faces.length ? h("ul", { class: "strip" }, value.faces.map((face) => h("li", {},
    h("button", { type: "button", class: "person", "aria-pressed": String(face.shown), "data-key": `person-${face.token}-${face.number}`,
      "aria-label": `${called(face)}: ${face.edits || "no edits"}`, title: `${called(face)}: ${face.edits || "no edits"}`,
      onclick: () => act("take", { token: face.token, number: face.number }) },
      h("img", { src: face.src, alt: "" }), face.edits ? h("span", { class: "dot", "aria-hidden": "true" }) : null)))) : null,
  value.faces.length && value.share ? h("button", { type: "button", class: "quiet", text: `Give these edits to all ${subject}s`, "data-key": "share", onclick: () => act("share") }) : null);
});
