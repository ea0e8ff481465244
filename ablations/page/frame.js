// Owns: what all charts share: the frame, the curtain over what comes after the slider's step, values under the pointer,
// a click that moves the slider. Does not own: what is drawn in a frame.

export const widthOf = (node) => Math.max(280, node.clientWidth);
const isPresented = () => document.body.classList.contains("present");

const SIZE = 12.5; // pixels of a chart's text on a page of 16

// How much larger than that charts are drawn: on a large screen, or where one is presented.
const grownBy = () =>
  isPresented() ? 1.6 : parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;

// Two charts, one above the other, fit a screen where they are presented.
const tallerBy = () => (isPresented() ? Math.min(1.6, Math.max(1, (innerHeight - 160) / 470)) : grownBy());

// What stands above an upright axis: a figure's name, and its unit where there is room.
export function labelOf({ name, unit }, width) {
  const whole = `↑ ${name}${unit && ` (${unit})`}`;
  return whole.length * 0.56 * SIZE * grownBy() < width - 8 ? whole : `↑ ${name}`;
}

// A plot with a name for those who do not see it.
export function plotChart(
  name,
  { height, marginLeft = 48, marginRight = 20, marginTop = 20, marginBottom = 36, ...options },
) {
  const grown = grownBy();
  const svg = Plot.plot({
    ...options,
    marginLeft: marginLeft * grown,
    marginRight,
    marginTop: marginTop * grown,
    marginBottom: marginBottom * grown,
    height: height * tallerBy(),
    style: { fontSize: `${SIZE * grown}px`, overflow: "visible" },
  });
  // One name for the whole; those of its marks say nothing to a reader.
  for (const mark of svg.querySelectorAll("[aria-label]")) {
    mark.setAttribute("data-mark", mark.getAttribute("aria-label"));
    mark.removeAttribute("aria-label");
  }
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", name);
  return svg;
}

// Values under the pointer: of rows with a text each, the nearest (Plot.pointer) or the nearest in x (Plot.pointerX).
export const tipMark = (rows, channels, nearest = Plot.pointer) =>
  Plot.tip(rows, nearest({ ...channels, fill: "var(--panel)", stroke: "var(--line)" }));

// A layer above the curtain for what the pointer shows.
function liftTips(svg, box) {
  const tips = svg.querySelectorAll('g[data-mark="tip"]');
  if (!tips.length) return;
  const layer = box
    .append("svg")
    .attr("class", "tips")
    .attr("aria-hidden", "true")
    .attr("width", svg.getAttribute("width"))
    .attr("height", svg.getAttribute("height"))
    .style("font-size", svg.style.fontSize);
  for (const tip of tips) layer.append(() => tip);
}

// The chart in a box whose curtain hides what comes after the slider's step. Only the curtain moves, so that a move paints
// nothing anew. Returns the box and what moves the curtain.
export function overTime(page, svg) {
  const x = svg.scale("x"),
    [left, right] = x.range,
    [top, bottom] = d3.extent(svg.scale("y").range);
  const box = d3.create("div").attr("class", "over-time");
  box.append(() => svg);
  const stage = box.append("div").attr("class", "stage");
  const curtain = stage.append("div").attr("class", "curtain");
  stage
    .style("left", `${left}px`)
    .style("width", `${right - left + 12}px`) // marks at the last step, and what stands below the axis
    .style("top", `${top - 8}px`)
    .style("height", `${bottom - top + 15}px`);
  liftTips(svg, box);
  let shown = 0;
  const stepAt = (event) => x.invert(d3.pointer(event, svg)[0]);
  // Before the chart hears of it: a press moves the slider and pins no value, what is hidden does not answer.
  const hear = (name, act) => box.node().addEventListener(name, act, { capture: true });
  hear("pointerdown", (event) => {
    event.stopPropagation();
    page.stop();
    page.seek(Math.max(0, stepAt(event)));
  });
  hear("pointermove", (event) => {
    if (event.buttons === 1) page.seek(Math.max(0, stepAt(event)));
    if (page.hidesFuture() && stepAt(event) > shown) event.stopPropagation();
  });
  const move = (step) => {
    shown = Math.min(step, x.domain[1]);
    curtain.style("transform", `translateX(${x.apply(shown) - left}px)`);
  };
  return { box: box.node(), move };
}
