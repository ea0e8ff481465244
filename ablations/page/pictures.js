// Owns: every figure as a file: SVG, PNG and the numbers as CSV. Does not own: the figures, their numbers (page.rows).

const MARGIN = 12,
  SCALE = 2; // pixels of a PNG per pixel of the screen
const NS = "http://www.w3.org/2000/svg";

// What is drawn in each figure's node, in the order of the page; variants is a table and has numbers alone.
const saved = {
  hero: "Heads of two models",
  loss: "Sink rate and loss",
  axis: "Figure against an axis",
  heads: "First-key mass by head",
  maps: "Attention maps",
  onsets: "Onsets",
  chain: "The chain",
  layers: "By layer",
  effect: "Under an intervention",
  variants: null,
  "sql-plot": "Query",
};
const parts = "svg:not(.tips):not([aria-hidden]), canvas, h3, .link, .frame span";

// Styles that the page's sheet gives, on the elements themselves: a file has no sheet.
const carried = ["fill", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-weight", "opacity"];
function carryStyles(from, to) {
  const style = getComputedStyle(from);
  if (from.getAttribute("class") && from.tagName !== "svg")
    for (const name of carried) to.style.setProperty(name, style.getPropertyValue(name));
  [...from.children].forEach((child, i) => carryStyles(child, to.children[i]));
}

const attributes = (node, values) => {
  for (const [name, value] of Object.entries(values)) node.setAttribute(name, value);
  return node;
};

function textOf(node, box) {
  const style = getComputedStyle(node),
    sideways = style.writingMode === "vertical-rl";
  const text = attributes(document.createElementNS(NS, "text"), {
    "font-size": style.fontSize,
    "font-weight": style.fontWeight,
    fill: style.color,
    transform: sideways
      ? `translate(${box.x + box.width / 2 + 4},${box.y + box.height}) rotate(-90)`
      : `translate(${box.x},${box.y + Math.min(box.height, 16) * 0.8})`,
  });
  text.textContent = node.textContent;
  return text;
}

function partOf(node, box) {
  const place = { x: box.x, y: box.y, width: box.width, height: box.height };
  if (node.tagName === "CANVAS")
    return attributes(document.createElementNS(NS, "image"), { ...place, href: node.toDataURL(), "image-rendering": "pixelated", preserveAspectRatio: "none" });
  if (node.tagName !== "svg") return textOf(node, box);
  const copy = node.cloneNode(true);
  carryStyles(node, copy);
  return attributes(copy, place);
}

// The figure as the text of one SVG, in the colours of the screen.
function svgOf(node) {
  const frame = node.getBoundingClientRect(),
    style = getComputedStyle(document.documentElement);
  const svg = attributes(document.createElementNS(NS, "svg"), {
    xmlns: NS,
    width: Math.ceil(frame.width + 2 * MARGIN),
    height: Math.ceil(frame.height + 2 * MARGIN),
    "font-family": "system-ui, sans-serif",
    color: style.color,
  });
  svg.append(attributes(document.createElementNS(NS, "rect"), { width: "100%", height: "100%", fill: style.getPropertyValue("--paper") }));
  for (const part of node.querySelectorAll(parts)) {
    const { x, y, width, height } = part.getBoundingClientRect();
    if (width) svg.append(partOf(part, { x: x - frame.x + MARGIN, y: y - frame.y + MARGIN, width, height }));
  }
  const text = new XMLSerializer().serializeToString(svg);
  return text.replace(/var\((--\w+)\)/g, (_, name) => style.getPropertyValue(name).trim());
}

async function pngOf(svgText) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgText)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: SCALE * image.width, height: SCALE * image.height });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

function save(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `sinklab-${name}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

const forms = {
  SVG: (page, name, node) => save(`${name}.svg`, new Blob([svgOf(node)], { type: "image/svg+xml" })),
  PNG: async (page, name, node) => save(`${name}.png`, await pngOf(svgOf(node))),
  CSV: (page, name) => save(`${name}.csv`, new Blob([d3.csvFormat(page.rows[name]?.() ?? [])], { type: "text/csv" })),
};

export function startPictures(page) {
  for (const [name, title] of Object.entries(saved)) {
    const node = document.getElementById(name),
      row = d3.create("p").attr("class", "save");
    row.append("span").text("Save as");
    for (const [form, write] of Object.entries(forms))
      if (title || form === "CSV")
        row
          .append("button")
          .attr("type", "button")
          .attr("aria-label", `Save ${title ?? "the table of models"} as ${form}`)
          .text(form)
          .on("click", () => write(page, name, node));
    node.after(row.node());
  }
}
