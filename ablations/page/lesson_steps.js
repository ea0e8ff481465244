// Owns: what the lesson says and asks, step by step. Texts, choices and answers come from the database; what it cannot
// answer is not asked. Does not own: going through it (lesson.js), the figures it points at.
import { fixed, orderOf, outcomeOf, outcomes, percent, sharesTargets, stepWords } from "./facts.js";
import { finalMap, firstKeyOf } from "./map.js";

const joined = (sentences) => sentences.filter(Boolean).join(" ");

// A question: choices, which of them is right, and what to say then. The ranges are the places where a number is cut.
const choiceOf = (value, cuts) => d3.bisectRight(cuts, value);

// ---- what is asked; null where the database has no answer ----

// What a head looks at in the end: the first key, its own word, the one before, or none of these above the rest.
function askWhereItLooks(page) {
  const map = finalMap(page, "a");
  if (!map) return null;
  const { layer, head } = page.state,
    queries = d3.range(2, map.T);
  const shares = [(q) => 0, (q) => q, (q) => q - 1].map((key) => d3.mean(queries, (q) => map.at(q, key(q))));
  const uniform = d3.mean(queries, (q) => 1 / (q + 1)),
    answer = d3.max(shares) > 2 * uniform ? d3.maxIndex(shares) : 3;
  return {
    question: `Head ${head} of layer ${layer} will train. What will it look at most in the end?`,
    choices: ["the first word", "the word itself", "the word before", "none of these in particular"],
    answer,
    because: `Averaged from the third word on, it ends with ${percent(shares[0])} on the first word, ${percent(shares[1])} on the word itself, ${percent(shares[2])} on the one before; evenly spread each would get ${percent(uniform)}.`,
  };
}

function askValue(page) {
  const { reference: f } = page.facts;
  if (!f || f.drain == null) return null;
  return {
    question:
      "How long is the first word's value vector (what a head passes on when it looks there), against the other words'?",
    choices: ["shorter", "about as long", "longer"],
    answer: choiceOf(f.drain, [0.8, 1.25]),
    because: joined([
      `It has ${fixed(f.drain, 2)} times the length of the others' (value drain).`,
      f.drain < 0.8 && f.sinks && "Looking there adds little: a head with nothing to say can park its attention.",
    ]),
  };
}

function askLayer(page) {
  const { reference: f } = page.facts;
  if (!f || !f.layers.length || f.layers.length > 12) return null;
  const layers = d3.sort(f.layers.map((l) => l.layer)),
    [most] = f.layers;
  return {
    question: `In which layer of ${f.name} will most heads sink?`,
    choices: [...layers.map((l) => `layer ${l}`), "in none"],
    answer: most.rate > 0.1 ? layers.indexOf(most.layer) : layers.length,
    because: `Sink rates end at ${f.layers.map((l) => `${percent(l.rate)} in layer ${l.layer}`).join(", ")}.`,
  };
}

function askWhen(page) {
  const { reference: f } = page.facts;
  if (!f) return null;
  const share = f.onset ? f.onset.middle / f.steps : Infinity;
  return {
    question: `By when will over ${percent(0.1)} of all (sequence, layer, head) of ${f.name} have a sink?`,
    choices: ["in the first tenth of training", "in the first third", "later", "never"],
    answer: f.onset ? choiceOf(share, [0.1, 1 / 3]) : 3,
    because: f.onset
      ? `By ${stepWords(f.onset.middle)} of ${d3.format(",")(f.steps)}. For the first token: ${orderOf(page, f).join(", ")}.`
      : `Its sink rate ends at ${percent(f.rate)} and never passed 0.1 for two evaluations.`,
  };
}

const askOutcome = (f) => (page) => {
  const { reference, sinking } = page.facts;
  if (!sinking.length) return null;
  return {
    question: `What becomes of the sink in ${f.name}?`,
    choices: reference.sinks ? outcomes.slice(0, 4) : [outcomes[0], outcomes[4]],
    answer: (reference.sinks ? outcomes : [outcomes[0], outcomes[4]]).indexOf(outcomeOf(f, reference)),
    because:
      `Here ${outcomeOf(f, reference)}: sink rate ${percent(f.rate)} (${reference.name}: ${percent(reference.rate)}), ` +
      `first-key mass ${percent(f.mass)} where chance gives ${percent(f.uniform)}, value drain ${fixed(f.drain, 2)} ` +
      `(${fixed(reference.drain, 2)}).`,
  };
};

const askLoss = (f) => (page) => {
  const { reference } = page.facts,
    gap = f.loss - reference.loss;
  if (!sharesTargets(f, reference)) return null;
  return {
    question: `And what of the loss: where will ${f.name} end?`,
    choices: [`lower than ${reference.name} by 0.05 or more`, "within 0.05 of it", "higher by 0.05 or more"],
    answer: choiceOf(gap, [-0.05, 0.05]),
    because: `It ends at ${fixed(f.loss, 3)} nats a token over late targets, ${reference.name} at ${fixed(reference.loss, 3)}.`,
  };
};

// ---- what each step says first ----

function sayAttention(page) {
  const mixing = page.series.eval.get(page.side("a").run?.id)?.[0]?.mixing;
  return joined([
    "To guess the next word, each word (the query) looks back at itself and the words before it (the keys)",
    "and shares out 100 % of its attention.",
    mixing != null &&
      `Before training it does so with a mixing score of ${mixing.toFixed(2)}, where 1 is perfectly even.`,
  ]);
}

function saySink(page) {
  const first = firstKeyOf(page, "a"),
    { layer, head } = page.state;
  const none = !page.facts.sinking.length && "In none of these runs does one form.";
  if (!first)
    return joined([
      "A head that gives the first key far more of its attention than chance would has an attention sink there.",
      none,
    ]);
  return joined([
    `After training, head ${head} of layer ${layer} gives the first key, “${first.text}”,`,
    `${percent(first.mass)} of its attention in this sentence; evenly spread it would be ${percent(first.control)}.`,
    first.mass > 0.3 && "The deep first column of the map is an attention sink.",
    none,
  ]);
}

// key: the setting that a change is, and all that its model may differ in.
const changes = [
  {
    key: "data.bos",
    to: '"none"',
    title: "Take the first token away",
    say: (f) => `In ${f.name} a row begins with ordinary text, not with one token that is always the same.`,
  },
  {
    key: "model.head_out",
    to: '"rmsnorm"',
    title: "Normalise the heads",
    say: (f) =>
      `${f.name} brings the output of each head to one length: looking at nothing no longer adds nothing.`,
  },
];

// Whether a model is the reference with one setting changed. A variant is the name of its settings.
function isChange({ key, to }, theirs, ours) {
  const differ = Object.keys({ ...theirs, ...ours }).filter((k) => k !== "variant" && theirs[k] !== ours[k]);
  return theirs[key] === to && differ.length > 0 && differ.every((k) => k.startsWith(key));
}

// The models to hold against the reference: those that the lesson has words for, else the weakest and the strongest.
function contrastsOf({ others, reference }) {
  const known = changes.flatMap((change) => {
    const f = others.find((o) => isChange(change, o.cell.settings, reference.cell.settings));
    return f ? [{ f, ...change }] : [];
  });
  const sorted = d3.sort(others, (f) => f.rate);
  const plain = [...new Set([sorted[0], sorted.at(-1)])].filter(Boolean);
  return known.length
    ? known
    : plain.map((f) => ({ f, title: `Now ${f.name}`, say: () => `Hold it against ${reference.name}.` }));
}

// ---- the steps ----

// at: what to scroll to, narrow: on a screen with room for one figure; share: of the run, where the slider stands while
// the question is open; then: "play" or a share, where the answer shows; b: what stands on the right; run: a query.
export function stepsOf(page) {
  const { reference } = page.facts,
    contrasts = reference ? contrastsOf(page.facts) : [];
  // Where a figure has nothing to show another one has the answer.
  const heads = (narrow) => (page.has.heads ? { at: "#heads", narrow } : { at: "#s-loss" });
  const maps = (narrow, at) => (page.has.maps ? { at: "#maps", narrow } : { at });
  const compared = contrasts.flatMap(({ f, title, say }, i) => [
    {
      title,
      ...heads("#heat-b"),
      share: 0,
      then: "play",
      b: f,
      say: () => say(f),
      ask: askOutcome(f),
    },
    ...(i
      ? []
      : [
          {
            title: "The price",
            at: "#s-loss",
            share: 0,
            then: "play",
            b: f,
            say: () => "Losses over the same targets may be compared.",
            ask: askLoss(f),
          },
        ]),
  ]);
  return [
    {
      title: "What attention is",
      ...maps("#map-a .frame", "#layers"),
      share: 0,
      then: "play",
      say: sayAttention,
      ask: askWhereItLooks,
    },
    {
      title: "What a sink is",
      ...maps("#map-a .readout", "#chain"),
      share: 1,
      then: 1,
      say: saySink,
      ask: askValue,
    },
    {
      title: "Watch it form",
      at: page.has.heads ? "#heads" : "#layers",
      share: 0,
      then: "play",
      say: () =>
        page.has.heads
          ? "Now from the start: a row a head, the deeper the more of its attention goes to the first key."
          : "Now from the start, by layer: the share of (sequence, head) with a sink.",
      ask: askLayer,
    },
    {
      title: "When",
      at: "#s-loss",
      share: 0,
      then: "play",
      say: () => "Sink rate above, loss below, on one time axis.",
      ask: askWhen,
    },
    ...compared,
    {
      title: "Ask the database",
      at: "#s-sql",
      share: 1,
      run: "price_of_no_sink.sql",
      say: () =>
        "Every answer here is a question in SQL; this one asks what each model changes, and what that costs. Section 7 has exercises.",
    },
  ];
}

// The questions that this database answers, for the lesson and for the handout.
export const questionsOf = (page) =>
  stepsOf(page)
    .map((step) => step.ask?.(page))
    .filter(Boolean);
