// Owns: what all curves share (frame, seed bands, the line at the slider's step), and the curves of loss.
// Does not own: the chain (chain.js), heat maps (heat.js).
import { cellColour, cellDash } from "./scales.js";
import { lastAt, scaleOf } from "./data.js";

// A line that follows the slider; costs one attribute a move.
export function addCursor(svg) {
  const x = svg.scale("x");
  const [top, bottom] = svg.scale("y")?.range?.slice().sort((a, b) => a - b) ?? [0, +svg.getAttribute("height")];
  const line = d3.select(svg).append("line").attr("class", "cursor").attr("y1", top).attr("y2", bottom);
  return (step) => line.attr("transform", `translate(${x.apply(Math.min(step, x.domain[1]))},0)`);
}

// Means over `size` neighbours: single steps are noise.
function smoothed(rows, size) {
  const half = Math.floor(size / 2);
  return rows.map((r, i) => ({ step: r.step, value: d3.mean(rows.slice(Math.max(0, i - half), i + half + 1), (s) => s.loss) }));
}

// Mean, lowest and highest seed of a cell at each step that all its runs reached; steps on a common grid.
export function bandOf(cell, rowsOf) {
  const points = cell.runs.flatMap((run) => rowsOf(run).filter((r) => Number.isFinite(r.value)));
  return d3.sort(
    d3.rollups(points, (v) => ({ low: d3.min(v, (r) => r.value), high: d3.max(v, (r) => r.value), mean: d3.mean(v, (r) => r.value) }),
               (r) => r.step).map(([step, v]) => ({ step, ...v })),
    (r) => r.step);
}

export function bandMarks(cell, band, shown = true) {
  const stroke = cellColour(cell);
  const marks = [Plot.lineY(band, { x: "step", y: "mean", stroke, strokeWidth: 1.8, strokeDasharray: cellDash(cell), clip: true })];
  if (shown && cell.runs.length > 1)
    marks.unshift(Plot.areaY(band, { x: "step", y1: "low", y2: "high", fill: stroke, fillOpacity: 0.18, clip: true }));
  return marks;
}

const widthOf = (node) => Math.max(280, node.clientWidth);

export function drawLoss(page) {
  const node = document.getElementById("loss");
  const { series } = page, cells = page.shown();
  const marks = [], rings = [];
  for (const cell of cells) {
    const rowsOf = (run) => smoothed(series.step.get(run.id) ?? [], 5);
    marks.push(...bandMarks(cell, bandOf(cell, rowsOf)));
    for (const run of cell.runs) {
      const onset = series.onset.get(run.id)?.find((o) => o.quantity === "sink_rate_03")?.first_after;
      const at = onset == null ? null : lastAt(rowsOf(run), onset);
      if (at) rings.push({ step: onset, value: at.value, cell, run });
    }
  }
  const svg = Plot.plot({
    width: widthOf(node), height: 300, marginLeft: 48, x: { label: "step (updates) →", domain: [0, page.lastStep()] },
    y: { type: "log", label: "↑ training loss (nats a token)", grid: true, ticks: 6, tickFormat: "~g" },
    marks: [...marks, Plot.dot(rings, { x: "step", y: "value", r: 5, stroke: (d) => cellColour(d.cell), strokeWidth: 2.5,
      fill: "var(--paper)", title: (d) => `${d.cell.name}, seed ${d.run.seed}: onset by step ${d.step}` })],
  });
  node.replaceChildren(svg);
  const scale = scaleOf(series, cells);
  const without = cells.filter((c) => !rings.some((r) => r.cell === c)).map((c) => c.name);
  document.getElementById("loss-note").textContent =
    `${scale.text}. Line: mean over seeds of the loss averaged over five kept steps; band: lowest to highest seed; ` +
    `ring: onset (sink rate above 0.1 for two evaluations).${without.length ? ` No onset: ${without.join(", ")}.` : ""}`;
  return addCursor(svg);
}
