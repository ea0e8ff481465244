// Owns: the view by layer at the slider's step: the phase of each layer and four quantities.
// Does not own: the rule of the phases (model/instruments/phases.c).
import { axisOf, figureOf, ruleMarks } from "./figures.js";
import { cellColour, drawKey } from "./scales.js";
import { plotChart } from "./frame.js";
import { hintOver } from "./hint.js";
import { lastAt, scaleOf } from "./data.js";
import { shortNumber } from "./tables.js";

const layerColumns = ["mixing", "entropy_norm", "norm_ratio", "sink_rate_03"];
const phaseNames = ["–", "mix", "compress", "refine"];

// The frame with its axes; y stands still whatever the step.
function plotFrame(figure, layers, [lowest, highest], width) {
  const domain = figure.log ? [Math.min(0.5, 0.8 * (lowest ?? 1)), Math.max(4, 1.2 * (highest ?? 4))] : [0, 1];
  return plotChart(`${figure.name} by layer, a line a run`, {
    width,
    height: 170,
    marginLeft: 40,
    marginTop: 8,
    x: {
      label: "layer →",
      domain: [0, Math.max(1, layers - 1)],
      inset: 8,
      tickFormat: "d",
      ticks: d3.range(layers).filter((l) => l % Math.ceil(layers / 8) === 0),
    },
    y: axisOf(figure, { domain, ticks: 4 }, domain),
    marks: ruleMarks(figure),
  });
}

// A curve a run, moved to the rows of another evaluation without drawing the frame again.
function addCurves(svg, figure, runs) {
  const x = svg.scale("x").apply,
    y = svg.scale("y").apply,
    known = (r) => r[figure.column] > (figure.log ? 0 : -1);
  const path = d3
    .line(
      (r) => x(r.layer),
      (r) => y(r[figure.column]),
    )
    .defined(known);
  const dot = (r) => `M${x(r.layer) - 3},${y(r[figure.column])}a3,3 0 1,0 6,0a3,3 0 1,0 -6,0`;
  const curves = runs.map(({ cell }) => {
    const g = d3
      .select(svg)
      .append("g")
      .attr("class", "run")
      .attr("stroke", cellColour(cell))
      .attr("fill", cellColour(cell));
    const line = g.append("path").attr("fill", "none").attr("stroke-width", 1.6);
    return { line, dots: g.append("path").attr("stroke", "none") };
  });
  return (rowsOfRuns) =>
    curves.forEach(({ line, dots }, i) => {
      line.attr("d", path(rowsOfRuns[i]));
      dots.attr("d", rowsOfRuns[i].filter(known).map(dot).join(""));
    });
}

// A figure that follows the slider: some quantities are read at every evaluation, some at a few.
function drawFigure(page, figure, runs, layers, node) {
  const evaluations = runs.map(({ run }) =>
    [...page.series.layer.get(run.id)]
      .map(([step, rows]) => ({ step, rows }))
      .filter(({ rows }) => rows.some((r) => r[figure.column] !== null)),
  );
  const values = evaluations.flat().flatMap(({ rows }) => rows.map((r) => r[figure.column]));
  const extent = d3.extent(values.filter((v) => v > 0));
  const svg = plotFrame(figure, layers, extent, Math.max(220, node.clientWidth)),
    move = addCurves(svg, figure, runs);
  node.append(svg);
  let drawn = null,
    shown = [];
  hintOver(svg, (event) => {
    const layer = Math.round(svg.scale("x").invert(d3.pointer(event, svg)[0]));
    const told = runs.flatMap(({ cell, run }, i) => {
      const value = shown[i]?.find((r) => r.layer === layer)?.[figure.column];
      return value == null ? [] : [`${cell.name}, seed ${run.seed}: ${shortNumber(value)}`];
    });
    return told.length ? [`layer ${layer}`, ...told.slice(0, 12)].join("\n") : null;
  });
  return (step) => {
    const at = evaluations.map((rows) => lastAt(rows, step)),
      steps = at.map((e) => e?.step);
    if (steps.join() === drawn) return;
    drawn = steps.join();
    shown = at.map((e) => e?.rows ?? []);
    move(shown);
  };
}

function drawFigures(page, columns, runs, layers) {
  const boxes = d3
    .select("#layers")
    .selectAll("div")
    .data(columns.map(figureOf))
    .join("div")
    .attr("class", "plot");
  boxes.selectAll("*").remove();
  const heading = boxes.append("p").attr("class", "link");
  heading.append("b").text((f) => f.name);
  heading.append("span").text((f) => `: ${f.said}`);
  return boxes.nodes().map((node, i) => drawFigure(page, figureOf(columns[i]), runs, layers, node));
}

// ---- phases ----

// The phase most runs of a cell have at their last reading before the step, and how many have it.
function phaseOf(page, cell, layer, step) {
  const found = cell.runs
    .map((run) => lastAt(page.series.phase.get(run.id)?.get(layer), step))
    .filter(Boolean);
  const counts = d3.rollups(
      found,
      (v) => v.length,
      (v) => v.value,
    ),
    most = d3.greatest(counts, ([, n]) => n);
  return most ? { phase: most[0], n: most[1], of: found.length } : null;
}

function drawPhases(page, cells, layers) {
  document.getElementById("phases").replaceChildren();
  if (!cells.length) return () => {};
  const table = d3.create("table").attr("class", "phases");
  const names = ["Phase", ...d3.range(layers).map((l) => `layer ${l}`)];
  table
    .append("thead")
    .append("tr")
    .selectAll("th")
    .data(names)
    .join("th")
    .attr("scope", "col")
    .text((c) => c);
  const rows = table.append("tbody").selectAll("tr").data(cells).join("tr");
  const heads = rows.append("th").attr("scope", "row");
  heads.append("i").attr("class", "swatch").style("background", cellColour);
  heads.append("span").text((c) => c.name);
  const places = rows
    .selectAll("td")
    .data((cell) => d3.range(layers).map((layer) => ({ cell, layer })))
    .join("td")
    .append("span");
  document.getElementById("phases").replaceChildren(table.node());
  return (step) =>
    places.each(function ({ cell, layer }) {
      const found = phaseOf(page, cell, layer, step);
      const text = found
        ? phaseNames[found.phase] + (found.n < found.of ? ` (${found.n} of ${found.of} seeds)` : "")
        : "";
      if (text === this.textContent) return;
      this.className = found ? `phase phase-${found.phase}` : "";
      this.textContent = text;
    });
}

// ---- both ----

// In a line, what is not drawn because nothing was measured of it.
function leftOut(shown, cells, phased, columns) {
  const names = (all, some) => all.filter((c) => !some.includes(c)).map((c) => c.name);
  const told = [
    ...layerColumns.filter((c) => !columns.includes(c)).map((c) => figureOf(c).name),
    ...(cells.length && !phased.length ? ["phases"] : names(cells, phased).map((name) => `phases of ${name}`)),
    ...names(shown, cells),
  ];
  return told.length ? ` Left out, not measured: ${told.join(", ")}.` : "";
}

export function drawLayers(page) {
  const measured = (run) => page.series.layer.has(run.id),
    cells = page.shown().filter((c) => c.runs.some(measured));
  const runs = cells.flatMap((cell) => cell.runs.filter(measured).map((run) => ({ cell, run })));
  const lastLayer = ({ run }) => d3.max(page.series.layer.get(run.id).values(), (rows) => rows.at(-1).layer);
  const layers = 1 + (d3.max(runs, lastLayer) ?? -1);
  const has = (column) => ({ run }) => [...page.series.layer.get(run.id).values()].flat().some((r) => r[column] !== null),
    columns = layerColumns.filter((column) => runs.some(has(column))),
    phased = cells.filter((c) => c.runs.some((r) => page.series.phase.has(r.id)));
  const moves = [drawPhases(page, phased, layers), ...drawFigures(page, columns, runs, layers)];
  page.rows.layers = () =>
    runs.flatMap(({ cell, run }) =>
      [...page.series.layer.get(run.id).values()]
        .flat()
        .map((r) => ({ model: cell.name, seed: run.seed, ...r })),
    );
  drawKey(document.getElementById("layers-key"), cells);
  document.getElementById("layers-note").textContent =
    `${scaleOf(page.series, cells).text}; one line a run; probe main. ` +
    "compress: norm ratio above 3 and H / ln min(T,d) below 0.5; " +
    "refine: elsewhere after a layer that compresses; mix: elsewhere " +
    "where the mixing score is above 0.7; –: none of them; blank: no such layer, or not read yet; of several seeds, what most have. " +
    "H and phases are read at fewer evaluations than the rest: the last reading before the slider is shown." +
    leftOut(page.shown(), cells, phased, columns);
  const said = document.getElementById("layers-step");
  let read = null;
  return (step) => {
    const at = d3.max(runs, ({ run }) => lastAt(page.layerSteps(run), step)?.step);
    if (at === read) return;
    read = at;
    moves.forEach((move) => move(step));
    said.textContent = at === undefined ? "not measured" : `at the evaluation of step ${d3.format(",")(at)}`;
  };
}
