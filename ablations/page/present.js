// Owns: one figure on the whole screen in large type, and the page on paper. Does not own: the figures.
import { questionsOf } from "./lesson_steps.js";
import { stepWords } from "./facts.js";

const sectionOf = (target) => target?.closest("main > section, header");

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

// ---- paper: story, three figures, questions and words on two sheets ----

function fillHandout(page) {
  const items = d3.select("#handout ol").selectAll("li").data(questionsOf(page)).join("li");
  items.text((q) => `${q.question} ${q.choices.map((c) => `☐ ${c}`).join("  ")}`);
  document.getElementById("handout-step").textContent = stepWords(page.state.step);
  const words = document.getElementById("glossary").cloneNode(true);
  document.getElementById("handout-words").replaceChildren(...words.children);
}

export function startPrinting(page, redraw) {
  let before = 0;
  addEventListener("beforeprint", () => {
    before = page.state.step;
    page.stop();
    document.body.classList.add("printed");
    page.goTo(1);
    redraw();
    fillHandout(page);
  });
  addEventListener("afterprint", () => {
    document.body.classList.remove("printed");
    page.seek(before);
    redraw();
  });
}
