// One face under two directions; a press on a cell takes it.
start((value) => {
  if (!value.rows) { refill(h("p", { class: "hint", text: value.hint })); return; }
  refill(h("table", { class: "grid" },
    h("caption", { text: `${value.names[0]} grows downwards, ${value.names[1]} to the right. Press a ${subject} to take it.` }),
    h("thead", {}, h("tr", {}, h("td"), value.across.map((alpha) => h("th", { scope: "col", text: signed(alpha) })))),
    h("tbody", {}, value.rows.map((row, i) => h("tr", {}, h("th", { scope: "row", text: signed(value.down[i]) }),
      row.map((src, j) => h("td", {}, h("button", { type: "button", class: "cell", "data-key": `cell-${i}-${j}`, "data-cell": `${i},${j}`,
        "aria-label": `Take ${value.names[0]} ${signed(value.down[i])}, ${value.names[1]} ${signed(value.across[j])}`,
        onclick: () => act("take", { alphas: [value.down[i], value.across[j]] }) }, h("img", { src, alt: "" })))))))));
});
