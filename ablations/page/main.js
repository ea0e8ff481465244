// Owns: the state of the page (step, models, head, sentence, query) and the order in which things are drawn.
// Does not own: any figure.
import { openDatabase, ask, readCells, readSeries, sliderSteps, scaleOf } from "./data.js";
import { cellColour } from "./scales.js";
import { drawLoss } from "./charts.js";
import { drawHeat } from "./heat.js";
import { drawMaps } from "./map.js";
import { drawChain, drawLayers } from "./chain.js";
import { drawTables } from "./tables.js";
import { startConsole } from "./console.js";
import { startLesson } from "./lesson.js";

const PLAY_MS = 12000; // from the first step to the last

const slider = document.getElementById("step");
const playButton = document.getElementById("play");

function makePage(db) {
  const cells = readCells(db), series = readSeries(db);
  const evaluations = new Map([...series.layer].map(([id, bySteps]) => [id, [...bySteps.keys()].map((step) => ({ step }))]));
  const second = cells.findIndex((c) => c.variant === "head_rmsnorm");
  return {
    db, cells, series, figures: [],
    state: { step: 0, a: 0, b: second > 0 ? second : cells.length > 1 ? 1 : 0, layer: 0, head: 0, sequence: 0, query: -1 },
    shown: () => cells.filter((c) => c.shown),
    layerSteps: (run) => evaluations.get(run.id) ?? [],
    lastStep: () => d3.max(cells.filter((c) => c.shown).flatMap((c) => c.runs), (r) => series.step.get(r.id)?.at(-1)?.step ?? series.eval.get(r.id)?.at(-1)?.step ?? 1) ?? 1,
    // The run that stands for a cell: one with maps if there is one.
    side(name) {
      const cell = cells[this.state[name]];
      return { cell, run: cell?.runs.find((r) => series.mapSteps.has(r.id)) ?? cell?.runs.find((r) => series.head.has(r.id)) ?? cell?.runs[0] };
    },
  };
}

// ---- moving ----

function moveFigures(page) {
  const { step } = page.state;
  document.getElementById("step-said").textContent = `step ${step}`;
  slider.setAttribute("aria-valuetext", `step ${step}`);
  for (const move of page.figures) move(step, page.state);
}

function setIndex(page, index) {
  slider.value = index;
  page.state.step = page.steps[slider.value] ?? 0;
  moveFigures(page);
}

function stop(page) {
  cancelAnimationFrame(page.frame);
  page.frame = 0;
  playButton.textContent = "▶";
  playButton.setAttribute("aria-label", "Play");
}

function play(page) {
  const last = page.steps.length - 1, from = +slider.value >= last ? 0 : +slider.value;
  let start = null;
  const tick = (now) => {
    start ??= now;
    const index = from + Math.floor(((now - start) / PLAY_MS) * last);
    setIndex(page, Math.min(index, last));
    if (index < last) page.frame = requestAnimationFrame(tick);
    else stop(page);
  };
  playButton.textContent = "❚❚";
  playButton.setAttribute("aria-label", "Pause");
  page.frame = requestAnimationFrame(tick);
}

// ---- drawing ----

function fillPickers(page) {
  const fill = (id, items, text, value, chosen) =>
    d3.select(`#${id}`).selectAll("option").data(items).join("option").attr("value", value).property("selected", chosen).text(text);
  for (const side of ["a", "b"]) fill(`pick-${side}`, page.cells, (c) => c.name, (_, i) => i, (_, i) => i === page.state[side]);
  const run = page.side("a").run;
  const heads = run ? [...new Set((page.series.head.get(run.id) ?? []).map((r) => `${r.layer}.${r.head}`))] : [];
  fill("pick-head", heads, (h) => `layer ${h.split(".")[0]}, head ${h.split(".")[1]}`, (h) => h, (h) => h === `${page.state.layer}.${page.state.head}`);
  const sentences = run ? ask(page.db, "SELECT DISTINCT sequence FROM map_token WHERE run_id = ?", [run.id]).map((r) => r.sequence) : [];
  fill("pick-sentence", sentences, (s) => `${s + 1} of ${sentences.length}`, (s) => s, (s) => s === page.state.sequence);
}

function drawAll(page) {
  const step = page.state.step;
  page.steps = sliderSteps(page.series, page.shown().flatMap((c) => c.runs));
  slider.max = page.steps.length - 1;
  fillPickers(page);
  page.figures = [drawLoss, drawHeat, drawMaps, drawChain, drawLayers].map((draw) => draw(page));
  setIndex(page, Math.max(0, d3.bisectRight(page.steps, step) - 1));
}

// Changes the state; what has to be built anew is.
function set(page, changes) {
  Object.assign(page.state, changes);
  fillPickers(page);
  if ("a" in changes || "b" in changes) page.figures[1] = drawHeat(page);
  if ("a" in changes || "b" in changes || "sequence" in changes) page.figures[2] = drawMaps(page);
  moveFigures(page);
}

function drawChips(page) {
  const chips = d3.select("#cells .chips").selectAll("label").data(page.cells).join("label");
  chips.append("input").attr("type", "checkbox").property("checked", (c) => c.shown).on("change", (event, c) => {
    c.shown = event.target.checked;
    if (!page.cells.some((cell) => cell.shown)) c.shown = event.target.checked = true;
    drawAll(page);
  });
  chips.append("i").style("background", cellColour);
  chips.append("span").text((c) => `${c.name} (${c.runs.length})`);
}

// The page's story in a sentence, from its figures.
function tellStory(page) {
  const [sweep] = ask(page.db, "SELECT claim FROM sweep WHERE claim IS NOT NULL ORDER BY (SELECT count(*) FROM sweep_run WHERE sweep = sweep.id) DESC, id");
  document.getElementById("claim").textContent = sweep?.claim ?? "Small GPTs, measured at every step while they train: which heads begin to look at the first token, when, and what stops them.";
  const finals = ask(page.db, "SELECT run_id, sink_rate_03, onset FROM final");
  const told = page.cells.flatMap((cell) => {
    const mine = finals.filter((f) => cell.runs.some((r) => r.id === f.run_id));
    const rate = d3.median(mine, (f) => f.sink_rate_03), onset = d3.median(mine.filter((f) => f.onset !== null), (f) => f.onset);
    return rate === undefined ? [] : [`${cell.name}: ${(100 * rate).toFixed(0)} % of heads sink${onset === undefined ? "" : `, from step ${onset} on`}`];
  });
  const scale = scaleOf(page.series, page.cells);
  document.getElementById("story").textContent = told.length ? `What came of it: ${told.slice(0, 6).join("; ")}.` : "No run has finished yet.";
  document.getElementById("scale").textContent = `${scale.text}; probe main: ${scale.sequences} held-out sequences. ` +
    (scale.control.length ? `Uniform control: key 0 gets ${scale.control.map((c) => c.toFixed(4)).join(", ")} of evenly spread attention, a sink rate of ${scale.control.some((c) => c > 0.3) ? "up to 1" : "0"}.` : "");
}

// The head with the strongest sink is the one to begin with.
function chooseHead(page) {
  const run = page.side("a").run, rows = run ? (page.series.head.get(run.id) ?? []) : [];
  const last = rows.filter((r) => r.step === rows.at(-1).step);
  const best = last[d3.maxIndex(last, (r) => r.first_mass ?? 0)] ?? last[0];
  if (best) Object.assign(page.state, { layer: best.layer, head: best.head });
}

function listen(page) {
  slider.addEventListener("input", () => { stop(page); setIndex(page, +slider.value); });
  playButton.addEventListener("click", () => (page.frame ? stop(page) : play(page)));
  for (const side of ["a", "b"]) document.getElementById(`pick-${side}`).addEventListener("change", (e) => set(page, { [side]: +e.target.value }));
  document.getElementById("pick-head").addEventListener("change", (e) => {
    const [layer, head] = e.target.value.split(".").map(Number);
    set(page, { layer, head });
  });
  document.getElementById("pick-sentence").addEventListener("change", (e) => set(page, { sequence: +e.target.value }));
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    drawAll(page);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(page));
}

async function start() {
  const page = makePage(await openDatabase());
  Object.assign(page, { set: (changes) => set(page, changes), stop: () => stop(page), play: () => play(page),
                        goTo: (share) => setIndex(page, Math.round(share * (page.steps.length - 1))) });
  chooseHead(page);
  drawChips(page);
  tellStory(page);
  drawAll(page);
  page.goTo(1);
  startLesson(page, startConsole(page));
  listen(page);
  document.getElementById("wait").hidden = true;
  document.body.dataset.ready = Math.round(performance.now());
  setTimeout(() => drawTables(page)); // below the fold, and the verdicts take their time
}

start().catch((error) => {
  document.getElementById("wait").textContent = `This page cannot be shown: ${error.message}`;
  throw error;
});
