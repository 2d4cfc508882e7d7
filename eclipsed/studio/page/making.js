// A direction that is being made of faces or of a file: how it stands, and what came of it in a sentence.
function standing(task) {
  if (task.over) return task.message;
  if (task.status === "waiting") return task.ahead ? `Waiting; ${task.ahead} before this one` : "About to begin";
  const steps = task.steps ? `Measuring on held-out ${subject}s \u00b7 ${task.step} of ${task.steps}` : "Preparing";
  return steps + (task.left ? ` \u00b7 about ${task.left} left` : "");
}
function draw(value) {
  const task = value.task;
  box.dataset.status = task ? task.status : "";
  box.dataset.name = task ? task.name : "";
  refill(task ? h("div", { class: `job ${task.status}` }, h("p", { role: "status", text: standing(task) }),
    ...task.advice.map((text) => h("p", { class: "warning", role: "status", text })),
    task.over ? null : h("progress", { max: 1, value: task.steps ? task.step / task.steps : 0, "aria-label": "Progress" }),
    task.over ? null : h("button", { type: "button", class: "quiet", text: "Stop", "data-key": "stop-making", "aria-label": "Stop making the direction", onclick: () => act("stop") }),
    task.over && task.name ? h("button", { type: "button", class: "primary", "data-key": "use-made", onclick: () => act("add", { name: task.name }),
      text: onFace().includes(task.name) ? `Go to the row of ${task.name}` : `Add ${task.name} to the ${subject}` }) : null) : null);
}
window.addEventListener("eclipsed-edits", () => props.value?.task && draw(props.value));
start(draw);
