// Owns: the section in which a trained model reads a sentence of the reader's: its heads' maps, and the sentence tinted by one of
// them. Does not own: how a text becomes tokens (pieces.js), the model's program (sentence/sentence.c).
import { unpack } from "./data.js";
import { shownText } from "./map.js";
import { encode, readPieces } from "./pieces.js";
import { colourOf, drawLegend, inksOf, massScale, pixels } from "./scales.js";

const firstSentence = "The sun is a star, and the moon goes round the earth.";

// The model of this page: what is told of it, its pieces, and the attention of each head to a row of ids.
async function openReader() {
  const about = JSON.parse(document.getElementById("sentence").textContent);
  const parts = ["program", "weights", "tokenizer"].map((part) => unpack(`sentence.${part}`));
  const [program, weights, tokenizer] = await Promise.all(parts);
  const { exports: gpt } = (await WebAssembly.instantiate(program)).instance;
  gpt._initialize();
  new Uint8Array(gpt.memory.buffer).set(weights, gpt.packed_place());
  gpt.unpack();
  const { tokens: T, layers, heads } = about;
  const attention = (ids) => {
    new Uint16Array(gpt.memory.buffer, gpt.tokens_place(), T).set(ids);
    gpt.attend_row(about.head_norm);
    return d3.range(layers).flatMap((layer) => {
      const A = new Float32Array(gpt.memory.buffer, gpt.map_place(layer), heads * T * T).slice();
      return d3.range(heads).map((head) => ({ layer, head, at: (q, k) => A[(head * T + q) * T + k] }));
    });
  };
  return { about, pieces: readPieces(tokenizer), attention };
}

// A text as the model reads it: its tokens, as many as a row holds, and the heads with their mean attention to the first.
function read({ about, pieces, attention }, text) {
  const begins = about.bos < 0 ? [] : [{ id: about.bos, text: "<bos>" }],
    all = [...begins, ...encode(pieces, text)],
    tokens = all.slice(0, about.tokens),
    queries = d3.range(tokens.length);
  const heads = attention(tokens.map((t) => t.id)).map((h) => ({ ...h, mass: d3.mean(queries, (q) => h.at(q, 0)) ?? 0 }));
  return { tokens, heads, left: all.length - tokens.length, uniform: d3.mean(queries, (q) => 1 / (q + 1)) ?? 1 };
}

// ---- drawing ----

const ownWord = ({ text }) => `\u201c${shownText(text)}\u201d`;
const share = (weight) => `${Math.round(100 * weight)} %`;

function drawOwnMap(canvas, head, T, colours, scale) {
  Object.assign(canvas, { width: T, height: T });
  const context = canvas.getContext("2d"),
    image = context.createImageData(T, T),
    out = new Uint32Array(image.data.buffer);
  for (let q = 0; q < T; q++)
    for (let k = 0; k <= q; k++) out[q * T + k] = colours[Math.round(256 * scale.place(head.at(q, k)))];
  context.putImageData(image, 0, 0);
}

function drawOwnHeads(view, scale) {
  const { heads, tokens } = view.row,
    colours = pixels(scale);
  const buttons = d3.select("#own-heads").selectAll("button").data(heads).join((enter) => {
    const button = enter.append("button").attr("type", "button");
    button.append("canvas").attr("aria-hidden", "true");
    button.append("span");
    return button;
  });
  buttons.on("click", (_, h) => view.set({ head: view.row.heads.indexOf(h) }));
  buttons.attr("aria-pressed", (_, i) => String(i === view.head));
  buttons.select("span").text((h) => `L${h.layer} H${h.head}: ${share(h.mass)}`);
  buttons.select("canvas").each(function (h) {
    drawOwnMap(this, h, tokens.length, colours, scale);
  });
  document.getElementById("own-heads").attention = view.row; // the numbers, for whoever wants them
}

// Each word by what it receives on average from the words that see it, or by where the chosen word looks.
function drawOwnWords(view, scale) {
  const { tokens, heads } = view.row,
    head = heads[view.head],
    inks = inksOf(scale);
  const received = (k) => d3.mean(d3.range(k, tokens.length), (q) => head.at(q, k));
  const valueAt = (k) => (view.query < 0 ? received(k) : k > view.query ? NaN : head.at(view.query, k));
  d3.select("#own-words")
    .selectAll("button")
    .data(tokens)
    .join("button")
    .attr("type", "button")
    .text((t) => shownText(t.text))
    .attr("aria-pressed", (_, k) => String(k === view.query))
    .on("click", (_, t) => view.set({ query: tokens.indexOf(t) === view.query ? -1 : tokens.indexOf(t) }))
    .each(function (_, k) {
      const colour = colourOf(scale, valueAt(k));
      this.style.background = colour;
      this.style.color = inks.get(colour) ?? "var(--soft)";
    });
}

function ownWords(view) {
  const { tokens, heads, uniform } = view.row,
    { layer, head, mass, at } = heads[view.head];
  if (view.query < 0)
    return `Layer ${layer}, head ${head} gives ${ownWord(tokens[0])}, the first token, ${share(mass)} of its attention; one that looks at all alike would give it ${share(uniform)}.`;
  const most = d3.sort(d3.range(view.query + 1), (k) => -at(view.query, k)).slice(0, 3);
  const looks = most.map((k) => `${ownWord(tokens[k])} (${share(at(view.query, k))})`);
  return `In layer ${layer}, head ${head}, ${ownWord(tokens[view.query])} looks most at ${looks.join(", ")}.`;
}

function drawOwn(view) {
  const { about, row } = view,
    scale = massScale(row.tokens.length ? row.uniform : null),
    some = row.tokens.length > 0;
  drawOwnHeads(view, scale);
  if (some) drawOwnWords(view, scale);
  else document.getElementById("own-words").replaceChildren();
  document.getElementById("own-said").textContent = some ? ownWords(view) : "Type a sentence.";
  drawLegend(document.getElementById("own-legend"), scale, "attention weight");
  const cut = row.left ? ` ${row.left} more of yours did not fit and were left out.` : "";
  const run = about.key ? `${about.name}, run ${about.key.slice(0, 8)}` : about.name;
  document.getElementById("own-note").textContent =
    `${run} after ${d3.format(",")(about.step)} steps, its weights rounded to bfloat16. ${row.tokens.length} of at most ${about.tokens} tokens.${cut}`;
}

export async function startSentence() {
  if (!document.getElementById("sentence")) return;
  const reader = await openReader(),
    input = document.getElementById("own-text");
  const view = { about: reader.about, row: read(reader, firstSentence), head: 0, query: -1 };
  view.head = d3.greatestIndex(view.row.heads, (h) => h.mass);
  view.set = (changes) => drawOwn(Object.assign(view, changes));
  input.value = firstSentence;
  input.addEventListener("input", () => view.set({ row: read(reader, input.value), query: -1 }));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawOwn(view));
  document.getElementById("s-own").hidden = false;
  drawOwn(view);
}
