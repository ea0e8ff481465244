// Owns: the small box beside the pointer that says what is under it. Does not own: what is said.

const hint = d3.create("div").attr("id", "hint").attr("role", "tooltip").property("hidden", true);
document.body.append(hint.node());

export function showHint(event, words) {
  hint.text(words).property("hidden", false);
  const { width, height } = hint.node().getBoundingClientRect();
  const x = Math.max(4, Math.min(event.clientX + 12, innerWidth - width - 4)),
    y = event.clientY > height + 24 ? event.clientY - height - 12 : event.clientY + 18;
  hint.style("left", `${x}px`).style("top", `${y}px`);
}

export const hideHint = () => hint.property("hidden", true);

// Says what wordsAt makes of the pointer's place over a node; null: nothing.
export function hintOver(node, wordsAt) {
  node.addEventListener("pointermove", (event) => {
    const words = wordsAt(event);
    if (words) showHint(event, words);
    else hideHint();
  });
  node.addEventListener("pointerleave", hideHint);
}
