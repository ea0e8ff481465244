// Owns: the keys that work wherever the focus is. Does not own: what they do.

const section = (page, n) => {
  const target = document.querySelectorAll("main > section")[n - 1];
  if (!target || target.hidden) return;
  target.scrollIntoView();
  page.present(target);
};

// 1 to 9 answer an open question of the lesson, else go to a section.
const digit = (page, n) => (page.lesson.isAsking() ? page.lesson.choose(n - 1) : section(page, n));

const keys = {
  ArrowRight: (page, { shiftKey }) => page.player.by(shiftKey ? 10 : 1),
  ArrowLeft: (page, { shiftKey }) => page.player.by(shiftKey ? -10 : -1),
  Home: (page) => page.goTo(0),
  End: (page) => page.goTo(1),
  " ": (page) => page.player.toggle(),
  n: (page) => page.lesson.next(),
  p: (page) => page.lesson.back(),
  f: (page) => page.togglePresent(),
  Escape: (page) => (page.presented() ? page.togglePresent() : page.lesson.close()),
};

// Where someone writes or chooses keys are theirs; the slider has its own arrows, a button its own blank.
const isTheirs = ({ target, key }) =>
  target.id === "step"
    ? key.length > 1 && key !== "Escape"
    : target.closest("textarea, select, input:not([type=checkbox]), .cm-editor") ||
      (key === " " && target.closest("button, summary, input"));

export function startKeys(page) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTheirs(event)) return;
    const act = keys[event.key] ?? (/^[1-9]$/.test(event.key) ? () => digit(page, +event.key) : null);
    if (!act) return;
    event.preventDefault();
    act(page, event);
  });
}
