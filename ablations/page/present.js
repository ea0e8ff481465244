// Owns: one figure on the whole screen in large type, and the page on paper. Does not own: the figures.
import { OPEN_TITLE, cover } from "./cover.js";
import { questionsOf } from "./lesson_steps.js";
import { stepWords } from "./facts.js";

const sectionOf = (target) => target?.closest("main > section, header");

// A section by its name in a link; null: none has it.
export const sectionNamed = (name) =>
  [...document.querySelectorAll("header, main > section:not([hidden])")].find((s) => (s.id || "header") === name) ?? null;

// The section that the reader sees most of.
const nearest = () =>
  d3.least(document.querySelectorAll("header, main > section:not([hidden])"), (s) => {
    const { top, bottom } = s.getBoundingClientRect();
    return Math.abs((top + bottom) / 2 - innerHeight / 2);
  });

export function startPresenting(page, redraw) {
  let current = null;
  const show = (target) => {
    current?.classList.remove("current");
    current = target;
    current?.classList.add("current");
  };
  const enter = (target) => {
    show(sectionOf(target) ?? nearest());
    document.body.classList.add("present");
    // A page may not fill the screen before it was touched; large type serves without it.
    if (navigator.userActivation?.isActive) document.documentElement.requestFullscreen?.().catch(() => {});
    redraw();
    scrollTo({ top: 0, behavior: "instant" });
  };
  const leave = () => {
    const place = current;
    show(null);
    document.body.classList.remove("present");
    if (document.fullscreenElement) document.exitFullscreen();
    redraw();
    place?.scrollIntoView();
  };
  document.addEventListener("fullscreenchange", () => {
    if (!document.fullscreenElement && current) leave();
    else redraw();
    page.changed();
  });
  return {
    // The id of the section that is presented; null: none.
    presented: () => (current ? current.id || "header" : null),
    // While presenting: another section.
    present: (target) => {
      if (!current || !sectionOf(target) || sectionOf(target) === current) return;
      show(sectionOf(target));
      redraw();
      page.changed();
    },
    togglePresent: (target) => {
      if (current) leave();
      else enter(target);
      page.changed();
    },
  };
}

// ---- paper: questions and words on the first sheet, what came of it on the second ----

function fillHandout(page) {
  const questions = questionsOf(page),
    items = d3.select("#handout ol").selectAll("li").data(questions).join("li");
  items.text((q) => `${q.question} ${q.choices.map((c) => `☐ ${c}`).join("  ")}`);
  const answers = questions.map((q, i) => `${i + 1}) ${q.choices[q.answer]}`).join("; ");
  d3.selectAll("#handout-answers span").data([`${answers || "none"}.`, stepWords(page.state.step)]).text(String);
  const words = document.getElementById("glossary").cloneNode(true);
  document.getElementById("handout-words").replaceChildren(...words.children);
}

export function startPrinting(page, redraw) {
  let before = 0;
  addEventListener("beforeprint", () => {
    before = page.state.step;
    page.stop();
    document.body.classList.add("printed");
    document.getElementById("title").textContent = OPEN_TITLE;
    page.goTo(1);
    redraw();
    fillHandout(page);
  });
  addEventListener("afterprint", () => {
    document.body.classList.remove("printed");
    cover(page);
    page.seek(before);
    redraw();
  });
}
