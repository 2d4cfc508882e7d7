// A face of one's own: how its inversion stands, then the picture beside what the generator makes of it.
const phases = { faces: `Looking for the ${subject}`, latents: "Making it editable", generator: "Coming closer", features: "Keeping what is strange" };
function standing(job) {
  if (job.over) return job.message;
  if (job.status === "waiting") return job.ahead ? `Waiting; ${job.ahead} before this one` : "About to begin";
  const steps = job.steps ? ` \u00b7 ${job.step} of ${job.steps}` : "";
  const close = job.psnr === null ? "" : ` \u00b7 ${job.psnr.toFixed(1)} dB`;
  const left = job.seconds_left === null || !job.step ? "" : ` \u00b7 about ${Math.ceil(job.seconds_left)} s left`;
  return (phases[job.phase] || "Preparing") + steps + close + left;
}
const picture = (src, alt, text) => h("figure", {}, h("img", { src, alt }), h("figcaption", { text }));
function one(face, count) {
  const name = count > 1 ? `Number ${face.number + 1}` : `Your ${subject}`;
  const close = face.psnr === null ? "how close is not known" : `${face.psnr.toFixed(1)} dB`;
  return h("li", { class: face.shown ? "current" : "", "data-number": face.number, "data-psnr": face.psnr },
    h("div", { class: "pair" }, face.before ? picture(face.before, `${name} in the picture`, "picture") : null,
      picture(face.after, `${name}, editable`, "editable")),
    h("p", { title: `How close the editable ${subject} comes to the picture, as peak signal-to-noise ratio: higher is closer` }, h("strong", { text: name }), " ", h("span", { class: "figure" }, h("b", { text: close }))),
    h("button", { type: "button", class: "quiet", "data-key": `take-${face.number}`, "aria-pressed": String(face.shown), disabled: face.shown,
      text: face.shown ? "Being edited" : "Edit this one", "aria-label": face.shown ? `${name} is being edited` : `Edit ${name.toLowerCase()}`,
      onclick: () => act("take", { number: face.number }) }));
}
start((value) => {
  const job = value.job, portrait = value.portrait;
  box.dataset.status = job ? job.status : "";
  refill(
    job ? h("div", { class: `job ${job.status}` }, h("p", { role: "status", text: standing(job) }),
      job.foreign ? h("button", { type: "button", class: "quiet", text: "Go on anyway", "data-key": "force", onclick: () => act("force") }) : null,
      job.over ? null : h("progress", { max: 1, value: job.steps ? job.step / job.steps : 0, "aria-label": "Progress of this phase" })) : null,
    portrait ? h("ul", { class: "own-faces" }, portrait.faces.map((face) => one(face, portrait.faces.length))) : null,
    portrait ? h("p", { class: "hint" }, `${portrait.name}: edit it in the other tabs` + (portrait.faces.length > 1 ? "; the edits go to all of them. " : ". "),
      portrait.picture ? "" : "To put it back, choose its picture above. ",
      h("button", { type: "button", class: "quiet", text: "Forget it", "data-key": "forget", "aria-label": "Forget my picture", onclick: () => act("forget") })) : null,
    !job && !portrait ? h("p", { class: "hint", text: `Choose a picture and make it editable: all tabs then work on the ${subject}. When it is as you like it, put it back. Nobody else sees it, and it goes when the page is closed.` }) : null);
});
