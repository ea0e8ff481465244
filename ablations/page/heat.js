// Owns: the heat maps of section 2: heads against steps, two models on one scale.
// Does not own: which head is chosen (main.js).
import { massScale, colourOf, drawLegend } from "./scales.js";
import { overTime, plotChart, widthOf } from "./frame.js";
import { hintOver } from "./hint.js";

// The run's kept steps and, a row a head, its first-key mass at each.
export function gridOf(rows) {
  const steps = [...new Set(rows.map((r) => r.step))];
  const column = new Map(steps.map((s, i) => [s, i]));
  const heads = [
    ...d3.group(
      rows,
      (r) => r.layer,
      (r) => r.head,
    ),
  ].flatMap(([layer, group]) => [...group.keys()].map((head) => ({ layer, head })));
  const place = new Map(heads.map((h, i) => [`${h.layer}.${h.head}`, i]));
  const mass = new Float64Array(steps.length * heads.length).fill(NaN);
  for (const r of rows)
    if (r.first_mass !== null)
      mass[place.get(`${r.layer}.${r.head}`) * steps.length + column.get(r.step)] = r.first_mass;
  return { steps, heads, mass };
}

// The control at the training context, which is what step_head measures at.
export function trainingControl(run) {
  const T = JSON.parse(run.config).model?.context ?? 32;
  let sum = 0;
  for (let q = 0; q < T; q++) sum += 1 / (q + 1);
  return { T, mass: sum / T };
}

function headTicks(heads) {
  const every = heads.length > 24 ? Math.ceil(heads.length / 16) : 1;
  return heads.map((_, i) => i).filter((i) => i % every === 0);
}

function plotHeads(g, scale, width, lastStep, name) {
  const n = g.steps.length,
    ticks = headTicks(g.heads);
  const centre = (i) => i + 0.5;
  return plotChart(`First-key mass by head and step in ${name}; the list below chooses a head, too`, {
    width,
    height: 60 + Math.max(150, Math.min(480, 22 * g.heads.length)),
    marginLeft: 54,
    x: { domain: [0, lastStep], label: "step (updates) →" },
    y: {
      domain: [g.heads.length, 0],
      label: null,
      ticks: ticks.map(centre),
      tickFormat: (y) => `L${g.heads[Math.floor(y)].layer} H${g.heads[Math.floor(y)].head}`,
    },
    color: { type: "identity" },
    marks: [
      Plot.raster(g.mass, {
        width: n,
        height: g.heads.length,
        x1: 0,
        y1: 0,
        x2: g.steps.at(-1),
        y2: g.heads.length,
        fill: (v) => colourOf(scale, v),
        imageRendering: "pixelated",
      }),
    ],
  });
}

// What lies under the pointer: head, step and mass.
function cellAt(g, svg, event) {
  const [px, py] = d3.pointer(event, svg),
    head = g.heads[Math.floor(svg.scale("y").invert(py))],
    step = svg.scale("x").invert(px);
  if (!head || step < 0 || step > g.steps.at(-1)) return null;
  const i = Math.min(d3.bisectLeft(g.steps, step), g.steps.length - 1);
  return { ...head, step: g.steps[i], mass: g.mass[g.heads.indexOf(head) * g.steps.length + i] };
}

// A frame around the chosen head's row.
function addChoice(svg, heads) {
  const x = svg.scale("x").range,
    y = svg.scale("y");
  const frame = d3
    .select(svg)
    .append("rect")
    .attr("class", "chosen")
    .attr("x", x[0])
    .attr("width", x[1] - x[0]);
  return (state) => {
    const i = heads.findIndex((h) => h.layer === state.layer && h.head === state.head);
    frame
      .attr("visibility", i < 0 ? "hidden" : null)
      .attr("y", y.apply(Math.max(0, i)))
      .attr("height", Math.abs(y.apply(1) - y.apply(0)));
  };
}

function drawSide(page, side, scale, kept) {
  const node = document.getElementById(`heat-${side}`),
    { cell, run } = page.side(side);
  const rows = run ? (page.series.head.get(run.id) ?? []) : [];
  const title = d3.create("h3").text(run ? `${cell.name}, seed ${run.seed}` : "-");
  if (!rows.length) {
    node.replaceChildren(
      title.node(),
      d3.create("p").attr("class", "note").text("No step of this run is in the database.").node(),
    );
    return () => {};
  }
  const g = gridOf(rows),
    svg = plotHeads(g, scale, widthOf(node), page.lastStep(), cell.name);
  const choose = addChoice(svg, g.heads),
    { box, move } = overTime(page, svg);
  svg.addEventListener("click", (event) => {
    const at = cellAt(g, svg, event);
    if (at) page.set({ layer: at.layer, head: at.head });
  });
  hintOver(svg, (event) => {
    const at = cellAt(g, svg, event);
    return at && `layer ${at.layer}, head ${at.head}, step ${at.step}: ${at.mass.toFixed(3)}`;
  });
  node.replaceChildren(title.node(), box);
  kept.push(...rows.map((r) => ({ model: cell.name, seed: run.seed, ...r })));
  return (step, state) => {
    move(step);
    choose(state);
  };
}

export function drawHeat(page) {
  const run = page.side("a").run;
  const control = run ? trainingControl(run) : { T: 32, mass: 0.13 };
  const scale = massScale(control.mass);
  const rows = [];
  page.rows.heads = () => rows;
  const sides = ["a", "b"].map((side) => drawSide(page, side, scale, rows));
  drawLegend(document.getElementById("heat-legend"), scale, "first-key mass (share of attention, 0 to 1)");
  document.getElementById("heat-note").textContent =
    `n = 1 run a side, mean over the rows of each training batch, T = ${control.T}; ` +
    "L layer, H head, both from 0. " +
    `Uniform attention gives key 0 a mass of ${control.mass.toFixed(4)}; no threshold eps is involved.`;
  return (step, state) => sides.forEach((move) => move(step, state));
}
