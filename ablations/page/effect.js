// Owns: the picture of an intervention over training: the model as it is against the changed one, by step.
// Does not own: what an intervention does (model/interventions/kinds.h), the rows (the view effect).
import { ask } from "./data.js";
import { axisOf, figureOf, ruleMarks } from "./figures.js";
import { bandMarks, bandOf, bandTip, extentOf } from "./charts.js";
import { cellColour, drawKey } from "./scales.js";
import { labelOf, overTime, plotChart, widthOf } from "./frame.js";

const hasEffects = (page) => ask(page.db, "SELECT 1 FROM eval WHERE probe LIKE '% do %' LIMIT 1").length > 0;

function curvesOf(page, intervention, column) {
  const rows = d3.group(
    ask(
      page.db,
      "SELECT run_id, step, untouched, changed FROM effect WHERE intervention = ? AND figure = ? ORDER BY step",
      [intervention, column],
    ),
    (r) => r.run_id,
  );
  const cells = page.shown().filter((c) => c.runs.some((r) => rows.has(r.id)));
  const bandsOf = (side) =>
    cells.map((cell) =>
      bandOf(cell, (run) => (rows.get(run.id) ?? []).map((r) => ({ step: r.step, value: r[side] }))),
    );
  return { cells, rows, untouched: bandsOf("untouched"), changed: bandsOf("changed") };
}

const changedLine = (band, cell) =>
  Plot.lineY(band, {
    x: "step",
    y: "mean",
    stroke: cellColour(cell),
    strokeWidth: 2,
    strokeDasharray: "5 3",
    marker: "dot",
  });

function plotEffect(page, intervention, figure, { cells, untouched, changed }, width) {
  const bands = [...untouched, ...changed];
  return plotChart(`${figure.name} with and without ${intervention}, against the step`, {
    width,
    height: 260,
    marginTop: 26,
    x: { label: "step (updates) →", domain: [0, page.lastStep()] },
    y: axisOf(figure, { label: labelOf(figure, width), ticks: 5 }, extentOf(bands)),
    marks: [
      ...ruleMarks(figure),
      ...untouched.flatMap((band, i) => bandMarks(cells[i], band)),
      ...changed.map((band, i) => changedLine(band, cells[i])),
      bandTip(bands),
    ],
  });
}

const effectRows = ({ cells, rows }, intervention, figure) =>
  cells.flatMap((cell) =>
    cell.runs.flatMap((run) =>
      (rows.get(run.id) ?? []).map((r) => ({ model: cell.name, seed: run.seed, intervention, figure, ...r })),
    ),
  );

function drawEffect(page, intervention, column) {
  const node = document.getElementById("effect"),
    curves = curvesOf(page, intervention, column);
  const svg = plotEffect(page, intervention, figureOf(column), curves, widthOf(node));
  const { box, move } = overTime(page, svg);
  node.replaceChildren(box);
  drawKey(document.getElementById("effect-key"), curves.cells);
  document.getElementById("effect-note").textContent =
    `Line: the model as it is; dashed, a dot an evaluation: the same weights under ${intervention}, on the same rows.`;
  page.rows.effect = () => effectRows(curves, intervention, column);
  return move;
}

// Fills the menus; hidden where no intervention was measured. Returns what draws the figure.
export function startEffect(page, redraw) {
  const there = hasEffects(page);
  document.getElementById("s-effect").hidden = !there;
  if (!there) return () => () => {};
  const [intervention, column] = ["effect-do", "effect-figure"].map((id) => document.getElementById(id));
  const fill = (node, values, text) =>
    d3.select(node).selectAll("option").data(values).join("option").attr("value", String).text(text);
  const kinds = ask(page.db, "SELECT DISTINCT intervention, figure FROM effect ORDER BY 1, 2");
  fill(intervention, [...new Set(kinds.map((k) => k.intervention))], String);
  const fillColumns = () => {
    const own = kinds.filter((k) => k.intervention === intervention.value).map((k) => k.figure);
    const known = d3.sort(own, (c) => !figureOf(c).unit);
    fill(column, known, (c) => figureOf(c).name);
    column.value = known.includes("sink_rate_03") ? "sink_rate_03" : known[0];
  };
  fillColumns();
  intervention.onchange = () => {
    fillColumns();
    redraw();
  };
  column.onchange = redraw;
  return () => drawEffect(page, intervention.value, column.value);
}
