// Owns: what all curves share (frame, seed bands, the line at the slider's step), and the curves of loss.
// Does not own: the chain (chain.js), heat maps (heat.js).
import { cellColour, cellDash, drawKey } from "./scales.js";
import { lastAt, scaleOf } from "./data.js";

export const widthOf = (node) => Math.max(280, node.clientWidth);

// The plot in a box with a line that follows the slider. The line is no part of the drawing, so that a move
// paints nothing anew. Returns the box and what moves the line.
export function withCursor(svg) {
  const x = svg.scale("x");
  const [top, bottom] = svg
    .scale("y")
    .range.slice()
    .sort((a, b) => a - b);
  const box = d3.create("div").attr("class", "under-cursor");
  box.append(() => svg);
  const line = box
    .append("div")
    .attr("class", "cursor")
    .style("top", `${top}px`)
    .style("height", `${bottom - top}px`);
  const move = (step) => line.style("transform", `translateX(${x.apply(Math.min(step, x.domain[1]))}px)`);
  return { box: box.node(), move };
}

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
      return { low: d3.min(values), high: d3.max(values), mean: d3.mean(values) };
    },
    (r) => r.step,
  );
  return d3.sort(
    bands.map(([step, v]) => ({ step, ...v })),
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
    strokeDasharray: cellDash(cell),
    clip: true,
  });
  if (cell.runs.length < 2) return [line];
  return [Plot.areaY(band, { x, y1: "low", y2: "high", fill: stroke, fillOpacity: 0.22, clip: true }), line];
}

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

export function drawLoss(page) {
  const node = document.getElementById("loss"),
    cells = page.shown();
  const curves = new Map(
    cells.flatMap((c) => c.runs).map((r) => [r, smoothed(page.series.step.get(r.id) ?? [], 5)]),
  );
  const curveOf = (run) => curves.get(run),
    rings = ringsOf(page, cells, curveOf);
  const svg = Plot.plot({
    width: widthOf(node),
    height: 300,
    marginLeft: 48,
    x: { label: "step (updates) →", domain: [0, page.lastStep()] },
    y: { type: "log", label: "↑ training loss (nats a token)", grid: true, ticks: 6, tickFormat: "~g" },
    marks: [
      ...cells.flatMap((cell) => bandMarks(cell, bandOf(cell, curveOf))),
      Plot.dot(rings, {
        x: "step",
        y: "value",
        r: 5,
        stroke: (d) => cellColour(d.cell),
        strokeWidth: 2.5,
        fill: "var(--paper)",
        title: (d) => `${d.cell.name}, seed ${d.run.seed}: onset by step ${d.step}`,
      }),
    ],
  });
  const { box, move } = withCursor(svg);
  node.replaceChildren(box);
  drawKey(document.getElementById("loss-key"), cells);
  const without = cells.filter((c) => !rings.some((r) => r.cell === c)).map((c) => c.name);
  document.getElementById("loss-note").textContent =
    `${scaleOf(page.series, cells).text}. Line: mean over seeds of the loss averaged over five kept steps; ` +
    "band: lowest to highest seed; ring: onset (sink rate above 0.1 for two evaluations; " +
    "uniform attention has a sink rate of 0)." +
    (without.length ? ` No onset: ${without.join(", ")}.` : "");
  return move;
}
