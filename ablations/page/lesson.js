// Owns: the lesson: six short steps in plain words, each moving the page to what it talks about.
// Does not own: the figures it points at.

// at: section to scroll to; step: share of the run; side b: variant to put on the right.
const steps = [
  { title: "What attention is", at: "s-map", step: 0, query: -1,
    text: "To guess the next word, each word looks back at earlier ones and shares out 100 % of its attention. Before training it does so evenly: the map has the neutral colour all over." },
  { title: "What a sink is", at: "s-map", step: 1, query: -1,
    text: "After training, many heads of the left model pour their attention into the very first position, whatever stands there. The first column glows: that is the sink. A head that has nothing to say looks where nothing is." },
  { title: "Watch it form", at: "s-heads", step: 0, play: true,
    text: "Now from the start. For a while every head is at chance; then, within a few hundred steps, whole rows turn orange. Loss hardly notices." },
  { title: "Take the first token away", at: "s-heads", step: 1, b: "no_bos",
    text: "On the right, rows no longer begin with one fixed token. Nothing marks position 0 so clearly, and the sink is weak, late or absent." },
  { title: "Normalise the heads", at: "s-chain", step: 1, b: "head_rmsnorm",
    text: "On the right, each head's output is brought to length one. Looking at nothing no longer means adding nothing, so a sink has no use. Follow the chain below: which link breaks?" },
  { title: "Ask the database", at: "s-sql", step: 1, ask: true,
    text: "Every figure here is a query. Choose one from the menu, change it, and check what you were told." },
];

export function startLesson(page, runQuery) {
  const [box, text, dots, back, next, close, open] =
    ["lesson", "lesson-text", "lesson-dots", "lesson-back", "lesson-next", "lesson-close", "lesson-open"].map((id) => document.getElementById(id));
  let at = 0;
  const describe = () => {
    const title = d3.create("b").text(`${at + 1}. ${steps[at].title}. `).node();
    text.replaceChildren(title, steps[at].text);
    dots.textContent = steps.map((_, i) => (i === at ? "●" : "○")).join("");
    back.disabled = at === 0;
    next.textContent = at === steps.length - 1 ? "Start again" : "Next";
  };
  const go = (i) => {
    at = (i + steps.length) % steps.length;
    describe();
    const s = steps[at], cell = s.b && page.cells.findIndex((c) => c.variant === s.b);
    page.stop();
    page.set({ ...(s.query === undefined ? {} : { query: s.query }), ...(cell > 0 ? { b: cell } : {}) });
    page.goTo(s.step);
    if (s.ask) runQuery();
    document.getElementById(s.at).scrollIntoView();
    if (s.play) page.play();
  };
  const toggle = (shown) => { box.hidden = !shown; open.hidden = shown; };
  back.addEventListener("click", () => go(at - 1));
  next.addEventListener("click", () => go(at + 1));
  close.addEventListener("click", () => toggle(false));
  open.addEventListener("click", () => { toggle(true); go(at); });
  describe();
  toggle(false);
}
