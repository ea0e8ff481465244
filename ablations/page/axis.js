// Owns: a sweep's own chart: a figure at the end of training against an axis of the sweep, seeds as points, mean and
// 95 % interval, a second axis by colour, the other axes a panel a combination.
// Does not own: how figures are measured, verdicts (the view verdict).
import { baselineOf } from "./cells.js";
import { ask, plural } from "./data.js";
import { axisOf, figureOf, palette, ruleMarks, scaleKind } from "./figures.js";
import { labelOf, plotChart, tipMark, widthOf } from "./frame.js";
import { MOST_SHOWN, cellColour, drawKey } from "./scales.js";
import { shortNumber } from "./tables.js";

const MOST_PANELS = 12;
const offered = ["sink_rate_03", "sink_mass", "val_loss_late", "onset", "value_drain", "norm_ratio"];

// The figures of the menu: the usual ones, and what the sweep's claim is about.
function columnsOf(page) {
  const asked = page.sweep
    ? ask(page.db, "SELECT DISTINCT metric FROM sweep_expect WHERE sweep = ? AND baseline <> ''", [
        page.sweep.id,
      ])
    : [];
  return [...new Set([...offered, ...asked.map((r) => r.metric)])];
}

const valuesOf = (page, column) =>
  new Map(
    ask(page.db, "SELECT run_id, value FROM sweep_metrics WHERE metric = ? AND value IS NOT NULL", [
      column,
    ]).map((r) => [r.run_id, r.value]),
  );

// Half of the 95 % interval of a mean over n seeds; null where the database has no quantile for it.
function halfWidth(page, values) {
  if (values.length < 2) return null;
  const [row] = ask(
    page.db,
    "SELECT t FROM t_quantile WHERE share = 1 AND df = min(?, (SELECT max(df) FROM t_quantile))",
    [values.length - 1],
  );
  return row ? (row.t * d3.deviation(values)) / Math.sqrt(values.length) : null;
}

// ---- points and means ----

// What a run's figure may be held against: losses those over the same targets (the view loss_scope), the rest all of one text.
function scopesOf(page, { column }) {
  if (!/val_loss|bits_per_byte/.test(column)) return () => "";
  const kind = column.endsWith("val_loss_late") ? "late" : "whole";
  return ({ id }) => page.targets.get(id)[kind] ?? page.targets.get(id).whole;
}

// In what scopes differ, of "... T=32 bos=row at=-1".
function scopeNames(scopes) {
  const parts = scopes.map((s) => s.split(" "));
  return new Map(
    scopes.map((s, i) => [s, parts[i].filter((part) => !parts.every((own) => own.includes(part))).join(" ")]),
  );
}

function pointsOf(page, values, { figure, x, colour }) {
  const panels = page.axes.filter((a) => a !== x && a !== colour),
    scopeOf = scopesOf(page, figure);
  return page.cells.flatMap((cell) =>
    cell.runs
      .filter((run) => values.has(run.id))
      .map((run) => ({
        cell,
        seed: run.seed,
        value: values.get(run.id),
        x: x.numeric ? +cell.axes[x.name] : (cell.axes[x.name] ?? "-"),
        colour: colour ? (cell.axes[colour.name] ?? "-") : "",
        scope: scopeOf(run),
        panel: panels.map((a) => `${a.name}=${cell.axes[a.name] ?? "-"}`),
      })),
  );
}

function meansOf(page, points) {
  const groups = d3.groups(points, (p) => JSON.stringify([p.colour, p.x]));
  const means = groups.map(([, group]) => {
    const values = group.map((p) => p.value),
      mean = d3.mean(values),
      half = halfWidth(page, values);
    return { ...group[0], mean, seeds: values.length, low: half === null ? null : mean - half, high: half === null ? null : mean + half };
  });
  return d3.sort(means, (m) => (typeof m.x === "number" ? m.x : 0));
}

// ---- drawing ----

const meanTitle = (d) =>
  `${d.cell.name}\nmean ${shortNumber(d.mean)} of ${plural(d.seeds, "seed")}` +
  (d.low === null ? "" : `\n95 %: ${shortNumber(d.low)} to ${shortNumber(d.high)}`);
const seedTitle = (d) => `${d.cell.name}\nseed ${d.seed}: ${shortNumber(d.value)}`;

// Names along an axis of their own keep the colours of their models.
function colourBy(x, colour) {
  if (colour) return (d) => palette()[colour.values.indexOf(d.colour)];
  return x.numeric ? () => palette()[0] : (d) => cellColour(d.cell);
}

// Colours that share an x stand beside each other.
function besideEachOther(colour) {
  const n = colour?.values.length ?? 1,
    shift = (d) => (n > 1 ? (colour.values.indexOf(d.colour) - (n - 1) / 2) * Math.min(9, 40 / n) : 0);
  return (channels) =>
    Plot.initializer({ x: "x", ...channels }, (data, facets, { x }, scales) => ({
      channels: { x: { value: Array.from(x.value, (v, i) => scales.x(v) + shift(data[i])) } },
    }));
}

// Names that would run into each other stand slanted.
function namesOf(x, width) {
  const longest = d3.max(x.values, (v) => v.length),
    slanted = x.values.length * (longest + 2) * 7 > width - 100;
  return slanted ? { tickRotate: -30, below: 40 + 3.6 * longest } : { below: 40 };
}

function plotPanel(page, { figure, x, colour, control, extent }, points, width) {
  const means = meansOf(page, points),
    { below, ...turn } = namesOf(x, width),
    stroke = colourBy(x, colour),
    at = besideEachOther(colour);
  const intervals = means.filter((m) => m.low !== null);
  const tips = [
    ...means.map((d) => ({ ...d, y: d.mean, title: meanTitle(d) })),
    ...points.map((d) => ({ ...d, y: d.value, title: seedTitle(d) })),
  ];
  return plotChart(`${figure.name} against ${x.name}: seeds, means and intervals`, {
    width,
    height: 260 + below,
    marginLeft: 56,
    marginTop: 28,
    marginBottom: below,
    x: {
      ...(x.numeric ? scaleKind(x.log) : { type: "point" }),
      label: `${x.name} →`,
      inset: 24,
      ...(x.numeric
        ? { ticks: x.values.map(Number), tickFormat: (v) => String(v) }
        : { domain: x.values, ...turn }),
    },
    y: axisOf(
      figure,
      { label: labelOf(figure, width), ticks: 5, ...(figure.log ? {} : { domain: extent }) },
      extent,
    ),
    marks: [
      ...ruleMarks(figure, control),
      Plot.dot(points, at({ y: "value", r: 3, fill: stroke, fillOpacity: 0.55 })),
      ...(x.numeric ? [Plot.lineY(means, at({ y: "mean", z: "colour", stroke, strokeWidth: 1.8 }))] : []),
      Plot.ruleX(intervals, at({ y1: "low", y2: "high", stroke, strokeWidth: 3, strokeOpacity: 0.5 })),
      Plot.dot(means, at({ y: "mean", r: 5, symbol: "diamond2", fill: stroke, stroke: "var(--paper)" })),
      tipMark(tips, at({ y: "y", title: "title" })),
    ],
  });
}

// What uniform attention gives, where all runs have one value of it.
function controlOf(page, figure) {
  if (!figure.control) return figure.rule;
  const values = new Set(valuesOf(page, figure.control).values());
  return values.size === 1 ? [...values][0] : null;
}

// A panel a combination of the axes that are neither along nor coloured, named by what differs among them; where some show
// the figure along the axis those of one place on it say nothing of it.
function panelsOf(points, scopes) {
  const all = d3.groups(points, (p) => [p.panel.join(), p.scope].join("\n")).map(([, own]) => own),
    along = all.filter((own) => new Set(own.map((p) => p.x)).size > 1);
  const drawn = along.length ? along : all,
    differs = (part) => !drawn.every(([p]) => p.panel.includes(part));
  const nameOf = ([p]) => {
    const targets = scopes.get(p.scope);
    return [...p.panel.filter(differs), ...(targets ? [`targets: ${targets}`] : [])].join(", ");
  };
  return drawn.map((own) => [nameOf(own), own]);
}

function describe(page, { figure, x, colour }, points, alone, left) {
  const runs = page.cells.flatMap((c) => c.runs),
    count = (what) => runs.filter((r) => r.status === what).length;
  const missing = runs.length - points.length - alone,
    intervals = meansOf(page, points).some((m) => m.low !== null);
  return [
    `n = ${plural(points.length, "finished run")}; dot: a seed, diamond: mean${intervals ? ", bar: 95 % t interval of the mean" : ""}.`,
    figure.said && `${figure.name}: ${figure.said}.`,
    missing > 0 &&
      `${plural(missing, "run")} without this figure ${missing === 1 ? "is" : "are"} left out` +
        (count("diverged") ? ` (${count("diverged")} diverged).` : "."),
    !colour &&
      page.axes.length > 1 &&
      `All values of the other axes than ${x.name} have a panel of their own.`,
    alone > 0 && `${plural(alone, "run")} without a counterpart at another ${x.name} not drawn.`,
    left > 0 && `${plural(left, "more panel")} not drawn.`,
  ]
    .filter(Boolean)
    .join(" ");
}

function drawAxis(page, chosen) {
  const node = document.getElementById("axis"),
    points = pointsOf(page, valuesOf(page, chosen.figure.column), chosen);
  const scopes = scopeNames([...new Set(points.map((p) => p.scope))]),
    panels = panelsOf(points, scopes),
    across = panels.length > 1 && node.clientWidth > 800 ? 2 : 1;
  const width = Math.floor((widthOf(node) - 20 * (across - 1)) / across),
    control = controlOf(page, chosen.figure);
  const drawn = panels.flatMap(([, own]) => own);
  // All panels have one scale, but those of other targets, which are not to be compared.
  const extentOf = (own) =>
    d3.extent([
      ...own.map((p) => p.value),
      ...(chosen.figure.log ? [] : [0, control, ...meansOf(page, own).flatMap((m) => [m.low, m.high])]),
    ]);
  const extents = panels.map(([, own]) => extentOf(own)),
    whole = d3.extent(extents.flat());
  node.replaceChildren(
    ...panels.slice(0, MOST_PANELS).map(([name, own], i) => {
      const extent = scopes.size > 1 ? extents[i] : whole;
      const box = d3.create("div");
      if (name) box.append("p").attr("class", "link").append("b").text(name);
      box.append(() => plotPanel(page, { ...chosen, control, extent }, own, width));
      return box.node();
    }),
  );
  const coloured = new Set(drawn.map((p) => p.colour)),
    key = chosen.colour?.values.map((value, index) => ({ value, name: `${chosen.colour.name}=${value}`, index })) ?? [];
  drawKey(
    document.getElementById("axis-key"),
    key.filter(({ value }) => coloured.has(value)),
    (c) => palette()[c.index],
  );
  document.getElementById("axis-note").textContent = points.length
    ? describe(page, chosen, drawn, points.length - drawn.length, panels.length - MOST_PANELS) +
      (scopes.size > 1 ? " Losses over other targets have a panel and a scale of their own: they may not be compared." : "")
    : "No finished run has this figure.";
  page.rows.axis = () =>
    points.map((p) => ({
      model: p.cell.name,
      ...p.cell.axes,
      seed: p.seed,
      [chosen.figure.column]: p.value,
    }));
}

const fillMenu = (id, items, text) =>
  d3
    .select(`#${id}`)
    .selectAll("option")
    .data(items)
    .join("option")
    .attr("value", (_, i) => i)
    .text(text);

// Draws the section, hidden where nothing was varied. The axis that is compared comes first, then those of numbers.
export function startAxis(page) {
  const compared = baselineOf(page.db, page.sweep)?.split("=")[0],
    axes = d3.sort(page.axes, (a) => (a.name === compared ? 0 : a.numeric ? 1 : 2)),
    columns = columnsOf(page);
  document.getElementById("s-axis").hidden = !axes.length;
  if (!axes.length) return () => {};
  const [figure, x, colour] = ["axis-figure", "axis-x", "axis-colour"].map((id) =>
    document.getElementById(id),
  );
  fillMenu("axis-figure", columns, (c) => figureOf(c).name);
  fillMenu("axis-x", axes, (a) => a.name);
  const colours = [null, ...axes.filter((a) => a.values.length <= MOST_SHOWN)];
  fillMenu("axis-colour", colours, (a) => a?.name ?? "nothing");
  [figure.value, x.value, colour.value] = [0, 0, Math.max(0, colours.indexOf(axes[1] ?? null))];
  const draw = () => {
    const along = axes[x.value],
      by = colours[colour.value];
    drawAxis(page, { figure: figureOf(columns[figure.value]), x: along, colour: by === along ? null : by });
  };
  figure.onchange = x.onchange = colour.onchange = draw;
  return draw;
}
