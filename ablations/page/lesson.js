// Owns: going through the lesson: a step says something and asks the reader to predict; an answer moves the page to where
// it shows. Does not own: what is said and asked (lesson_steps.js), the figures it points at.
import { cover } from "./cover.js";
import { markTerms } from "./glossary.js";
import { stepsOf } from "./lesson_steps.js";

const part = (name) => document.getElementById(`lesson-${name}`);

const say = (name, ...content) => {
  part(name).replaceChildren(...content);
  markTerms(part(name));
};

// The question of a step: shows its choices, takes one answer and says what is right. onAnswer(whether it was).
function makeQuestion(onAnswer) {
  let question = null,
    answered = false;
  const answer = (choice) => {
    if (!question || answered || choice >= question.choices.length) return;
    answered = true;
    const right = choice === question.answer;
    d3.selectAll("#lesson-choices button")
      .attr("class", (_, i) => (i === question.answer ? "right" : i === choice ? "wrong" : null))
      .property("disabled", true);
    say("answer", `${right ? "Right." : `No: ${question.choices[question.answer]}.`} ${question.because}`);
    document.getElementById("lesson-answer").scrollIntoView({ block: "nearest" });
    onAnswer(right);
  };
  const show = (next) => {
    question = next;
    answered = false;
    part("ask").hidden = !question;
    say("question", question?.question ?? "");
    say("answer", "");
    d3.select(part("choices"))
      .selectAll("button")
      .data(question?.choices ?? [])
      .join("button")
      .attr("type", "button")
      .attr("class", null)
      .property("disabled", false)
      .text((choice, i) => `${i + 1}) ${choice}`)
      .on("click", (_, choice) => answer(question.choices.indexOf(choice)));
  };
  return { show, answer, isOpen: () => Boolean(question) && !answered };
}

// The strongest head of the reference on the left, what the step is about on the right.
function arrange(page, { b, share }) {
  const { reference } = page.facts;
  page.set({
    query: -1,
    ...(reference ? { a: reference.cell.index } : {}),
    ...(b ? { b: b.cell.index } : {}),
  });
  page.chooseHead();
  page.goTo(share);
}

// What holds the page at the figure that it was scrolled to, until the reader acts.
let still = null;
const leave = () => still?.disconnect();
for (const act of ["wheel", "touchmove", "pointerdown", "keydown"]) addEventListener(act, leave, { passive: true });

// Scrolls to a figure, and again as often as the page grows or shrinks above or below it. One figure alone is read from
// its head on.
function bring(page, target) {
  leave();
  still = new ResizeObserver(() => {
    if (page.presented()) scrollTo({ top: 0, behavior: "instant" });
    target.scrollIntoView({ block: page.presented() ? "nearest" : "start" });
  });
  still.observe(document.body); // which tells of its first size too
}

function point(page, step) {
  d3.selectAll(".pointed").classed("pointed", false);
  const target = step && document.querySelector(innerWidth < 920 && step.narrow ? step.narrow : step.at);
  if (!target) return;
  target.classList.add("pointed");
  page.present(target);
  bring(page, target);
}

const scoreOf = (answers) =>
  answers.size ? ` You foresaw ${d3.sum(answers.values())} of ${answers.size}.` : "";

function toggle(shown) {
  document.getElementById("lesson").hidden = !shown;
  part("open").hidden = shown;
}

export function startLesson(page, sql) {
  let steps = [],
    at = -1;
  const answers = new Map();
  const question = makeQuestion((right) => {
    answers.set(at, right);
    if (steps[at].then === "play") page.play();
    else page.goTo(steps[at].then);
  });
  const go = (i) => {
    steps = stepsOf(page);
    if (i >= steps.length) answers.clear();
    at = (i + steps.length) % steps.length;
    const step = steps[at],
      isLast = at === steps.length - 1;
    page.stop();
    toggle(true);
    cover(page);
    arrange(page, step);
    question.show(step.ask?.(page) ?? null);
    const title = d3
      .create("b")
      .text(`${at + 1}. ${step.title}. `)
      .node();
    say("text", title, step.say(page) + (isLast ? scoreOf(answers) : ""));
    part("place").textContent = `${at + 1} of ${steps.length}`;
    part("back").disabled = at === 0;
    part("next").textContent = isLast ? "Start again" : "Next";
    if (step.run) sql.stored(step.run);
    point(page, step);
    page.changed();
  };
  const close = () => {
    at = -1;
    toggle(false);
    cover(page);
    point(page, null);
    page.changed();
  };
  part("back").addEventListener("click", () => go(at - 1));
  part("next").addEventListener("click", () => go(at + 1));
  part("close").addEventListener("click", close);
  part("open").addEventListener("click", () => go(0));
  return {
    go,
    has: (i) => Number.isInteger(i) && i >= 0 && i < stepsOf(page).length,
    next: () => go(at + 1),
    back: () => go(Math.max(0, at - 1)),
    isAsking: question.isOpen,
    choose: question.answer,
    close,
    place: () => at,
  };
}
