// The visitor's picture: as it was chosen, or with the edit put back.
start((value) => {
  box.dataset.title = value.title || "";
  refill(value.src ? h("figure", {}, h("img", { src: value.src, alt: value.title }), h("figcaption", { text: value.title })) : null,
    value.note ? h("p", { class: "warning", role: "status", text: value.note }) : null);
});
