// Owns: the page's copy of the one table of figures and colours, which the program writes (ablations/page/figure_table.c).
// Does not own: what is drawn with it.

const { figures: figureRows, light, dark, ramp } = JSON.parse(document.getElementById("figures").textContent);

// Paper is light.
export const isDark = () =>
  matchMedia("(prefers-color-scheme: dark)").matches && !document.body.classList.contains("printed");
export const palette = () => (isDark() ? dark : light);

const figureByColumn = d3.index(figureRows, (f) => f.column);

// A figure's row; a column that the table does not have is drawn plainly under its own name.
export const figureOf = (column) =>
  figureByColumn.get(column) ?? { column, name: column, unit: "", said: "", log: false, top: null, rule: null, control: null };

// The y axis of a figure; more: what a place needs otherwise.
export const axisOf = ({ log, top }, more = {}) => ({
  type: log ? "log" : "linear",
  label: null,
  ticks: 3,
  tickFormat: "~g",
  grid: true,
  ...(log ? {} : top ? { domain: [0, top] } : { zero: true, nice: true }),
  ...more,
});

// The dashed rule: a threshold, or what chance gives.
export const ruleMarks = ({ rule }, at = rule) =>
  at === null ? [] : [Plot.ruleY([at], { stroke: "currentColor", strokeDasharray: "5 4", strokeOpacity: 0.6 })];

// 257 colours from no attention to all of it.
export function rampColours() {
  const scheme = isDark() ? "dark" : "light";
  const at = d3.scaleLinear(
    ramp.map((s) => s.at),
    ramp.map((s) => s[scheme]),
  );
  return d3.range(257).map((i) => d3.color(at(i / 256)).formatHex());
}
