// Owns: the page's copy of the one table of figures and colours, which the program writes (ablations/page/figure_table.c).
// Does not own: what is drawn with it.

const { figures: figureRows, light, dark, ramp } = JSON.parse(document.getElementById("figures").textContent);

// Paper is light.
const isDark = () =>
  matchMedia("(prefers-color-scheme: dark)").matches && !document.body.classList.contains("printed");
export const palette = () => (isDark() ? dark : light);

const figureByColumn = d3.index(figureRows, (f) => f.column);

// A figure's row; a column that the table does not have is drawn plainly under its own name.
export const figureOf = (column) =>
  figureByColumn.get(column) ?? {
    column,
    name: column,
    unit: "",
    said: "",
    log: false,
    top: null,
    rule: null,
    control: null,
  };

// Round numbers on a logarithmic axis: the densest set whose numbers do not touch, two at the least; else those of a
// linear axis.
function logTicks([low, high]) {
  const place = (t) => Math.log(t / low) / Math.log(high / low),
    powers = d3.range(Math.floor(Math.log10(low)), Math.ceil(Math.log10(high)) + 1);
  const sets = [d3.range(1, 10), [1, 2, 5], [1, 3], [1]].map((digits) =>
    powers
      .flatMap((p) => digits.map((d) => +(d * 10 ** p).toPrecision(1)))
      .filter((t) => t >= low && t <= high),
  );
  const apart = (ticks) => d3.min(d3.pairs(ticks, (a, b) => place(b) - place(a))) >= 0.16;
  return sets.find((ticks) => ticks.length > 1 && apart(ticks)) ?? d3.ticks(low, high, 3);
}

// d3 leaves out numbers of a logarithmic axis the more, the more ticks of its own it would have had: with such a base none.
export const scaleKind = (log) => (log ? { type: "log", base: 1000.5 } : { type: "linear" });

// The y axis of a figure; more: what a place needs otherwise; extent: of what is drawn, for a logarithmic one.
export function axisOf({ log, top, rule }, more = {}, extent = []) {
  const axis = { ...scaleKind(log), label: null, ticks: 3, tickFormat: d3.format("~g"), grid: true, ...more };
  if (!log) return top ? { domain: [0, top], ...axis } : { zero: true, nice: true, ...axis };
  const [low, high] = d3.extent([...extent, rule].filter((v) => v > 0));
  return low < high
    ? { ...axis, domain: more.domain ?? [low, high], ticks: logTicks(more.domain ?? [low, high]) }
    : axis;
}

// The dashed rule: a threshold, or what chance gives.
export const ruleMarks = ({ rule }, at = rule) =>
  at === null
    ? []
    : [Plot.ruleY([at], { stroke: "currentColor", strokeDasharray: "5 4", strokeOpacity: 0.6 })];

// 257 colours from no attention to all of it.
export function rampColours() {
  const scheme = isDark() ? "dark" : "light";
  const at = d3.scaleLinear(
    ramp.map((s) => s.at),
    ramp.map((s) => s[scheme]),
  );
  return d3.range(257).map((i) => d3.color(at(i / 256)).formatHex());
}
