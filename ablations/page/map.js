// Owns: section 3: the attention map of one head at the slider's step on a probe sentence, for two models.
// Does not own: which head, sentence and step (main.js).
import { palette } from "./figures.js";
import { massScale, ratioScale, cellColour, colourOf, drawLegend, inksOf, pixels } from "./scales.js";
import { hintOver } from "./hint.js";
import { ask, lastAt } from "./data.js";

export const shownText = (text) => (text === "" ? "∅" : text.replaceAll("\n", "↵").replaceAll("\t", "⇥"));
const weightAt = (map, q, k) => map.data[(q * (q + 1)) / 2 + k] / 255;

// What key k receives: the mean over the queries that can see it, and what uniform attention would give.
function received(map) {
  return d3.range(map.T).map((k) => {
    const queries = d3.range(k, map.T);
    return {
      mass: d3.mean(queries, (q) => weightAt(map, q, k)),
      control: d3.mean(queries, (q) => 1 / (q + 1)),
    };
  });
}

function tokensOf(page, run) {
  const sql =
    "SELECT position, text FROM map_token" +
    " WHERE run_id = ? AND probe = 'main' AND sequence = ? ORDER BY position";
  return run ? ask(page.db, sql, [run.id, page.state.sequence]) : [];
}

function fetchMap(page, run, step) {
  const at = run && lastAt(page.series.mapSteps.get(run.id), step);
  if (!at) return null;
  const { layer, head, sequence } = page.state;
  const [row] = ask(
    page.db,
    `SELECT step, T, data FROM map
     WHERE run_id = ? AND step = ? AND probe = 'main' AND sequence = ? AND layer = ? AND head = ?`,
    [run.id, at.step, sequence, layer, head],
  );
  return row ?? null;
}

// The chosen head's last map, whatever the slider's step: T and the weight of a place.
export function finalMap(page, side) {
  const map = fetchMap(page, page.side(side).run, Infinity);
  return map && { T: map.T, at: (q, k) => weightAt(map, q, k) };
}

// What the chosen head gives the first key at the slider's step; null where there is no map.
export function firstKeyOf(page, side) {
  const { run } = page.side(side),
    map = fetchMap(page, run, page.state.step);
  const [token] = map ? tokensOf(page, run) : [];
  return token ? { text: shownText(token.text), ...received(map)[0] } : null;
}

function drawCanvas(canvas, map, { colours, scale, valueOf }, query) {
  if (canvas.width !== map.T) canvas.width = canvas.height = map.T;
  const context = canvas.getContext("2d"),
    image = context.createImageData(map.T, map.T);
  const out = new Uint32Array(image.data.buffer);
  for (let q = 0, i = 0; q < map.T; q++)
    for (let k = 0; k <= q; k++, i++)
      out[q * map.T + k] = colours[Math.round(256 * scale.place(valueOf(map.data[i] / 255, 1 / (q + 1))))];
  context.putImageData(image, 0, 0);
  canvas.dataset.step = map.step;
  canvas.dataset.query = query;
}

// Bars: what each key receives; ticks: what it would receive under uniform attention.
function drawStrip(canvas, sums, colour) {
  const width = 8 * sums.length,
    height = 44,
    context = canvas.getContext("2d");
  if (canvas.width !== width) Object.assign(canvas, { width, height });
  const other = palette()[7],
    ink = getComputedStyle(canvas).color,
    top = Math.max(
      0.3,
      d3.max(sums, (s) => s.mass),
    );
  context.clearRect(0, 0, width, height);
  sums.forEach((s, k) => {
    context.fillStyle = k === 0 ? colour : other;
    context.fillRect(8 * k + 1, height * (1 - s.mass / top), 6, (height * s.mass) / top);
    context.fillStyle = ink;
    context.fillRect(8 * k, height * (1 - s.control / top) - 1, 8, 1.5);
  });
}

function build(page, side, tokens) {
  const node = document.getElementById(`map-${side}`),
    { cell, run } = page.side(side);
  const figure = d3.select(node);
  figure.selectAll("*").remove();
  figure.append("h3").text(run ? `${cell.name}, seed ${run.seed}` : "-");
  if (!run || !tokens.length) {
    figure
      .append("p")
      .attr("class", "note")
      .text("No attention maps of this run are in the page (probe.maps; the first six runs that have them).");
    return null;
  }
  const sentence = figure
    .append("div")
    .attr("class", "sentence")
    .attr("role", "group")
    .attr("aria-label", "Sentence: choose a query");
  const words = sentence
    .selectAll("button")
    .data(tokens)
    .join("button")
    .attr("type", "button")
    .text((d) => shownText(d.text))
    .on("click", (_, d) => page.set({ query: page.state.query === d.position ? -1 : d.position }));
  const readout = figure.append("p").attr("class", "note readout").attr("aria-live", "polite");
  const frame = figure.append("div").attr("class", "frame");
  frame.append("span").attr("class", "axis").text("received");
  const strip = frame
    .append("canvas")
    .attr("class", "strip")
    .attr("role", "img")
    .attr("aria-label", "Attention that each key receives")
    .node();
  const labelled = tokens.filter((_, i) => tokens.length <= 40 || i % 2 === 0);
  const labelsOf = (kind) =>
    frame
      .append("div")
      .attr("class", kind)
      .attr("aria-hidden", "true")
      .selectAll("span")
      .data(labelled)
      .join("span")
      .attr("title", (d) => shownText(d.text))
      .text((d) => shownText(d.text));
  frame.append("span");
  labelsOf("keys");
  const labels = labelsOf("labels");
  const canvas = frame
    .append("canvas")
    .attr("role", "img")
    .attr("aria-label", "Attention map: queries down, keys across")
    .node();
  frame.append("span");
  frame.append("span").attr("class", "axis").text("query: a row each; key: the words from left to right");
  const view = { cell, run, words, readout, canvas, strip, labels, tokens, map: null };
  canvas.addEventListener("pointerdown", (event) =>
    page.set({ query: placeAt(canvas, event, tokens.length).q }),
  );
  hintOver(canvas, (event) => weightWords(view, event));
  hintOver(strip, (event) => receivedWords(view, event));
  return view;
}

// The query and key under the pointer.
function placeAt(canvas, event, T) {
  const box = canvas.getBoundingClientRect(),
    at = (share) => Math.min(T - 1, Math.max(0, Math.floor(share * T)));
  return { q: at((event.clientY - box.top) / box.height), k: at((event.clientX - box.left) / box.width) };
}

const wordOf = ({ tokens }, i) => `“${shownText(tokens[i].text)}”`;
const againstUniform = (mass, uniform) => `${mass.toFixed(3)} (uniform: ${uniform.toFixed(3)})`;

function weightWords(view, event) {
  const { q, k } = placeAt(view.canvas, event, view.tokens.length);
  if (!view.map || k > q) return null;
  return `${wordOf(view, q)} looks at ${wordOf(view, k)}: ${againstUniform(weightAt(view.map, q, k), 1 / (q + 1))}`;
}

function receivedWords(view, event) {
  const { k } = placeAt(view.strip, event, view.tokens.length);
  if (!view.map) return null;
  const { mass, control } = received(view.map)[k];
  return `${wordOf(view, k)} receives ${againstUniform(mass, control)}`;
}

// The map that is shown, a row a weight.
const mapRows = ({ cell, map, run, tokens }) =>
  map
    ? d3.range(map.T).flatMap((q) =>
        d3.range(q + 1).map((k) => ({
          model: cell.name,
          seed: run.seed,
          step: map.step,
          query: q,
          key: k,
          query_text: tokens[q].text,
          key_text: tokens[k].text,
          weight: weightAt(map, q, k),
        })),
      )
    : [];

// The sentence is tinted by what its words receive, or by where the chosen query looks.
function tintWords(view, map, sums, query, { scale, inks, valueOf }) {
  const valueAt = (k) =>
    query < 0
      ? valueOf(sums[k].mass, sums[k].control)
      : k > query
        ? NaN
        : valueOf(weightAt(map, query, k), 1 / (query + 1));
  view.words.each(function (d) {
    const colour = colourOf(scale, valueAt(d.position));
    this.style.background = colour;
    this.style.color = inks.get(colour) ?? "var(--soft)";
    this.ariaPressed = String(d.position === query);
  });
  view.labels.attr("class", (d) => (d.position === query ? "chosen" : null));
}

function readoutOf(view, map, sums, query) {
  const first = `the first key “${shownText(view.tokens[0].text)}”`;
  const at = `Map of step ${d3.format(",")(map.step)}`;
  const against = (mass, control) => `${mass.toFixed(2)} (uniform: ${control.toFixed(2)}).`;
  if (query < 0) return `${at}: of all attention ${first} receives ${against(sums[0].mass, sums[0].control)}`;
  const word = shownText(view.tokens[query].text);
  return `${at}: query ${query} “${word}” gives ${first} ${against(weightAt(map, query, 0), 1 / (query + 1))}`;
}

function showMap(page, view, paint) {
  const map = fetchMap(page, view.run, page.state.step);
  view.map = map;
  if (!map) return view.readout.text("No map of this head.");
  const query = Math.min(page.state.query, map.T - 1);
  const sums = received(map);
  drawCanvas(view.canvas, map, paint, query);
  drawStrip(view.strip, sums, cellColour(view.cell));
  tintWords(view, map, sums, query, paint);
  view.readout.text(readoutOf(view, map, sums, query));
}

// How weights are coloured: as they are, or over what uniform attention gives at that place.
function paintOf(T, relative) {
  const scale = relative ? ratioScale(T) : massScale(null);
  const valueOf = relative ? (weight, uniform) => weight / uniform : (weight) => weight;
  return { scale, valueOf, colours: pixels(scale), inks: inksOf(scale) };
}

export function drawMaps(page) {
  const views = ["a", "b"].map((side) => build(page, side, tokensOf(page, page.side(side).run)));
  const T = d3.max(views, (v) => v?.tokens.length) ?? 32,
    { relative } = page.state,
    paint = paintOf(T, relative);
  page.rows.maps = () => views.flatMap((v) => (v ? mapRows(v) : []));
  drawLegend(
    document.getElementById("map-legend"),
    paint.scale,
    relative ? "weight over uniform attention, A[q,k] (q+1)" : "attention weight A[q,k] (0 to 1)",
  );
  document.getElementById("map-note").textContent =
    `n = 1 sentence of probe main, 1 run a side, T = ${T}; weights kept as bytes (steps of 1/255); ` +
    "no threshold eps is involved. Bars above a map: mean weight that each key receives from the queries " +
    "that see it; ticks: the same under uniform attention.";
  let drawn = "";
  return () => {
    const { step, layer, head, query } = page.state;
    const steps = views.map((v) => v && lastAt(page.series.mapSteps.get(v.run.id), step)?.step);
    const wanted = [steps, layer, head, query].join();
    if (wanted === drawn) return;
    drawn = wanted;
    for (const view of views) if (view) showMap(page, view, paint);
  };
}
