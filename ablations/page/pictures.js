// Owns: every figure as a file: SVG, PNG and the numbers as CSV. Does not own: the figures, their numbers (page.rows).

const MARGIN = 12,
  SCALE = 2; // pixels of a PNG per pixel of the screen
const NS = "http://www.w3.org/2000/svg";

// Each figure's node: what it is called, and the key that tells its models; a table has numbers alone.
const saved = {
  hero: { title: "Heads of two models" },
  loss: { title: "Sink rate and loss", key: "loss-key" },
  axis: { title: "Figure against an axis", key: "axis-key" },
  heads: { title: "First-key mass by head" },
  maps: { title: "Attention maps" },
  onsets: { title: "Onsets", key: "chain-key" },
  chain: { title: "The chain", key: "chain-key" },
  layers: { title: "By layer", key: "layers-key" },
  effect: { title: "Under an intervention", key: "effect-key" },
  variants: { title: "Table of models", isTable: true },
  "sql-plot": { title: "Query" },
};
const parts =
  "svg:not(.tips):not([aria-hidden]), canvas, h3, .link, .frame span, .sentence button, .readout, .key b, .swatch";
const keyParts = "svg, b";

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

function groundOf(node, { x, y, width, height }) {
  const fill = getComputedStyle(node).backgroundColor;
  return attributes(document.createElementNS(NS, "rect"), { x, y, width, height, rx: 3, fill });
}

// A line of text on its ground.
function textOf(node, box) {
  const style = getComputedStyle(node),
    sideways = style.writingMode === "vertical-rl",
    inset = parseFloat(style.paddingLeft);
  const group = document.createElementNS(NS, "g"),
    baseline = box.y + box.height / 2 + parseFloat(style.fontSize) * 0.35;
  const text = attributes(document.createElementNS(NS, "text"), {
    "font-size": style.fontSize,
    "font-weight": style.fontWeight,
    fill: style.color,
    transform: sideways
      ? `translate(${box.x + box.width / 2 + 4},${box.y + box.height}) rotate(-90)`
      : `translate(${box.x + inset},${baseline})`,
  });
  text.textContent = node.textContent;
  // What has several lines on the screen has one here.
  if (!sideways && box.height > 2 * parseFloat(style.lineHeight) - 1)
    attributes(text, { textLength: box.width, lengthAdjust: "spacingAndGlyphs" });
  group.append(groundOf(node, box), text);
  return group;
}

function partOf(node, box) {
  const place = { x: box.x, y: box.y, width: box.width, height: box.height };
  if (node.tagName === "CANVAS")
    return attributes(document.createElementNS(NS, "image"), {
      ...place,
      href: node.toDataURL(),
      "image-rendering": "pixelated",
      preserveAspectRatio: "none",
    });
  if (node.tagName !== "svg") return textOf(node, box);
  const copy = node.cloneNode(true);
  carryStyles(node, copy);
  return attributes(copy, place);
}

// The figure as the text of one SVG, in the colours of the screen, under its key.
function svgOf(name) {
  const node = document.getElementById(name),
    key = document.getElementById(saved[name].key),
    frame = node.getBoundingClientRect(),
    above = key ? key.getBoundingClientRect().height + MARGIN : 0,
    style = getComputedStyle(document.documentElement);
  const svg = attributes(document.createElementNS(NS, "svg"), {
    xmlns: NS,
    width: Math.ceil(frame.width + 2 * MARGIN),
    height: Math.ceil(frame.height + above + 2 * MARGIN),
    "font-family": "system-ui, sans-serif",
    color: style.color,
  });
  const paper = { width: "100%", height: "100%", fill: style.getPropertyValue("--paper") };
  svg.append(attributes(document.createElementNS(NS, "rect"), paper));
  const place = (from, selector, down) => {
    const corner = from.getBoundingClientRect();
    for (const part of from.querySelectorAll(selector)) {
      const { x, y, width, height } = part.getBoundingClientRect();
      const box = { x: x - corner.x + MARGIN, y: y - corner.y + down + MARGIN, width, height };
      if (width) svg.append(partOf(part, box));
    }
  };
  if (key) place(key, keyParts, 0);
  place(node, parts, above);
  const text = new XMLSerializer().serializeToString(svg);
  return text.replace(/var\((--\w+)\)/g, (_, variable) => style.getPropertyValue(variable).trim());
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
  SVG: (page, name) => save(`${name}.svg`, new Blob([svgOf(name)], { type: "image/svg+xml" })),
  PNG: async (page, name) => save(`${name}.png`, await pngOf(svgOf(name))),
  CSV: (page, name) =>
    save(`${name}.csv`, new Blob([d3.csvFormat(page.rows[name]?.() ?? [])], { type: "text/csv" })),
};

export function startPictures(page) {
  for (const [name, { title, isTable }] of Object.entries(saved)) {
    const row = d3.create("p").attr("class", "save");
    row.append("span").text("Save as");
    for (const [form, write] of Object.entries(forms))
      if (!isTable || form === "CSV")
        row
          .append("button")
          .attr("type", "button")
          .attr("aria-label", `${title}: save as ${form}`)
          .text(form)
          .on("click", () => write(page, name));
    document.getElementById(name).after(row.node());
  }
}
