// Owns: seed bands, and section 1: sink rate over loss on one time axis. Does not own: the frame (frame.js), the chain
// (chain.js).
import { axisOf, figureOf, ruleMarks } from "./figures.js";
import { cellColour, drawKey } from "./scales.js";
import { labelOf, overTime, plotChart, tipMark, widthOf } from "./frame.js";
import { lastAt, scaleOf } from "./data.js";
import { sameTargets } from "./facts.js";
import { shortNumber } from "./tables.js";

const FEW = 10; // steps of a run that make no curve of the training loss

// Means over `size` neighbours: single steps are noise.
function smoothed(rows, size) {
  const half = Math.floor(size / 2);
  const around = (i) => rows.slice(Math.max(0, i - half), i + half + 1);
  return rows.map((r, i) => ({ step: r.step, value: d3.mean(around(i), (s) => s.loss) }));
}

// Mean, lowest and highest seed of a cell at each step that any of its runs has.
export function bandOf(cell, rowsOf) {
  const points = cell.runs.flatMap((run) => rowsOf(run).filter((r) => Number.isFinite(r.value)));
  const bands = d3.rollups(
    points,
    (v) => {
      const values = v.map((r) => r.value);
      return { low: d3.min(values), high: d3.max(values), mean: d3.mean(values), seeds: v.length };
    },
    (r) => r.step,
  );
  return d3.sort(
    bands.map(([step, v]) => ({ cell, step, ...v })),
    (r) => r.step,
  );
}

export function bandMarks(cell, band) {
  const stroke = cellColour(cell),
    x = "step";
  const line = Plot.lineY(band, {
    x,
    y: "mean",
    stroke,
    strokeWidth: 1.8,
    clip: true,
  });
  if (cell.runs.length < 2) return [line];
  return [Plot.areaY(band, { x, y1: "low", y2: "high", fill: stroke, fillOpacity: 0.22, clip: true }), line];
}

const bandTitle = (d) =>
  `${d.cell.name}\nstep ${d.step}: ${shortNumber(d.mean)}` +
  (d.seeds > 1 ? `\n${shortNumber(d.low)} to ${shortNumber(d.high)}, ${d.seeds} seeds` : "");

export const bandTip = (bands) =>
  tipMark(bands.flat(), { x: "step", y: "mean", title: bandTitle }, Plot.pointerX);

// A figure's bands of all cells as rows, for those who take the numbers along.
export const bandRows = (bands, column) =>
  bands.flat().map(({ cell, step, mean, low, high, seeds }) => ({
    model: cell.name,
    step,
    figure: column,
    mean,
    lowest: low,
    highest: high,
    seeds,
  }));

// The lowest and the highest that bands reach.
export const extentOf = (bands) => d3.extent(bands.flat().flatMap((d) => [d.low, d.high]));

// Where each run's sink rate passed its threshold, on its curve.
function ringsOf(page, cells, curveOf) {
  return cells.flatMap((cell) =>
    cell.runs.flatMap((run) => {
      const step = page.series.onset.get(run.id)?.find((o) => o.quantity === "sink_rate_03")?.first_after;
      const at = step == null ? null : lastAt(curveOf(run), step);
      return at ? [{ step, value: at.value, cell, run }] : [];
    }),
  );
}

function plotCurves(page, column, bands, rings, width, last) {
  const figure = figureOf(column);
  return plotChart(`${figure.name} against the step, a line a model`, {
    width,
    height: last ? 250 : 170,
    marginTop: 26,
    marginBottom: last ? 36 : 10,
    x: {
      label: last ? "step (updates) →" : null,
      axis: last ? "bottom" : null,
      domain: [0, page.lastStep()],
    },
    y: axisOf(figure, { label: labelOf(figure, width), ticks: 5 }, extentOf(bands)),
    marks: [
      ...ruleMarks(figure),
      ...bands.flatMap((band) => (band.length ? bandMarks(band[0].cell, band) : [])),
      Plot.dot(rings, {
        x: "step",
        y: "value",
        r: 5,
        stroke: (d) => cellColour(d.cell),
        strokeWidth: 2.5,
        fill: "var(--paper)",
      }),
      bandTip(bands),
    ],
  });
}

const evaluated = (page, column) => (run) =>
  (page.series.eval.get(run.id) ?? [])
    .filter((r) => r[column] !== null)
    .map((r) => ({ step: r.step, value: r[column] }));

// The loss by which models may be compared with the reference, which of them may, and what gives a run's curve of it. Where
// rows begin otherwise it is the one over late targets, of which results files keep the last alone.
function lossOf(page, cells) {
  const scope = (cell) => page.targets.get(cell?.runs[0].id),
    base = scope(page.facts.reference?.cell ?? cells[0]);
  const alike = cells.filter((c) => scope(c).whole === base.whole),
    late = cells.filter((c) => sameTargets(scope(c), base));
  const lateOf = evaluated(page, "val_loss_late"),
    shortest = d3.min(late.flatMap((c) => c.runs.filter((r) => r.status === "done")), (r) => lateOf(r).length);
  if (late.length > alike.length && (shortest ?? FEW) > 2)
    return { column: "val_loss_late", cells: late, curveOf: lateOf };
  const runs = alike.flatMap((c) => c.runs),
    curves = new Map(runs.map((r) => [r, smoothed(page.series.step.get(r.id) ?? [], 5)]));
  // Results files keep a step or two of a run: too few for a curve, which evaluations then draw, of all runs alike.
  const lengths = [...curves].filter(([r]) => r.status === "done").map(([, rows]) => rows.length);
  return (d3.min(lengths) ?? FEW) >= FEW
    ? { column: "loss", cells: alike, curveOf: (run) => curves.get(run) }
    : { column: "val_loss_16k", cells: alike, curveOf: evaluated(page, "val_loss_16k") };
}

export function drawLoss(page) {
  const node = document.getElementById("loss"),
    cells = page.shown(),
    width = widthOf(node);
  const loss = lossOf(page, cells);
  const charts = [{ column: "sink_rate_03", cells, curveOf: evaluated(page, "sink_rate_03") }, loss].map(
    (chart) => ({
      ...chart,
      bands: chart.cells.map((cell) => bandOf(cell, chart.curveOf)),
      rings: ringsOf(page, chart.cells, chart.curveOf),
    }),
  );
  const drawn = charts
    .filter(({ bands }) => bands.some((b) => b.length))
    .map(({ column, bands, rings }) =>
      overTime(page, plotCurves(page, column, bands, rings, width, column !== "sink_rate_03")),
    );
  node.replaceChildren(...drawn.map((d) => d.box));
  drawKey(document.getElementById("loss-key"), cells);
  const names = (some) => some.map((c) => c.name).join(", "),
    apart = cells.filter((c) => !loss.cells.includes(c)),
    without = cells.filter((c) => !charts[0].rings.some((r) => r.cell === c));
  document.getElementById("loss-note").textContent =
    `${scaleOf(page.series, cells).text}. Line: mean over seeds${loss.column === "loss" ? " (of the loss averaged over five kept steps)" : ""}; ` +
    "band: lowest to highest seed; ring: onset (sink rate above 0.1, dashed, for two evaluations; " +
    "uniform attention has a sink rate of 0)." +
    (loss.column === "val_loss_late" ? " Late targets: the only ones that all models share." : "") +
    (apart.length ? ` Without a curve of the loss, whose targets are others: ${names(apart)}.` : "");
  document.getElementById("loss-none").textContent = without.length ? ` No onset: ${names(without)}.` : "";
  page.rows.loss = () => charts.flatMap(({ column, bands }) => bandRows(bands, column));
  return (step) => drawn.forEach((d) => d.move(step));
}
