// Owns: the lesson: six short steps in plain words, each moving the page to what it talks about; its figures
// come from the database. Does not own: the figures it points at.
import { datesOf, fixed, outcomeOf, percent, stepWords } from "./facts.js";
import { firstKeyOf } from "./map.js";

const factsOfVariant = (page, variant) => page.facts.all.find((f) => f.cell.variant === variant);
const missing = (what) => [`This database has no finished model ${what}; make demo trains one.`];

// ---- what each step says: sentences, of which those that do not hold are left out ----

function attention(page) {
  const mixing = page.series.eval.get(page.side("a").run?.id)?.[0]?.mixing;
  return [
    "To guess the next word, each word (the query) looks back at itself and the words before it (the keys)",
    "and shares out 100 % of its attention.",
    mixing > 0.95 &&
      "Before training nothing sets one word apart.",
    mixing != null &&
      `The mixing score says how evenly: ${mixing.toFixed(2)} at step 0, where 1 is perfectly even.`,
  ];
}

function sink(page) {
  const { reference } = page.facts;
  const { layer, head } = page.state;
  const first = firstKeyOf(page, "a");
  if (!reference) return missing("to look at");
  const drain = fixed(reference.drain, 2);
  return [
    first && `After training, head ${head} of layer ${layer} gives the first key, “${first.text}”,`,
    first &&
      `${percent(first.mass)} of its attention in this sentence; evenly spread it would be ${percent(first.control)}.`,
    first?.mass > 0.3 && "The first column glows: that is an attention sink.",
    first?.mass > 0.3 && "A head that has nothing to say still has to look somewhere.",
    reference.drain < 0.8 && "Looking there adds little: over all heads the first token's value",
    reference.drain < 0.8 && `has ${drain} times the length of the others'.`,
  ];
}

// Of the run that is shown, not of all seeds.
function forming(page) {
  const { reference: f } = page.facts;
  if (!f) return missing("to look at");
  if (!f.onset)
    return [`Now from the start. In ${f.name} no sink forms: its sink rate ends at ${percent(f.rate)}.`];
  const by = (quantity) => datesOf(page, [page.side("a").run], quantity)?.by;
  const dates = [
    {
      by: by("first_mass"),
      words: `one head gives the first key over ${percent(0.3)} of its attention and keeps to it`,
    },
    { by: by("sink_rate_03"), words: `over ${percent(0.1)} of all (sequence, layer, head) do` },
  ].filter((d) => d.by);
  const told = d3.sort(dates, (d) => d.by).map((d) => `by ${stepWords(d.by)} ${d.words}`);
  return [
    `Now from the start, ${f.name}: every row begins as pale as chance.`,
    `Then rows deepen${told.length ? `: ${told.join("; ")}` : ""}.`,
    "On the loss curves (section 1) a ring marks the same step.",
  ];
}

function withoutFirst(page) {
  const f = factsOfVariant(page, "no_bos");
  const { reference } = page.facts;
  if (!f || !reference) return missing("without BOS");
  const side = f.mass < f.uniform ? "less" : "more";
  return [
    `Against it ${f.name}: a row begins with ordinary text, not with one token that is always the same.`,
    `Here ${outcomeOf(f, reference)}:`,
    `the sink rate ends at ${percent(f.rate)} (${reference.name}: ${percent(reference.rate)}),`,
    `and the first key gets ${percent(f.mass)} of all attention,`,
    `${side} than the ${percent(f.uniform)} of chance.`,
  ];
}

function normalised(page) {
  const f = factsOfVariant(page, "head_rmsnorm");
  const { reference } = page.facts;
  if (!f || !reference) return missing("with normalised heads");
  const drained =
    f.drain > 1 ? "so the first token's value is not drained" : "yet the first token's value is drained";
  return [
    `${f.name} brings the output of each head to one length: looking at nothing no longer adds nothing,`,
    `${drained} (${fixed(f.drain, 2)} against ${fixed(reference.drain, 2)}). Here ${outcomeOf(f, reference)}:`,
    `sink rate ${percent(f.rate)} against ${percent(reference.rate)},`,
    `norm ratio ${fixed(f.norm, 1)} against ${fixed(reference.norm, 1)}. Follow both down the chain.`,
  ];
}

const database = () => [
  "Every figure here is a query.",
  "This one asks what each model changes against the baseline of the same seed, and what that costs in loss.",
  "Change it, and check what you were told.",
];

// ---- the steps ----

// at: what to scroll to, narrow: on a screen with room for one figure; share: of the run, where the slider
// goes; b: variant to put on the right; ask: query to run.
const lesson = [
  { title: "What attention is", at: "#maps", narrow: "#map-a .frame", share: 0, say: attention },
  { title: "What a sink is", at: "#maps", narrow: "#map-a .readout", share: 1, say: sink },
  { title: "Watch it form", at: "#heads", share: 0, play: true, say: forming },
  {
    title: "Take the first token away",
    at: "#heads",
    narrow: "#heat-b",
    share: 1,
    b: "no_bos",
    say: withoutFirst,
  },
  { title: "Normalise the heads", at: "#chain", share: 1, b: "head_rmsnorm", say: normalised },
  { title: "Ask the database", at: "#s-sql", share: 1, ask: "price_of_no_sink.sql", say: database },
];

// The strongest head of the reference on the left, what the step is about on the right.
function arrange(page, step) {
  const { reference } = page.facts,
    b = page.cells.findIndex((c) => c.variant === step.b);
  page.set({ query: -1, ...(reference ? { a: reference.cell.index } : {}), ...(b >= 0 ? { b } : {}) });
  page.chooseHead();
  page.goTo(step.share);
}

export function startLesson(page, runQuery) {
  const [box, text, place, back, next, close, open] = [
    "lesson",
    "lesson-text",
    "lesson-place",
    "lesson-back",
    "lesson-next",
    "lesson-close",
    "lesson-open",
  ].map((id) => document.getElementById(id));
  let at = 0;
  const describe = () => {
    text.replaceChildren(
      d3
        .create("b")
        .text(`${at + 1}. ${lesson[at].title}. `)
        .node(),
      lesson[at].say(page).filter(Boolean).join(" "),
    );
    place.textContent = `${at + 1} of ${lesson.length}`;
    back.disabled = at === 0;
    next.textContent = at === lesson.length - 1 ? "Start again" : "Next";
  };
  const go = (i) => {
    at = (i + lesson.length) % lesson.length;
    page.stop();
    arrange(page, lesson[at]);
    describe();
    if (lesson[at].ask) runQuery(lesson[at].ask);
    const target = innerWidth < 920 && lesson[at].narrow ? lesson[at].narrow : lesson[at].at;
    document.querySelector(target)?.scrollIntoView();
    if (lesson[at].play) page.play();
  };
  const toggle = (shown) => {
    box.hidden = !shown;
    open.hidden = shown;
  };
  back.addEventListener("click", () => go(at - 1));
  next.addEventListener("click", () => go(at + 1));
  close.addEventListener("click", () => toggle(false));
  open.addEventListener("click", () => {
    toggle(true);
    go(at);
  });
  toggle(false);
}
