// Owns: the words of art of the page, what they mean, their list, and their meaning under the pointer.
// Does not own: the figures' definitions (train/schema.sql).
import { hideHint, showHint } from "./hint.js";

// The word, what it means, and other forms of it that texts use.
const glossary = [
  ["attention", "What a token takes from the tokens before it: a weight for each, which sum to 1."],
  [
    "attention weight",
    "How much of its attention a token (the query) gives to itself or an earlier token (the key). The weights of one query sum to 1.",
    "weight",
  ],
  [
    "attention sink",
    "A token that gets most of the attention of many heads although it says nothing: here the first.",
    "sink",
  ],
  ["query", "The token that looks: a row of an attention map.", "queries"],
  [
    "key",
    "The token that is looked at: a column of an attention map. Key 0 is the first.",
    "keys",
    "first key",
  ],
  ["value vector", "What a head passes on of a token that is looked at.", "value"],
  [
    "head",
    "One of several attentions side by side in a layer, each with queries, keys and values of its own. L2 H1: layer 2, head 1.",
    "heads",
  ],
  ["layer", "One of the blocks of a model, one after the other: attention, then an MLP.", "layers"],
  ["MLP", "The part of a layer that changes each token on its own.", "MLP unit"],
  [
    "residual stream",
    "The vector of each token that every layer reads and adds to.",
    "residual vector",
    "stream",
  ],
  ["BOS", "The token that begins a row and is the same in every row."],
  ["token", "A piece of text, a word or a part of one.", "tokens"],
  ["nat", "Unit of loss: 1 nat is a factor of e in the probability that the right token got.", "nats"],
  [
    "loss",
    "How surprised the model is by the next token, on average; late targets: those from the middle of a row on.",
    "late targets",
  ],
  ["first-key mass", "The weight that key 0 receives, averaged over all queries."],
  ["sink rate", "Share of (sequence, layer, head) whose first-key mass is above eps = 0.3.", "sink rates"],
  ["eps", "The threshold of the sink rate: 0.3 unless said otherwise."],
  [
    "uniform control",
    "The first-key mass of a head that spreads its attention evenly: what chance alone would give. Read every mass against it.",
    "uniform attention",
    "chance",
  ],
  [
    "onset",
    "The first evaluation past a threshold that the next one confirms; the truth lies between it and the evaluation before.",
    "onsets",
  ],
  [
    "probe",
    "A fixed set of rows on which a model is measured: main (held-out text), random (tokens drawn at random) and others.",
  ],
  ["T", "Tokens in a row."],
  [
    "value drain",
    "Length of the first token's value vector over the median of the others. Below 1: what the sink receives, it does not pass on.",
  ],
  ["norm ratio", "Length of the first token's residual vector over the median of the others."],
  [
    "entropy",
    "How many directions the residual stream uses: H of its spectrum over the largest it could be. Near 0: all tokens lie in one direction.",
    "H / ln min(T,d)",
  ],
  ["mixing score", "How evenly attention is spread: 1 is perfectly even."],
  ["DomRatio", "Largest channel of a vector over its mean channel."],
  [
    "super neuron",
    "An MLP unit that answers to the first token far more than to any other, and more than other units do.",
  ],
  [
    "output variance",
    "How much attention's output at a position varies from channel to channel; attention averages it away where many tokens are read.",
  ],
  [
    "mix, compress, refine",
    "Phases of layers: attention mixes tokens; the stream is squeezed into one direction; the rest is worked out.",
    "compress",
    "refine",
    "phase",
    "phases",
  ],
  ["RMSNorm", "Brings a vector to one length.", "head_rmsnorm"],
  [
    "seed",
    "Number that the random start and the order of the text come from; runs that differ in it alone are repeats.",
    "seeds",
    "seed band",
  ],
  ["interval", "95 % t interval: where the mean over all seeds there could be is likely to lie.", "95 %"],
  [
    "verdict",
    "What the seeds say of an expectation: supported, refuted, or undecided, corrected for how many are judged at once.",
  ],
  [
    "stratum",
    "Values of a sweep that are neither compared nor tuned: sides are compared within one.",
    "strata",
  ],
];

const meaningOf = new Map(
  glossary.flatMap(([word, meaning, ...forms]) => [word, ...forms].map((f) => [f.toLowerCase(), meaning])),
);
const escaped = (word) => word.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
const anyTerm = new RegExp(
  `(?<![\\w=-])(${[...meaningOf.keys()]
    .sort((a, b) => b.length - a.length)
    .map(escaped)
    .join("|")})(?![\\w=-])`,
  "gi",
);

function* textsOf(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode())
    if (
      !walker.currentNode.parentElement.closest(
        ".term, .readout, button, select, textarea, svg, summary, label",
      )
    )
      yield walker.currentNode;
}

// Marks each word of art in a node's text, once a section; texts that were marked before stay as they are.
export function markTerms(root) {
  const section = root.closest("section, header, #results, main, #lesson");
  const seen = new Set(
    [...section.querySelectorAll(".term")].map((t) => meaningOf.get(t.textContent.toLowerCase())),
  );
  for (const text of [...textsOf(root)]) {
    const parts = [];
    let from = 0;
    for (const { 0: word, index } of text.data.matchAll(anyTerm)) {
      const meaning = meaningOf.get(word.toLowerCase());
      if (seen.has(meaning) || (word === "t" && meaning === meaningOf.get("t"))) continue;
      seen.add(meaning);
      parts.push(text.data.slice(from, index), d3.create("span").attr("class", "term").text(word).node());
      from = index + word.length;
    }
    if (parts.length) text.replaceWith(...parts, text.data.slice(from));
  }
}

export function startGlossary() {
  const items = d3.select("#glossary").selectAll("div").data(glossary).join("div");
  items.append("dt").text(([word]) => word);
  items.append("dd").text(([, meaning]) => meaning);
  const show = (event) => {
    const term = event.target.closest?.(".term");
    if (term) showHint(event, meaningOf.get(term.textContent.toLowerCase()));
  };
  document.addEventListener("pointerover", show);
  document.addEventListener("click", show);
  document.addEventListener("pointerout", (event) => event.target.closest?.(".term") && hideHint());
}
