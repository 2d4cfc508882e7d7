// Pictures that are made editable: of each how far it is, Stop, and what came of it in a sentence.
const phases = { faces: `Looking for the ${subject}s`, latents: "Making it editable", generator: "Coming closer", features: "Keeping what is strange" };
function standing(job) {
  if (job.over) return job.message;
  if (job.status === "waiting") return job.ahead ? `Waiting; ${job.ahead} before this one` : "About to begin";
  const steps = job.steps ? ` \u00b7 ${job.step} of ${job.steps}` : "";
  const close = job.psnr === null ? "" : ` \u00b7 ${job.psnr.toFixed(1)} dB`;
  const left = job.seconds_left === null ? "" : ` \u00b7 about ${Math.ceil(job.seconds_left)} s left`;
  return (phases[job.phase] || "Preparing") + steps + close + left;
}
const button = (job, what, text, label) => h("button", { type: "button", class: "quiet", text, "aria-label": label,
  "data-key": `${what}-${job.token}`, onclick: () => act(what, { token: job.token }) });
start((value) => refill(value.jobs.length ? h("ul", { class: "jobs" }, value.jobs.map((job) => h("li", { class: `job ${job.status}`, "data-status": job.status, "data-share": job.share },
  h("p", { role: "status" }, h("strong", { text: job.name }), " ", h("span", { text: standing(job) })),
  job.foreign ? button(job, "force", "Go on anyway", `Go on with ${job.name} anyway`) : null,
  job.over ? null : h("progress", { max: 1, value: job.share, "aria-label": `Progress of ${job.name}` }),
  job.over ? null : button(job, "stop", "Stop here", `Stop ${job.name} here`)))) : null));
