// The lines of Python, and a button that copies them.
start((value) => {
  const code = h("pre", { tabindex: 0, "aria-label": "Python", text: value.code });
  const copy = h("button", { type: "button", class: "quiet", text: "Copy", onclick: async () => {
    try { await navigator.clipboard.writeText(value.code); copy.textContent = "Copied"; }
    catch { getSelection().selectAllChildren(code); copy.textContent = "Selected"; } // without https there is no clipboard
    setTimeout(() => (copy.textContent = "Copy"), 1500);
  } });
  refill(h("div", { class: "code" }, h("h4", { text: "The same in Python, with the edit stack beside it" }), code, copy));
});
