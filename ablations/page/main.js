// Owns: the state of the page (sweep, step, models, head, sentence, query) and the order in which things are drawn.
// Does not own: any figure, the slider (player.js).
import { openDatabase, ask, plural, readSeries, sliderSteps } from "./data.js";
import { readAxes, readCells, readRuns, readSweeps, readTexts } from "./cells.js";
import { readFacts } from "./facts.js";
import { tellStory } from "./story.js";
import { MOST_SHOWN, cellColour, showCell } from "./scales.js";
import { drawHero } from "./hero.js";
import { drawLoss } from "./charts.js";
import { drawHeat } from "./heat.js";
import { drawMaps } from "./map.js";
import { drawChain } from "./chain.js";
import { drawLayers } from "./layers.js";
import { startAxis } from "./axis.js";
import { drawTables } from "./tables.js";
import { startEffect } from "./effect.js";
import { startConsole } from "./console.js";
import { startExercises } from "./exercises.js";
import { startLesson } from "./lesson.js";
import { markTerms, startGlossary } from "./glossary.js";
import { makePlayer } from "./player.js";
import { sectionNamed, startPresenting, startPrinting } from "./present.js";
import { startPictures } from "./pictures.js";
import { startSentence } from "./sentence.js";
import { cover, startCover } from "./cover.js";
import { startKeys } from "./keys.js";
import { readHash, stateOf, strangersOf, writeHash } from "./hash.js";

const lastStepOf = (series, run) =>
  Math.max(series.step.get(run.id)?.at(-1)?.step ?? 0, series.eval.get(run.id)?.at(-1)?.step ?? 0);

function makePage(db) {
  const series = readSeries(db);
  const evaluations = new Map(
    [...series.layer].map(([id, bySteps]) => [id, [...bySteps.keys()].map((step) => ({ step }))]),
  );
  return {
    db,
    series,
    sweeps: readSweeps(db),
    steps: [0],
    figures: {},
    rows: {}, // of each figure: what gives its numbers as rows
    state: { step: 0, a: 0, b: 0, layer: 0, head: 0, sequence: 0, query: -1, relative: false, results: false },
    shown() {
      return this.cells.filter((c) => c.shown);
    },
    layerSteps: (run) => evaluations.get(run.id) ?? [],
    lastStep() {
      return (
        d3.max(
          this.shown().flatMap((c) => c.runs),
          (run) => lastStepOf(series, run),
        ) || 1
      );
    },
    // The run that stands for a cell: one with maps if there is one.
    side(name, index = this.state[name]) {
      const cell = this.cells[index],
        has = (table) => cell?.runs.find((r) => table.has(r.id));
      return { cell, run: has(series.mapSteps) ?? has(series.head) ?? cell?.runs[0] };
    },
    hidesFuture: () => document.body.classList.contains("hides-future"),
  };
}

// What is shown: a sweep, or all runs where it is null; of these what is on one text, since nothing else may be compared.
function readSelection(page, sweep, text) {
  page.sweep = sweep;
  page.texts = readTexts(readRuns(page.db, sweep));
  page.text = page.texts.find((t) => t.name === text) ?? page.texts[0] ?? { name: "", runs: [] };
  page.cells = readCells(page.db, sweep, page.text.runs);
  page.axes = readAxes(page.cells);
  page.facts = readFacts(page);
  const { all } = page.facts;
  // The strongest sink stands on the left, the clean contrast on the right.
  const strongest = d3.greatest(all, (f) => f.rate),
    weakest = d3.least(
      all.filter((f) => f !== strongest),
      (f) => f.rate,
    );
  const a = strongest?.cell.index ?? 0;
  Object.assign(page.state, {
    a,
    b: weakest?.cell.index ?? Math.min(page.cells.length - 1, a ? 0 : 1),
    query: -1,
  });
  const first = [page.state.a, page.state.b, page.facts.reference?.cell.index, ...d3.range(MOST_SHOWN)];
  for (const i of new Set(first)) if (page.cells[i]) showCell(page.cells, page.cells[i], true);
  // Runs read from results files have neither heads by step nor maps.
  const some = (table) => page.cells.some((c) => c.runs.some((r) => table.has(r.id)));
  page.has = { heads: some(page.series.head), maps: some(page.series.mapSteps) };
  document.getElementById("s-heads").hidden = !page.has.heads;
  document.getElementById("s-map").hidden = !page.has.maps;
}

// ---- moving ----

const slider = document.getElementById("step"),
  said = document.getElementById("step-said");

function moveFigures(page) {
  const { step } = page.state,
    words = `step ${d3.format(",")(step)}`;
  said.textContent = words;
  slider.setAttribute("aria-valuetext", words);
  for (const move of Object.values(page.figures)) move(step, page.state);
}

function moveTo(page, index) {
  page.state.step = page.steps[index] ?? 0;
  moveFigures(page);
  page.changed();
}

// ---- drawing ----

function fillPickers(page) {
  const fill = (id, items, text, value, chosen) =>
    d3
      .select(`#${id}`)
      .selectAll("option")
      .data(items)
      .join("option")
      .attr("value", value)
      .text(text)
      .property("selected", chosen);
  const { state } = page,
    run = page.side("a").run;
  for (const side of ["a", "b"])
    fill(
      `pick-${side}`,
      page.cells,
      (c) => c.name,
      (_, i) => i,
      (_, i) => i === state[side],
    );
  const heads = run
    ? d3.groups(page.series.head.get(run.id), (r) => `${r.layer}.${r.head}`).map(([, [r]]) => r)
    : [];
  fill(
    "pick-head",
    heads,
    (h) => `layer ${h.layer}, head ${h.head}`,
    (h) => `${h.layer}.${h.head}`,
    (h) => h.layer === state.layer && h.head === state.head,
  );
  const sentences = run
    ? ask(page.db, "SELECT DISTINCT sequence FROM map_token WHERE run_id = ?", [run.id]).map(
        (r) => r.sequence,
      )
    : [];
  fill(
    "pick-sentence",
    sentences,
    (s) => `${s + 1} of ${sentences.length}`,
    (s) => s,
    (s) => s === state.sequence,
  );
  document.getElementById("pick-relative").checked = state.relative;
  document.getElementById("pick-sentence").parentElement.hidden = sentences.length < 2;
}

const drawings = {
  hero: drawHero,
  loss: drawLoss,
  heat: drawHeat,
  maps: drawMaps,
  chain: drawChain,
  layers: drawLayers,
};

function drawAll(page) {
  const { step } = page.state;
  page.steps = sliderSteps(
    page.series,
    page.shown().flatMap((c) => c.runs),
  );
  page.player.setLast(page.steps.length - 1);
  fillPickers(page);
  for (const [name, draw] of Object.entries(drawings)) page.figures[name] = draw(page);
  page.figures.effect = page.drawEffect();
  page.drawAxis();
  page.seek(step);
  markWords();
}

const markWords = () =>
  document.querySelectorAll("#story dd, .lead, main p, main figcaption, main th").forEach(markTerms);

// Changes the state; what has to be built anew is.
function set(page, changes) {
  const changed = (...keys) => keys.some((k) => k in changes && changes[k] !== page.state[k]);
  const [heat, maps] = [changed("a", "b"), changed("a", "b", "sequence", "relative")];
  Object.assign(page.state, changes);
  fillPickers(page);
  if (heat) page.figures.heat = drawHeat(page);
  if (heat) page.figures.hero = drawHero(page);
  if (maps) page.figures.maps = drawMaps(page);
  if (maps) markWords();
  moveFigures(page);
  cover(page);
  page.changed();
}

function drawChips(page) {
  const chips = d3.select("#cells .chips").selectAll("label").data(page.cells).join("label");
  chips.selectAll("*").remove();
  chips
    .append("input")
    .attr("type", "checkbox")
    .on("change", (event, c) => {
      showCell(page.cells, c, event.target.checked);
      if (!page.shown().length) showCell(page.cells, c, true);
      paintChips(page);
      drawAll(page);
    });
  chips.append("i").datum((c) => c);
  chips.append("span").text((c) => `${c.name} (${runsText(c)})`);
  paintChips(page);
}

// Which models are shown; where all colours are given no other can be.
function paintChips(page) {
  const chips = d3.selectAll("#cells .chips label"),
    shown = page.shown().length,
    full = shown >= MOST_SHOWN;
  chips
    .select("input")
    .property("checked", (c) => c.shown)
    .property("disabled", (c) => full && !c.shown);
  d3.selectAll("#cells .chips i, #variants .swatch").style("background", cellColour);
  const usual = [...new Set(page.cells.flatMap((c) => c.usual.map((pair) => pair.join("="))))];
  document.getElementById("cells-note").textContent = [
    page.cells.length > MOST_SHOWN &&
      `${shown} of ${page.cells.length} models have a colour and stand in the figures; ` +
        (full ? `no more than ${MOST_SHOWN} can be told apart: leave one out to add another. ` : "") +
        "Section 5 has all.",
    usual.length > 0 && `What a name does not say is as in most: ${usual.join(", ")}.`,
  ]
    .filter(Boolean)
    .join(" ");
}

// Runs of a model differ in the seed; a merged database may have one seed more than once.
const runsText = ({ runs }) =>
  new Set(runs.map((r) => r.seed)).size === runs.length ? plural(runs.length, "seed") : plural(runs.length, "run");

// The menu of texts, and in a line what is on others.
function drawTexts(page) {
  const menu = document.getElementById("pick-text"),
    others = page.texts.filter((t) => t !== page.text);
  d3.select(menu)
    .selectAll("option")
    .data(page.texts)
    .join("option")
    .attr("value", (t) => t.name)
    .text((t) => `${t.name} (${plural(t.runs.length, "run")})`);
  menu.value = page.text.name;
  menu.parentElement.hidden = !others.length;
  document.getElementById("apart").textContent = others.length
    ? `${plural(d3.sum(others, (t) => t.runs.length), "run")} on another text, in other tokens or of another length: neither shown nor compared (choose above).`
    : "";
}

// The head with the strongest sink on the left is the one to begin with.
function chooseHead(page) {
  const run = page.side("a").run,
    rows = run ? page.series.head.get(run.id) : [];
  const last = rows.filter((r) => r.step === rows.at(-1).step),
    best = d3.greatest(last, (r) => r.first_mass ?? 0);
  if (best) set(page, { layer: best.layer, head: best.head });
}

function show(page, sweep, text) {
  page.stop();
  readSelection(page, sweep, text);
  drawTexts(page);
  drawChips(page);
  page.title = tellStory(page);
  cover(page);
  page.drawAxis = startAxis(page);
  page.drawEffect = startEffect(page, () => {
    page.figures.effect = page.drawEffect();
    moveFigures(page);
  });
  drawAll(page);
  chooseHead(page);
  // Below the fold, and the verdicts take their time.
  setTimeout(() => {
    drawTables(page);
    markWords();
  });
}

// The menu of sweeps, where there is a choice: one that has every run leaves none. Returns the one to begin with.
function startSweeps(page, name) {
  const menu = document.getElementById("pick-sweep"),
    [{ runs }] = ask(page.db, "SELECT count(*) AS runs FROM run");
  const choices = [...page.sweeps, ...(page.sweeps.some((s) => s.runs === runs) ? [] : [null])];
  d3.select(menu)
    .selectAll("option")
    .data(choices)
    .join("option")
    .attr("value", (_, i) => i)
    .text((s) => (s ? `${s.name} (${s.runs} runs)` : `all runs (${runs})`));
  menu.parentElement.hidden = choices.length < 2;
  menu.addEventListener("change", () => {
    page.lesson.close();
    show(page, choices[menu.value]);
  });
  menu.value = Math.max(
    0,
    choices.findIndex((c) => c && c.name === name),
  );
  return choices[menu.value];
}

function listen(page) {
  const onChange = (id, changes) =>
    document.getElementById(id).addEventListener("change", (e) => set(page, changes(e.target)));
  document.getElementById("pick-text").addEventListener("change", ({ target }) => {
    page.lesson.close();
    show(page, page.sweep, target.value);
  });
  onChange("pick-a", ({ value }) => ({ a: +value }));
  onChange("pick-b", ({ value }) => ({ b: +value }));
  onChange("pick-sentence", ({ value }) => ({ sequence: +value }));
  onChange("pick-relative", ({ checked }) => ({ relative: checked }));
  onChange("pick-head", ({ value }) => {
    const [layer, head] = value.split(".").map(Number);
    return { layer, head };
  });
  onChange("pick-future", ({ checked }) => {
    document.body.classList.toggle("hides-future", !checked);
    return {};
  });
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    drawAll(page);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw(page));
  document.getElementById("hero-play").addEventListener("click", () => {
    page.goTo(0);
    page.play();
  });
}

function redraw(page) {
  paintChips(page);
  drawAll(page);
}

// Goes where an address says: without one to the beginning, with results to the end.
function begin(page, hash) {
  const hidden = page.cells.filter((c) => hash.get("hidden")?.split(".").includes(String(c.index)));
  if (hidden.length && hidden.length < page.cells.length) {
    for (const cell of hidden) showCell(page.cells, cell, false);
    for (const cell of page.cells) if (!hidden.includes(cell)) showCell(page.cells, cell, true);
    redraw(page);
  }
  if (hash.get("future") === "1") document.getElementById("pick-future").click();
  set(page, stateOf(page, hash));
  const lesson = Number(hash.get("lesson")) - 1;
  if (page.lesson.has(lesson)) {
    page.lesson.go(lesson);
    if (!hash.has("step")) return;
    set(page, stateOf(page, hash)); // a moment of the lesson, not its step's own beginning
  }
  if (/^\d+$/.test(hash.get("step") ?? "")) page.seek(+hash.get("step"));
  else page.goTo(page.state.results ? 1 : 0);
}

async function start() {
  const page = makePage(await openDatabase()),
    hash = readHash();
  page.player = makePlayer((index) => moveTo(page, index));
  Object.assign(page, {
    set: (changes) => set(page, changes),
    chooseHead: () => chooseHead(page),
    stop: page.player.stop,
    play: page.player.play,
    goTo: (share) => page.player.goTo(Math.round(share * (page.steps.length - 1))),
    // The last step that is not after this one.
    seek: (step) => page.player.goTo(Math.max(0, d3.bisectRight(page.steps, step) - 1)),
    changed: () => writeHash(page),
    ...startPresenting(page, () => redraw(page)),
  });
  startGlossary();
  show(page, startSweeps(page, hash.get("sweep")), hash.get("text"));
  const sql = await startConsole(page);
  page.lesson = startLesson(page, sql);
  startExercises(page, sql.show);
  startPictures(page);
  startPrinting(page, () => redraw(page));
  startKeys(page);
  startCover(page);
  listen(page);
  begin(page, hash);
  const presented = sectionNamed(hash.get("present"));
  if (presented) page.togglePresent(presented);
  document.getElementById("link-said").textContent = strangersOf(page, hash);
  addEventListener("hashchange", () => location.reload());
  document.getElementById("wait").hidden = true;
  document.body.dataset.ready = Math.round(performance.now());
  startSentence(page);
}

start().catch((error) => {
  document.getElementById("wait").textContent = `This page cannot be shown: ${error.message}`;
  throw error;
});
