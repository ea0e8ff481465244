// Owns: the state of the page (step, models, head, sentence, query) and the order in which things are drawn.
// Does not own: any figure, the slider (player.js).
import { openDatabase, ask, readCells, readSeries, sliderSteps } from "./data.js";
import { readFacts, tellStory } from "./facts.js";
import { cellColour } from "./scales.js";
import { drawLoss } from "./charts.js";
import { drawHeat } from "./heat.js";
import { drawMaps } from "./map.js";
import { drawChain } from "./chain.js";
import { drawLayers } from "./layers.js";
import { drawTables } from "./tables.js";
import { startConsole } from "./console.js";
import { startLesson } from "./lesson.js";
import { makePlayer } from "./player.js";

function makePage(db) {
  const cells = readCells(db),
    series = readSeries(db);
  const evaluations = new Map(
    [...series.layer].map(([id, bySteps]) => [id, [...bySteps.keys()].map((step) => ({ step }))]),
  );
  const second = cells.findIndex((c) => c.variant === "head_rmsnorm");
  const lastOf = (run) =>
    Math.max(series.step.get(run.id)?.at(-1)?.step ?? 0, series.eval.get(run.id)?.at(-1)?.step ?? 0);
  return {
    db,
    cells,
    series,
    steps: [0],
    figures: {},
    state: {
      step: 0,
      a: 0,
      b: second > 0 ? second : Math.min(1, cells.length - 1),
      layer: 0,
      head: 0,
      sequence: 0,
      query: -1,
    },
    shown: () => cells.filter((c) => c.shown),
    layerSteps: (run) => evaluations.get(run.id) ?? [],
    lastStep: () =>
      d3.max(
        cells.filter((c) => c.shown).flatMap((c) => c.runs),
        lastOf,
      ) || 1,
    // The run that stands for a cell: one with maps if there is one.
    side(name) {
      const cell = cells[this.state[name]],
        has = (table) => cell?.runs.find((r) => table.has(r.id));
      return { cell, run: has(series.mapSteps) ?? has(series.head) ?? cell?.runs[0] };
    },
  };
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
}

const drawings = { loss: drawLoss, heat: drawHeat, maps: drawMaps, chain: drawChain, layers: drawLayers };

function drawAll(page) {
  const { step } = page.state;
  page.steps = sliderSteps(
    page.series,
    page.shown().flatMap((c) => c.runs),
  );
  page.player.setLast(page.steps.length - 1);
  fillPickers(page);
  for (const [name, draw] of Object.entries(drawings)) page.figures[name] = draw(page);
  page.player.goTo(Math.max(0, d3.bisectRight(page.steps, step) - 1));
}

// Changes the state; what has to be built anew is.
function set(page, changes) {
  const changed = (...keys) => keys.some((k) => k in changes && changes[k] !== page.state[k]);
  const [heat, maps] = [changed("a", "b"), changed("a", "b", "sequence")];
  Object.assign(page.state, changes);
  fillPickers(page);
  if (heat) page.figures.heat = drawHeat(page);
  if (maps) page.figures.maps = drawMaps(page);
  moveFigures(page);
}

function drawChips(page) {
  const chips = d3.select("#cells .chips").selectAll("label").data(page.cells).join("label");
  chips
    .append("input")
    .attr("type", "checkbox")
    .property("checked", (c) => c.shown)
    .on("change", (event, c) => {
      c.shown = event.target.checked;
      if (!page.cells.some((cell) => cell.shown)) c.shown = event.target.checked = true;
      drawAll(page);
    });
  chips.append("i").style("background", cellColour);
  chips.append("span").text((c) => `${c.name} (${c.runs.length} seed${c.runs.length === 1 ? "" : "s"})`);
}

// The head with the strongest sink on the left is the one to begin with.
function chooseHead(page) {
  const run = page.side("a").run,
    rows = run ? page.series.head.get(run.id) : [];
  const last = rows.filter((r) => r.step === rows.at(-1).step),
    best = d3.greatest(last, (r) => r.first_mass ?? 0);
  if (best) set(page, { layer: best.layer, head: best.head });
}

function listen(page) {
  const onChange = (id, changes) =>
    document.getElementById(id).addEventListener("change", (e) => set(page, changes(e.target.value)));
  onChange("pick-a", (value) => ({ a: +value }));
  onChange("pick-b", (value) => ({ b: +value }));
  onChange("pick-sentence", (value) => ({ sequence: +value }));
  onChange("pick-head", (value) => {
    const [layer, head] = value.split(".").map(Number);
    return { layer, head };
  });
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    drawAll(page);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    drawAll(page);
    recolour(page);
  });
}

const recolour = () => d3.selectAll("#cells .chips label i").style("background", cellColour);

async function start() {
  const page = makePage(await openDatabase());
  page.facts = readFacts(page);
  page.player = makePlayer((index) => moveTo(page, index));
  Object.assign(page, {
    set: (changes) => set(page, changes),
    chooseHead: () => chooseHead(page),
    stop: page.player.stop,
    play: page.player.play,
    goTo: (share) => page.player.goTo(Math.round(share * (page.steps.length - 1))),
  });
  drawChips(page);
  tellStory(page);
  drawAll(page);
  chooseHead(page);
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
