// Owns: section 4: the chain of quantities on one time axis and the bars of their onsets.
// Does not own: how a quantity is measured (train/schema.sql says), the view by layer (layers.js).
import { axisOf, figureOf, ruleMarks } from "./figures.js";
import { cellColour, drawKey } from "./scales.js";
import { bandMarks, bandOf, bandRows, bandTip, extentOf } from "./charts.js";
import { overTime, plotChart, tipMark, widthOf } from "./frame.js";
import { scaleOf } from "./data.js";
import { orderOf } from "./facts.js";

const LEFT = 54; // margin of the figures that share the time axis

// In the order in which the theory has them happen. from: the series that has the column; dotted: a curve to hold each
// model's against.
const links = [
  { column: "out_variance_ratio", from: "random" },
  { column: "super_ratio", from: "stream" },
  { column: "dom_ratio_first", from: "stream", dotted: "dom_ratio_rest" },
  { column: "norm_ratio", from: "eval" },
  { column: "entropy_norm_min", from: "eval", dotted: "bound", dottedFrom: "stream" },
  { column: "sink_rate_03", from: "eval" },
  { column: "value_drain", from: "eval" },
];

const rowsOf = (page, from, column, run) =>
  (page.series[from].get(run.id) ?? []).map((r) => ({ step: r.step, value: r[column] }));
const linkRows = (page, link, run) => rowsOf(page, link.from, link.column, run);
const dottedRows = (page, link, run) => rowsOf(page, link.dottedFrom ?? link.from, link.dotted, run);

// A cell's other curve, dotted.
const dottedLine = (band) =>
  Plot.lineY(band, {
    x: "step",
    y: "mean",
    stroke: band.length ? cellColour(band[0].cell) : null,
    strokeDasharray: "2 3",
    strokeOpacity: 0.9,
  });

const isMeasured = (page, link, cells) =>
  cells.some((c) =>
    c.runs.some((r) =>
      linkRows(page, link, r).some(
        (p) => Number.isFinite(p.value) && (p.value > 0 || !figureOf(link.column).log),
      ),
    ),
  );

function plotLink(page, link, cells, bands, width, last) {
  const figure = figureOf(link.column),
    dotted = link.dotted ? cells.map((cell) => bandOf(cell, (run) => dottedRows(page, link, run))) : [];
  return plotChart(`${figure.name} against the step`, {
    width,
    height: last ? 122 : 90,
    marginLeft: LEFT,
    marginTop: 8,
    marginBottom: last ? 38 : 8,
    x: {
      domain: [0, page.lastStep()],
      label: last ? "step (updates) →" : null,
      axis: last ? "bottom" : null,
    },
    y: axisOf(figure, {}, extentOf([...bands, ...dotted])),
    marks: [
      ...ruleMarks(figure),
      ...bands.flatMap((band, i) => bandMarks(cells[i], band)),
      ...dotted.map(dottedLine),
      bandTip(bands),
    ],
  });
}

// ---- onsets ----

const dated = {
  norm_ratio: "norm ratio > 3",
  entropy_norm_min: "entropy < 0.5",
  value_drain: "value drain < 0.5",
  first_mass: "a head > 0.3",
  sink_rate_03: "sink rate > 0.1",
};

// A row a quantity, in it a lane a model.
function plotOnsets(page, bars, measured, width) {
  const cells = [...new Set(bars.map((b) => b.cell))],
    rowOf = (d, share) => measured.indexOf(d.what) + 0.1 + (0.8 * (cells.indexOf(d.cell) + share)) / cells.length;
  const lane = { y1: (d) => rowOf(d, 0), y2: (d) => rowOf(d, 1) };
  // The pointer shows the nearest spot: a bar has one every few pixels, up to its end.
  const apart = (4 * page.lastStep()) / Math.max(1, width - 142);
  const spots = bars.flatMap((b) =>
    d3.range(0, Math.max(apart, b.first_after - b.low), apart).map((before) => ({ ...b, at: b.first_after - before })),
  );
  const title = (d) => `${d.cell.name}, seed ${d.run.seed}\n${d.what} in steps (${d.low}, ${d.first_after}]`;
  return plotChart("Onsets: when each quantity passed its threshold, a bar a run", {
    width,
    height: 60 + Math.max(30, 6 * cells.length + 6) * measured.length,
    marginLeft: 122,
    x: {
      domain: [0, page.lastStep()],
      label: "step (updates) →",
      grid: true,
      ticks: Math.max(1, Math.min(10, (width - 142) / 80)),
    },
    y: {
      domain: [measured.length, 0],
      label: null,
      ticks: measured.map((_, i) => i + 0.5),
      tickFormat: (y) => measured[Math.floor(y)],
    },
    marks: [
      Plot.rect(bars, {
        x1: "low",
        x2: "first_after",
        ...lane,
        fill: (d) => cellColour(d.cell),
        fillOpacity: 0.35,
      }),
      Plot.ruleX(bars, {
        x: "first_after",
        ...lane,
        stroke: (d) => cellColour(d.cell),
        strokeWidth: 3,
      }),
      tipMark(spots, { x: "at", y: (d) => rowOf(d, 0.5), title }),
    ],
  });
}

// Interval bars: after the last evaluation before the threshold, by the first one past it.
function drawOnsets(page, cells) {
  const node = document.getElementById("onsets");
  const bars = cells.flatMap((cell) =>
    cell.runs.flatMap((run) =>
      (page.series.onset.get(run.id) ?? [])
        .filter((o) => o.first_after !== null && dated[o.quantity])
        .map((o) => ({ ...o, cell, run, low: o.last_before ?? 0, what: dated[o.quantity] })),
    ),
  );
  page.rows.onsets = () =>
    bars.map((b) => ({
      model: b.cell.name,
      seed: b.run.seed,
      what: b.what,
      after: b.low,
      by: b.first_after,
    }));
  if (!bars.length) {
    node.replaceChildren(
      d3.create("p").attr("class", "note").text("Nothing passed its threshold in the models shown.").node(),
    );
    return () => {};
  }
  // A row without a bar says that nothing passed: what was not measured has none.
  const known = new Set(cells.flatMap((c) => c.runs).flatMap((r) => page.series.onset.get(r.id) ?? []).map((o) => o.quantity));
  const measured = Object.keys(dated).filter((quantity) => known.has(quantity)).map((quantity) => dated[quantity]);
  const { box, move } = overTime(page, plotOnsets(page, bars, measured, widthOf(node)));
  node.replaceChildren(box);
  return move;
}

// ---- both ----

function headingOf({ name, said }) {
  const p = d3.create("p").attr("class", "link");
  p.append("b").text(name);
  p.append("span").text(`: ${said}`);
  return p.node();
}

export function drawChain(page) {
  const node = document.getElementById("chain"),
    cells = page.shown(),
    width = widthOf(node);
  const present = links.filter((link) => isMeasured(page, link, cells)),
    missing = links.filter((l) => !present.includes(l));
  const bands = present.map((link) => cells.map((cell) => bandOf(cell, (run) => linkRows(page, link, run))));
  const plots = present.map((link, i) =>
    overTime(page, plotLink(page, link, cells, bands[i], width, i === present.length - 1)),
  );
  node.replaceChildren(...present.flatMap((link, i) => [headingOf(figureOf(link.column)), plots[i].box]));
  page.rows.chain = () => present.flatMap((link, i) => bandRows(bands[i], link.column));
  drawKey(document.getElementById("chain-key"), cells);
  const { reference } = page.facts;
  document.getElementById("chain-order").textContent = reference?.onset
    ? `Measured in ${reference.name}, medians over seeds: ${orderOf(page, reference).join(", then ")}.`
    : "";
  document.getElementById("chain-note").textContent =
    `${scaleOf(page.series, cells).text}. Line: mean over seeds, band: lowest to highest. ` +
    "Largest over layers (entropy: smallest; value drain: median over heads)." +
    (missing.length ? ` Not measured: ${missing.map((l) => figureOf(l.column).name).join(", ")}.` : "");
  const moves = [drawOnsets(page, cells), ...plots.map((p) => p.move)];
  return (step) => moves.forEach((move) => move(step));
}
