// Owns: the colour of each cell, the scales of attention, the key of models, and the legend with the uniform control on
// it. Does not own: which colours there are (figures.js), what is drawn with them.
import { palette, rampColours } from "./figures.js";

export const MOST_SHOWN = 8; // models that colours tell apart

// A model that is shown has a colour to itself, which is its place in the palette; one that is not is grey.
export const cellColour = (cell) => (cell.shown ? palette()[cell.place] : "#888");

// Shows a model, where there is a colour for it, or leaves it out. Where all models have a colour each keeps its own.
export function showCell(cells, cell, shown) {
  const taken = cells.filter((c) => c.shown && c !== cell).map((c) => c.place),
    free = d3.range(MOST_SHOWN).filter((place) => !taken.includes(place));
  cell.shown = shown && free.length > 0;
  cell.place = free.includes(cell.index) ? cell.index : free[0];
}

// A mass between 0 and 1.
export const massScale = (control) => ({
  colours: rampColours(),
  place: (mass) => Math.min(Math.max(mass, 0), 1),
  ticks: [0, 0.25, 0.5, 0.75, 1],
  control,
  format: String,
  controlText: control === null ? "" : `uniform control ${control.toFixed(3)}`,
});

// A weight over the uniform 1/(q+1) by powers of two: less than a quarter of chance is as quiet as none.
export function ratioScale(T) {
  const top = Math.max(2, Math.ceil(Math.log2(T)));
  const byPower = d3.scaleLinear([-2, top], [0, 1]).clamp(true);
  return {
    colours: rampColours(),
    place: (ratio) => byPower(Math.log2(Math.max(ratio, 1e-6))),
    control: 1,
    ticks: [1 / 4, 1, 4, 16].filter((v) => v <= 2 ** top),
    format: (v) => (v < 1 ? `1/${1 / v}` : v) + "×",
    controlText: "as uniform attention",
  };
}

export const colourOf = (scale, value) =>
  Number.isFinite(value) ? scale.colours[Math.round(256 * scale.place(value))] : "transparent";

// Black or white text on each of a scale's colours.
export const inksOf = (scale) => new Map(scale.colours.map((c) => [c, d3.lab(c).l > 55 ? "#111" : "#fff"]));

export function drawLegend(node, scale, title) {
  const stops = scale.colours.filter((_, i) => i % 16 === 0).join(", ");
  const bar = d3.create("div").attr("class", "bar").style("background", `linear-gradient(90deg, ${stops})`);
  const row = (name, values, textOf) => {
    const box = d3.create("div").attr("class", name),
      marks = box.selectAll("span").data(values).join("span").text(textOf);
    marks.style("left", (v) => `${100 * scale.place(v)}%`).classed("early", (v) => name === "control" && scale.place(v) < 0.25);
    return box.node();
  };
  // The control stands above the bar, clear of the numbers.
  const control = scale.control === null ? [] : [row("control", [scale.control], scale.controlText)];
  node.replaceChildren(d3.create("div").text(title).node(), ...control, bar.node(), row("ticks", scale.ticks, scale.format));
}

// Which colour is which model, beside every figure that has several.
export function drawKey(node, cells, colour = cellColour) {
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
    .attr("stroke", colour)
    .attr("stroke-width", 3);
  items.append("b").text((c) => c.name);
}

// "#rrggbb" as a pixel of an ImageData seen as words.
export function pixels(scale) {
  return Uint32Array.from(scale.colours, (c) => {
    const { r, g, b } = d3.rgb(c);
    return (255 << 24) | (b << 16) | (g << 8) | r;
  });
}
