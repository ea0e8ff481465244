// Owns: section 4: the chain of quantities on one time axis, the bars of their onsets, the view by layer.
// Does not own: how a quantity is measured (train/schema.sql says).
import { cellColour } from "./scales.js";
import { addCursor, bandOf, bandMarks } from "./charts.js";
import { lastAt, scaleOf } from "./data.js";

const column = (table, name) => (series, run) => (series[table].get(run.id) ?? []).map((r) => ({ step: r.step, value: r[name] }));

const LEFT = 116; // margin of the figures that share the time axis

// In the order in which the theory has them happen. rule: the control or threshold, always drawn.
const links = [
  { name: "output variance at 0 (ratio)", rows: column("random", "out_variance_ratio"), rule: 1, said: "as other positions", log: true },
  { name: "super neuron (top / median)", rows: column("stream", "super_ratio"), rule: 1, said: "as any unit", log: true },
  { name: "DomRatio of token 0", rows: column("stream", "dom_ratio_first"), ruleRows: column("stream", "dom_ratio_rest"), said: "median of the rest", log: true },
  { name: "norm ratio of token 0", rows: column("eval", "norm_ratio"), rule: 3, said: "threshold 3", log: true, quantity: "norm_ratio" },
  { name: "entropy H / ln min(T,d)", rows: column("eval", "entropy_norm_min"), ruleRows: column("stream", "bound"), rule: 0.5, said: "threshold 0.5", boundSaid: "upper bound", quantity: "entropy_norm_min" },
  { name: "sink rate (eps 0.3)", rows: column("eval", "sink_rate_03"), rule: 0.1, said: "threshold 0.1; uniform: 0", quantity: "sink_rate_03" },
  { name: "value drain", rows: column("eval", "value_drain"), rule: 0.5, said: "threshold 0.5; no drain: 1", quantity: "value_drain" },
];

function linkMarks(page, link, cells) {
  const marks = [];
  for (const cell of cells) {
    marks.push(...bandMarks(cell, bandOf(cell, (run) => link.rows(page.series, run))));
    if (!link.ruleRows) continue;
    const control = bandOf(cell, (run) => link.ruleRows(page.series, run));
    marks.push(Plot.lineY(control, { x: "step", y: "mean", stroke: cellColour(cell), strokeDasharray: "2 3", strokeOpacity: 0.8 }));
  }
  const said = [link.said, link.boundSaid && `dotted: ${link.boundSaid}`, link.ruleRows && !link.boundSaid && "dotted"].filter(Boolean);
  if (link.rule !== undefined) marks.push(Plot.ruleY([link.rule], { stroke: "currentColor", strokeDasharray: "5 4", strokeOpacity: 0.6 }));
  marks.push(Plot.text([`${link.name}   [${said.join("; ")}]`], { frameAnchor: "top-left", dy: -13, dx: 0, textAnchor: "start", fontSize: 11, fill: "currentColor" }));
  return marks;
}

const isMeasured = (page, link, cells) =>
  cells.some((c) => c.runs.some((r) => link.rows(page.series, r).some((p) => Number.isFinite(p.value) && (p.value > 0 || !link.log))));

function plotLink(page, link, cells, width, last) {
  return Plot.plot({
    width, height: last ? 128 : 100, marginLeft: LEFT, marginTop: 20, marginBottom: last ? 36 : 8,
    x: { domain: [0, page.lastStep()], label: last ? "step (updates) →" : null, axis: last ? "bottom" : null },
    y: { type: link.log ? "log" : "linear", label: null, ticks: 3, tickFormat: "~g", grid: true, ...(link.log ? {} : { zero: true }), nice: true },
    marks: linkMarks(page, link, cells),
  });
}

// Interval bars: after the last evaluation before the threshold, by the first one past it.
function drawOnsets(page, cells) {
  const node = document.getElementById("onsets");
  const short = { norm_ratio: "norm ratio > 3", entropy_norm_min: "entropy < 0.5", sink_rate_03: "sink rate > 0.1", value_drain: "value drain < 0.5", first_mass: "largest head > 0.3" };
  const bars = cells.flatMap((cell) => cell.runs.flatMap((run) => (page.series.onset.get(run.id) ?? [])
    .filter((o) => o.first_after !== null && short[o.quantity])
    .map((o) => ({ ...o, cell, run, low: o.last_before ?? 0, what: short[o.quantity] }))));
  if (!bars.length) {
    node.replaceChildren(d3.create("p").attr("class", "note").text("Nothing passed its threshold in the models shown.").node());
    return () => {};
  }
  const svg = Plot.plot({
    width: Math.max(280, node.clientWidth), height: 60 + 34 * Object.keys(short).length, marginLeft: LEFT,
    x: { domain: [0, page.lastStep()], label: "step (updates) →", grid: true }, y: { domain: Object.values(short), label: null },
    marks: [Plot.tickX(bars, { x: "first_after", y: "what", stroke: (d) => cellColour(d.cell), strokeWidth: 3,
        title: (d) => `${d.cell.name}, seed ${d.run.seed}: ${d.what} in steps (${d.low}, ${d.first_after}]` }),
      Plot.barX(bars, { x1: "low", x2: "first_after", y: "what", fill: (d) => cellColour(d.cell), fillOpacity: 0.3 })],
  });
  node.replaceChildren(svg);
  return addCursor(svg);
}

export function drawChain(page) {
  const node = document.getElementById("chain"), cells = page.shown();
  const width = Math.max(280, node.clientWidth);
  const present = links.filter((link) => isMeasured(page, link, cells));
  const plots = present.map((link, i) => plotLink(page, link, cells, width, i === present.length - 1));
  node.replaceChildren(...plots);
  const missing = links.filter((l) => !present.includes(l)).map((l) => l.name);
  document.getElementById("chain-note").textContent =
    `${scaleOf(page.series, cells).text}. Line: mean over seeds, band: lowest to highest. ` +
    `Largest (entropy: smallest) over layers.${missing.length ? ` Not measured: ${missing.join(", ")}.` : ""}`;
  const moves = [drawOnsets(page, cells), ...plots.map(addCursor)];
  return (step) => moves.forEach((move) => move(step));
}

// ---- by layer ----

const layerFigures = [
  { key: "mixing", name: "mix: mixing score", rule: 1, said: "1: uniform attention", domain: [0, 1] },
  { key: "entropy_norm", name: "compress: H / ln min(T,d)", rule: 0.5, said: "threshold 0.5", domain: [0, 1] },
  { key: "norm_ratio", name: "norm ratio of token 0", rule: 3, said: "threshold 3", log: true },
  { key: "sink_rate_03", name: "sink rate (eps 0.3)", rule: 0, said: "uniform: 0", domain: [0, 1] },
];

// The highest value that a figure takes at any step, so that axes stand still.
function ceilingOf(page, cells, key) {
  return d3.max(cells.flatMap((c) => c.runs), (run) => d3.max(page.series.layer.get(run.id)?.values() ?? [], (rows) => d3.max(rows, (r) => r[key])));
}

function layerRows(page, cells, key) {
  return cells.flatMap((cell) => cell.runs.flatMap((run) => {
    const bySteps = page.series.layer.get(run.id), at = lastAt(page.layerSteps(run), page.state.step);
    return at ? bySteps.get(at.step).filter((r) => Number.isFinite(r[key])).map((r) => ({ layer: r.layer, value: r[key], cell, run: run.id })) : [];
  }));
}

function plotLayers(page, figure, cells, ceiling, width) {
  const rows = layerRows(page, cells, figure.key);
  const y = figure.log ? { type: "log", domain: [0.5, Math.max(4, 1.2 * (ceiling ?? 4))] } : { domain: figure.domain };
  return Plot.plot({
    width, height: 190, marginLeft: 36, marginTop: 28,
    x: { label: "layer →", tickFormat: "d", ticks: [...new Set(rows.map((r) => r.layer))].slice(0, 12), inset: 6 },
    y: { ...y, label: null, ticks: 4, grid: true, tickFormat: "~g" },
    marks: [Plot.ruleY([figure.rule], { strokeDasharray: "5 4", strokeOpacity: 0.6 }),
      Plot.lineY(rows, { x: "layer", y: "value", z: "run", stroke: (r) => cellColour(r.cell), marker: "dot", clip: false }),
      Plot.text([`${figure.name}  [${figure.said}]`], { frameAnchor: "top-left", dy: -18, textAnchor: "start", fontSize: 11 })],
  });
}

export function drawLayers(page) {
  const node = document.getElementById("layers"), cells = page.shown();
  const ceilings = layerFigures.map((f) => ceilingOf(page, cells, f.key));
  const boxes = layerFigures.map(() => d3.create("div").attr("class", "plot").node());
  node.replaceChildren(...boxes);
  const width = Math.max(220, boxes[0].clientWidth);
  document.getElementById("layers-note").textContent = `${scaleOf(page.series, cells).text}; one line a run; probe main.`;
  let drawn = "";
  return () => {
    const steps = cells.flatMap((c) => c.runs.map((r) => lastAt(page.layerSteps(r), page.state.step)?.step));
    if (steps.join() === drawn) return;
    drawn = steps.join();
    layerFigures.forEach((f, i) => boxes[i].replaceChildren(plotLayers(page, f, cells, ceilings[i], width)));
    const known = steps.filter((s) => s !== undefined);
    d3.selectAll(".at-step").text(known.length ? `at the evaluation of step ${d3.max(known)}` : "not measured");
  };
}
