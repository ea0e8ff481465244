// Owns: the figure of the first screen: every head of two models as a glass that fills with attention to the first key.
// Does not own: the slider, the masses (heat.js).
import { cellColour } from "./scales.js";
import { gridOf, trainingControl } from "./heat.js";
import { lastAt } from "./data.js";
import { hintOver } from "./hint.js";
import { percent } from "./facts.js";

const GAP = 6,
  NAMES = 58,
  HEAD = 26;

// The glasses of a model, a row a layer, with a mark at the uniform control. Returns the drawing and what fills it.
function drawGlasses(page, side, width, height) {
  const { cell, run } = page.side(side),
    g = gridOf(page.series.head.get(run.id));
  const layers = 1 + d3.max(g.heads, (h) => h.layer),
    most = 1 + d3.max(g.heads, (h) => h.head);
  const w = Math.min(64, (width - NAMES) / most - GAP),
    h = (height - HEAD) / layers - GAP;
  const svg = d3
    .create("svg")
    .attr("viewBox", `0 0 ${width} ${height}`)
    .attr("role", "img")
    .attr("aria-label", `Attention to the first key, a glass a head, in ${cell.name}`);
  const colour = cellColour(cell),
    { mass: control } = trainingControl(run);
  svg.append("text").attr("class", "name").attr("y", 15).text(cell.name);
  const rate = svg.append("text").attr("class", "rate").attr("x", width).attr("y", 15).attr("text-anchor", "end");
  const yOf = (head) => HEAD + head.layer * (h + GAP),
    xOf = (head) => NAMES + head.head * (w + GAP);
  svg
    .selectAll(".layer")
    .data(d3.range(layers))
    .join("text")
    .attr("class", "layer")
    .attr("y", (l) => HEAD + l * (h + GAP) + h / 2 + 4)
    .text((l) => `layer ${l}`);
  const glass = svg.selectAll("g").data(g.heads).join("g").attr("transform", (d) => `translate(${xOf(d)},${yOf(d)})`);
  const fill = glass.append("rect").attr("width", w).attr("height", h).attr("fill", colour);
  glass.append("rect").attr("class", "glass").attr("width", w).attr("height", h).attr("rx", 3);
  glass.append("path").attr("class", "control").attr("d", `M0,${h * (1 - control)}h${w}`);
  let read = 0;
  hintOver(svg.node(), ({ target }) => {
    const i = glass.nodes().indexOf(target.parentNode);
    return i < 0 ? null : `layer ${g.heads[i].layer}, head ${g.heads[i].head}: ${(g.mass[i * g.steps.length + read] || 0).toFixed(3)}`;
  });
  const move = (step) => {
    const at = Math.max(0, d3.bisectRight(g.steps, step) - 1);
    read = at;
    fill.attr("transform", (_, i) => {
      const mass = g.mass[i * g.steps.length + at];
      const part = step < g.steps[0] ? control : Math.min(1, mass || 0);
      return `translate(0,${(h * (1 - part)).toFixed(1)}) scale(1,${part.toFixed(4)})`;
    });
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
  const drawn = different.map((side) => drawGlasses(page, side, 260, 230));
  node.replaceChildren(...drawn.map((d) => d.node));
  page.rows.hero = () => page.rows.heads();
  return (step) => drawn.forEach((d) => d.move(step));
}
