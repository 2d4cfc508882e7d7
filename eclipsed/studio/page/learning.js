// A training as it runs: where it stands, a curve for each figure, the face before and after, and what can be resumed.
const names = { survey: "Looking at faces", probe: "Choosing layers", train: "Learning", calibrate: "Setting the strength" };
const svg = (tag, attributes, text) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
};
function curve(title, points, steps) {
  const values = points.filter((point) => Number.isFinite(point[1]));
  const last = values.length ? values[values.length - 1][1] : null;
  const picture = svg("svg", { viewBox: "0 0 200 64", class: "curve", role: "img", preserveAspectRatio: "none",
    "aria-label": `${title}${last === null ? "" : ", now " + last.toFixed(3)}` });
  if (values.length > 1) {
    let low = Math.min(...values.map((v) => v[1])), high = Math.max(...values.map((v) => v[1]));
    if (high - low < 1e-6) { low -= 0.5; high += 0.5; }
    const at = ([step, value]) => `${((step / steps) * 200).toFixed(1)},${(58 - ((value - low) / (high - low)) * 52).toFixed(1)}`;
    picture.append(svg("polyline", { points: values.map(at).join(" "), "vector-effect": "non-scaling-stroke" }));
  }
  return h("figure", {}, h("figcaption", {}, title, h("b", { text: last === null ? "" : last.toFixed(3) })), picture);
}
function running(job) {
  const share = job.steps ? job.step / job.steps : 0;
  const place = job.status === "waiting"
    ? job.ahead ? `Waiting; ${job.ahead} before this one` : "About to begin"
    : `${names[job.phase] || "Preparing"} \u00b7 ${job.step} of ${job.steps || "\u2026"}` + (job.left ? ` \u00b7 about ${job.left} left` : "");
  return [
    h("div", { class: "status", role: "status" }, h("q", { text: job.prompt }), h("span", { text: job.over ? job.message : place })),
    job.over ? null : h("progress", { max: 1, value: share, "aria-label": "Progress of this phase" }),
    h("div", { class: "trace" },
      h("div", { class: "curves" }, Object.entries(job.curves).map(([name, points]) => curve(name[0].toUpperCase() + name.slice(1), points, job.total))),
      job.after ? h("div", { class: "pair" },
        h("figure", {}, h("img", { src: job.before, alt: `The ${subject} before` }), h("figcaption", { text: "before" })),
        h("figure", {}, h("img", { src: job.after, alt: `The ${subject} after step ${job.after_step}`, "data-step": job.after_step }), h("figcaption", { text: `after step ${job.after_step}` }))) : null),
    ...job.advice.map((text) => h("p", { class: "warning", role: "status", text })),
    job.over && job.name ? h("button", { type: "button", class: "primary", text: onFace().includes(job.name) ? `Go to the row of ${job.name}` : `Add ${job.name} to the ${subject}`, "data-key": "use", onclick: () => act("add", { name: job.name }) }) : null,
  ];
}
window.addEventListener("eclipsed-edits", () => props.value?.unfinished && draw(props.value));
start(draw);
function draw(value) {
  box.dataset.status = value.job ? value.job.status : "";
  refill(
    value.job ? h("div", { class: "job" }, ...running(value.job)) : null,
    value.unfinished.length ? h("div", { class: "unfinished" }, h("h4", { text: "Not finished" }), h("ul", {}, value.unfinished.map((one) => h("li", { "data-name": one.name },
      h("span", {}, h("q", { text: one.prompt }), ` step ${one.step} of ${one.steps}`),
      h("button", { type: "button", class: "quiet", text: "Resume", "aria-label": `Resume ${one.prompt}`, onclick: () => act("resume", { name: one.name }) }),
      h("button", { type: "button", class: "quiet", text: "Discard", "aria-label": `Discard ${one.prompt}`, onclick: () => act("discard", { name: one.name }) }))))) : null);
}
