// Owns: section 4: the chain of quantities on one time axis and the bars of their onsets.
// Does not own: how a quantity is measured (train/schema.sql says), the view by layer (layers.js).
import { cellColour, drawKey } from "./scales.js";
import { withCursor, bandOf, bandMarks, widthOf } from "./charts.js";
import { scaleOf } from "./data.js";
import { orderOf } from "./facts.js";

const LEFT = 54,
  RIGHT = 20; // margins of the figures that share the time axis

const column = (table, name) => (series, run) =>
  (series[table].get(run.id) ?? []).map((r) => ({ step: r.step, value: r[name] }));

// In the order in which the theory has them happen. rule: the control or threshold, always drawn, dashed;
// dotted: a curve to hold each model's against.
const links = [
  {
    name: "Output variance at 0",
    rows: column("random", "out_variance_ratio"),
    rule: 1,
    log: true,
    said: "over that of later positions; dashed: 1, no difference; probe random",
  },
  {
    name: "Super neuron",
    rows: column("stream", "super_ratio"),
    rule: 1,
    log: true,
    said: "strongest MLP unit at token 0 over the median unit; dashed: 1, like any",
  },
  {
    name: "DomRatio of token 0",
    rows: column("stream", "dom_ratio_first"),
    dotted: column("stream", "dom_ratio_rest"),
    log: true,
    said: "largest channel over the mean channel; dotted: median of the other tokens",
  },
  {
    name: "Norm ratio of token 0",
    rows: column("eval", "norm_ratio"),
    rule: 3,
    log: true,
    said: "length of its residual vector over the others'; dashed: threshold 3; no difference: 1",
  },
  {
    name: "Entropy H / ln min(T,d)",
    rows: column("eval", "entropy_norm_min"),
    dotted: column("stream", "bound"),
    rule: 0.5,
    said: "of the stream; dashed: threshold 0.5; dotted: upper bound from token 0 alone",
  },
  {
    name: "Sink rate",
    rows: column("eval", "sink_rate_03"),
    rule: 0.1,
    said: "eps = 0.3; dashed: threshold 0.1; uniform attention: 0 where T > 9",
  },
  {
    name: "Value drain",
    rows: column("eval", "value_drain"),
    rule: 0.5,
    said: "length of the first value over the others'; dashed: threshold 0.5; no drain: 1",
  },
];

function linkMarks(page, link, cells) {
  const marks =
    link.rule === undefined
      ? []
      : [Plot.ruleY([link.rule], { stroke: "currentColor", strokeDasharray: "5 4", strokeOpacity: 0.6 })];
  for (const cell of cells) {
    marks.push(
      ...bandMarks(
        cell,
        bandOf(cell, (run) => link.rows(page.series, run)),
      ),
    );
    if (!link.dotted) continue;
    const other = bandOf(cell, (run) => link.dotted(page.series, run));
    marks.push(
      Plot.lineY(other, {
        x: "step",
        y: "mean",
        stroke: cellColour(cell),
        strokeDasharray: "2 3",
        strokeOpacity: 0.9,
      }),
    );
  }
  return marks;
}

const isMeasured = (page, link, cells) =>
  cells.some((c) =>
    c.runs.some((r) =>
      link.rows(page.series, r).some((p) => Number.isFinite(p.value) && (p.value > 0 || !link.log)),
    ),
  );

function plotLink(page, link, cells, width, last) {
  return Plot.plot({
    width,
    height: last ? 116 : 84,
    marginLeft: LEFT,
    marginRight: RIGHT,
    marginTop: 6,
    marginBottom: last ? 38 : 6,
    x: {
      domain: [0, page.lastStep()],
      label: last ? "step (updates) →" : null,
      axis: last ? "bottom" : null,
    },
    y: {
      type: link.log ? "log" : "linear",
      label: null,
      ticks: 3,
      tickFormat: "~g",
      grid: true,
      ...(link.log ? {} : { zero: true, nice: true }),
    },
    marks: linkMarks(page, link, cells),
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

function plotOnsets(page, bars, width) {
  return Plot.plot({
    width,
    height: 60 + 30 * Object.keys(dated).length,
    marginLeft: 106,
    marginRight: RIGHT,
    x: {
      domain: [0, page.lastStep()],
      label: "step (updates) →",
      grid: true,
      ticks: Math.min(10, width / 80),
    },
    y: { domain: Object.values(dated), label: null },
    marks: [
      Plot.barX(bars, {
        x1: "low",
        x2: "first_after",
        y: "what",
        fill: (d) => cellColour(d.cell),
        fillOpacity: 0.35,
      }),
      Plot.tickX(bars, {
        x: "first_after",
        y: "what",
        stroke: (d) => cellColour(d.cell),
        strokeWidth: 3,
        title: (d) => `${d.cell.name}, seed ${d.run.seed}: ${d.what} in steps (${d.low}, ${d.first_after}]`,
      }),
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
  if (!bars.length) {
    node.replaceChildren(
      d3.create("p").attr("class", "note").text("Nothing passed its threshold in the models shown.").node(),
    );
    return () => {};
  }
  const { box, move } = withCursor(plotOnsets(page, bars, widthOf(node)));
  node.replaceChildren(box);
  return move;
}

// ---- both ----

function heading(link) {
  const p = d3.create("p").attr("class", "link");
  p.append("b").text(link.name);
  p.append("span").text(` ${link.said}`);
  return p.node();
}

export function drawChain(page) {
  const node = document.getElementById("chain"),
    cells = page.shown(),
    width = widthOf(node);
  const present = links.filter((link) => isMeasured(page, link, cells)),
    missing = links.filter((l) => !present.includes(l));
  const plots = present.map((link, i) =>
    withCursor(plotLink(page, link, cells, width, i === present.length - 1)),
  );
  node.replaceChildren(...present.flatMap((link, i) => [heading(link), plots[i].box]));
  drawKey(document.getElementById("chain-key"), cells);
  const { reference } = page.facts;
  document.getElementById("chain-order").textContent = reference?.onset
    ? `Measured in ${reference.name}, medians over seeds: ${orderOf(page, reference).join(", then ")}.`
    : "";
  document.getElementById("chain-note").textContent =
    `${scaleOf(page.series, cells).text}. Line: mean over seeds, band: lowest to highest. ` +
    "Largest over layers (entropy: smallest; value drain: median over heads)." +
    (missing.length ? ` Not measured: ${missing.map((l) => l.name).join(", ")}.` : "");
  const moves = [drawOnsets(page, cells), ...plots.map((p) => p.move)];
  return (step) => moves.forEach((move) => move(step));
}
