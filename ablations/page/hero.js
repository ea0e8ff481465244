// Owns: the figure of the first screen: every head of two models as a glass that fills with attention to the first key.
// Does not own: the slider, the masses (heat.js).
import { cellColour } from "./scales.js";
import { gridOf, trainingControl } from "./heat.js";
import { lastAt } from "./data.js";
import { hintOver } from "./hint.js";
import { percent } from "./facts.js";

const WIDTH = 260,
  GAP = 6,
  NAMES = 58,
  HEAD = 26,
  LETTERS = 20; // of a name that there is room for

// Where the glasses of a grid stand, a row a layer.
function glassPlaces({ heads }) {
  const layers = 1 + d3.max(heads, (h) => h.layer),
    most = 1 + d3.max(heads, (h) => h.head),
    height = Math.max(230, HEAD + 18 * layers);
  const w = Math.min(64, (WIDTH - NAMES) / most - GAP),
    h = (height - HEAD) / layers - GAP;
  return {
    w,
    h,
    height,
    layers,
    x: (head) => NAMES + head * (w + GAP),
    y: (layer) => HEAD + layer * (h + GAP),
  };
}

function beginDrawing({ layers, h, height, y }, name) {
  const svg = d3
    .create("svg")
    .attr("viewBox", `0 0 ${WIDTH} ${height}`)
    .attr("role", "img")
    .attr("aria-label", `Attention to the first key, a glass a head, in ${name}`);
  // Beside the name stands the sink rate.
  svg
    .append("text")
    .attr("class", "name")
    .attr("y", 15)
    .text(name.length > LETTERS ? `${name.slice(0, LETTERS - 2)}…` : name);
  svg
    .selectAll(".layer")
    .data(d3.range(layers))
    .join("text")
    .attr("class", "layer")
    .attr("y", (l) => y(l) + h / 2 + 4)
    .text((l) => `layer ${l}`);
  return svg;
}

// Glasses with a mark at the uniform control, and the rectangles that fill them.
function addGlasses(svg, { heads }, { w, h, x, y }, colour, control) {
  const glass = svg
    .selectAll("g")
    .data(heads)
    .join("g")
    .attr("transform", (d) => `translate(${x(d.head)},${y(d.layer)})`);
  const fill = glass.append("rect").attr("width", w).attr("height", h).attr("fill", colour);
  glass.append("rect").attr("class", "glass").attr("width", w).attr("height", h).attr("rx", 3);
  const mark = glass.append("path").attr("class", "control");
  mark.attr("d", `M0,${h * (1 - control)}h${w}`);
  return { glass, fill };
}

// A model's drawing and what fills it.
function drawGlasses(page, side) {
  const { cell, run } = page.side(side),
    g = gridOf(page.series.head.get(run.id)),
    places = glassPlaces(g),
    svg = beginDrawing(places, cell.name);
  const { glass, fill } = addGlasses(svg, g, places, cellColour(cell), trainingControl(run).mass);
  const rate = svg.append("text").attr("class", "rate").attr("text-anchor", "end");
  rate.attr("x", WIDTH).attr("y", 15);
  let at = 0;
  const massOf = (i) => Math.min(1, g.mass[i * g.steps.length + at] || 0);
  hintOver(svg.node(), ({ target }) => {
    const i = glass.nodes().indexOf(target.parentNode);
    return i < 0 ? null : `layer ${g.heads[i].layer}, head ${g.heads[i].head}: ${massOf(i).toFixed(3)}`;
  });
  const move = (step) => {
    at = Math.max(0, d3.bisectRight(g.steps, step) - 1); // the first batch is read by the untrained model
    fill.attr("transform", (_, i) => `translate(0,${places.h * (1 - massOf(i))}) scale(1,${massOf(i)})`);
    const found = lastAt(page.series.eval.get(run.id), step)?.sink_rate_03;
    rate.text(found == null ? "" : `sink rate ${percent(found)}`);
  };
  return { node: svg.node(), move };
}

export function drawHero(page) {
  const node = document.getElementById("hero"),
    sides = ["a", "b"].filter((side) => page.series.head.has(page.side(side).run?.id));
  const different = page.state.a === page.state.b ? sides.slice(0, 1) : sides;
  document.getElementById("hero-figure").hidden = !different.length;
  const drawn = different.map((side) => drawGlasses(page, side));
  node.replaceChildren(...drawn.map((d) => d.node));
  page.rows.hero = () => page.rows.heads();
  return (step) => drawn.forEach((d) => d.move(step));
}
