// Directions side by side on the same faces, with what was measured.
const measure = (label, value, title) => h("span", { class: "figure", title }, label + " ", h("b", { text: value }));
start((value) => {
  if (!value.rows) { refill(h("p", { class: "hint", text: value.hint })); return; }
  refill(h("p", { class: "hint", text: value.note }), h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Comparison" }, h("table", { class: "grid" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col", text: "Direction" }), value.alphas.map((alpha) => h("th", { scope: "col", text: value.equal ? `as ${signed(alpha)}` : signed(alpha) })))),
    h("tbody", {}, value.rows.map((row) => h("tr", { "data-name": row.name }, h("th", { scope: "row" }, h("strong", { text: row.name }), h("span", { class: "prompt", text: row.config })),
      row.cells.map((cell) => h("td", {}, h("div", { class: "faces" }, cell.src.map((src) => h("img", { src, alt: `${row.name} ${signed(cell.alpha)}` }))),
        h("div", { class: "figures" }, measure("\u03b1", signed(cell.alpha) + (cell.reached ? "" : " (its end)"), "Strength"),
          measure("change", (100 * cell.change).toFixed(2), "Mean absolute change of the picture, in % of half the range"),
          cell.outside === null ? null : measure("outside", (100 * cell.outside).toFixed(2), "The same, outside the part"),
          cell.clip_gain === null ? null : measure("CLIP", signed(cell.clip_gain, 3), "Rise of CLIP\u2019s cosine with the sentence"))))))))));
});
