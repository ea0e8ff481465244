// Owns: colours that the colour-blind tell apart, in light and dark, the key of models, and the legend with
// the uniform control on it. Does not own: what is drawn with them.

const hues = {
  light: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a87900", "#7a68c8", "#3f93c4", "#7d7d7d"],
  dark: ["#5ab4f0", "#ff8c42", "#2fcf9d", "#ee9fcb", "#e0b03c", "#b3a4f5", "#9ad2f2", "#b5b5b5"],
};
const dashes = ["", "7 3", "2 3"];

export const isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;
export const palette = () => (isDark() ? hues.dark : hues.light);
export const cellColour = (cell) => palette()[cell.index % palette().length];
export const cellDash = (cell) => dashes[Math.floor(cell.index / hues.light.length) % dashes.length];

// 0: less than chance, 1/2: chance (the neutral colour), 1: all there is.
function diverging() {
  const stops = isDark()
    ? ["#b9a2ec", "#6f57a8", "#2c2b31", "#b85a12", "#ffb35c", "#fff0d0"]
    : ["#40207a", "#9b86c9", "#f0efec", "#f0a050", "#b04a00", "#5a1c00"];
  const ramp = d3
    .scaleLinear([0, 0.25, 0.5, 0.68, 0.85, 1], stops)
    .interpolate(d3.interpolateLab)
    .clamp(true);
  return d3.quantize(ramp, 257);
}

// A mass between 0 and 1, neutral at the control.
export function massScale(control) {
  const place = d3.scaleLinear([0, control, 1], [0, 0.5, 1]).clamp(true);
  return {
    colours: diverging(),
    place,
    ticks: [0, 0.25, 0.5, 0.75, 1],
    control,
    format: String,
    controlText: `uniform control ${control.toFixed(3)}`,
  };
}

// A weight over the uniform 1/(q+1), neutral at 1, by powers of two.
export function ratioScale(T) {
  const top = Math.max(2, Math.ceil(Math.log2(T)));
  const byPower = d3.scaleLinear([-4, 0, top], [0, 0.5, 1]).clamp(true);
  return {
    colours: diverging(),
    place: (ratio) => byPower(Math.log2(Math.max(ratio, 1e-6))),
    control: 1,
    ticks: [1 / 16, 1 / 4, 1, 4, 16].filter((v) => v <= 2 ** top),
    format: (v) => (v < 1 ? `1/${1 / v}` : v) + "×",
    controlText: "as uniform attention",
  };
}

export const colourOf = (scale, value) =>
  Number.isFinite(value) ? scale.colours[Math.round(256 * scale.place(value))] : "transparent";

// Black or white text on each of a scale's colours.
export const inksOf = (scale) => new Map(scale.colours.map((c) => [c, d3.lab(c).l > 55 ? "#111" : "#fff"]));

export function drawLegend(node, scale, title) {
  const ramp = scale.colours.filter((_, i) => i % 16 === 0).join(", ");
  const bar = d3.create("div").attr("class", "bar").style("background", `linear-gradient(90deg, ${ramp})`);
  const ticks = d3.create("div").attr("class", "ticks");
  const mark = (v, text, control) =>
    ticks
      .append("span")
      .attr("class", control ? "control" : null)
      .style("left", `${100 * scale.place(v)}%`)
      .text(text);
  for (const v of scale.ticks) if (Math.abs(scale.place(v) - 0.5) > 0.04) mark(v, scale.format(v), false);
  mark(scale.control, scale.controlText, true);
  node.replaceChildren(d3.create("div").text(title).node(), bar.node(), ticks.node());
}

// Which colour is which model, beside every figure that has several.
export function drawKey(node, cells) {
  const items = d3
    .select(node)
    .attr("class", "key")
    .selectAll("span")
    .data(cells, (c) => c.index)
    .join("span");
  items.selectAll("*").remove();
  items
    .append("svg")
    .attr("width", 26)
    .attr("height", 10)
    .attr("aria-hidden", "true")
    .append("path")
    .attr("d", "M0,5h26")
    .attr("stroke", cellColour)
    .attr("stroke-width", 3)
    .attr("stroke-dasharray", cellDash);
  items.append("b").text((c) => c.name);
}

// "rgb(r, g, b)" or "#rrggbb" as a pixel of an ImageData seen as words.
export function pixels(scale) {
  return Uint32Array.from(scale.colours, (c) => {
    const { r, g, b } = d3.rgb(c);
    return (255 << 24) | (b << 16) | (g << 8) | r;
  });
}
