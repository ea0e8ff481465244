// Owns: the table of variants, the claims with their verdicts, and tables in general.
// Does not own: how verdicts are reached (the view verdict).
import { cellColour } from "./scales.js";
import { ask, scaleOf } from "./data.js";
import { medianOf } from "./facts.js";

export function shortNumber(v) {
  if (typeof v !== "number") return v === null || v === undefined ? "-" : String(v);
  if (Number.isInteger(v)) return String(v);
  return Math.abs(v) >= 1e4 || Math.abs(v) < 1e-3 ? v.toExponential(2) : String(+v.toPrecision(4));
}

// columns: names; rows: arrays. Text is always text.
export function drawTable(node, columns, rows) {
  const text = columns.map((_, i) => rows.some((r) => typeof r[i] === "string"));
  const table = d3.create("table");
  table
    .append("thead")
    .append("tr")
    .selectAll("th")
    .data(columns)
    .join("th")
    .attr("class", (_, i) => (text[i] ? "text" : null))
    .text((c) => c);
  table
    .append("tbody")
    .selectAll("tr")
    .data(rows)
    .join("tr")
    .selectAll("td")
    .data((r) => r)
    .join("td")
    .attr("class", (_, i) => (text[i] ? "text" : null))
    .text((v) => (v instanceof Uint8Array ? `${v.length} bytes` : shortNumber(v)));
  node.replaceChildren(table.node());
}

function doneText({ cell, done }) {
  const diverged = cell.runs.filter((r) => r.status === "diverged").length;
  return `${done.length} of ${cell.runs.length}${diverged ? `, ${diverged} diverged` : ""}`;
}

function onsetText({ done }) {
  const dated = done.filter((f) => f.onset !== null);
  if (!dated.length) return done.length ? "none" : null;
  const some = dated.length < done.length ? ` (${dated.length} of ${done.length})` : "";
  return `${Math.ceil(medianOf(dated, "onset"))}${some}`;
}

// The columns of the table of models: of each the cell, its finished runs and their differences to the baseline.
const variantColumns = {
  model: ({ cell }) => cell.name,
  done: doneText,
  "late loss": ({ done }) => medianOf(done, "val_loss_late"),
  "sink rate": ({ done }) => medianOf(done, "sink_rate_03"),
  "first-key mass": ({ done }) => medianOf(done, "sink_mass"),
  "uniform control": ({ done }) => medianOf(done, "uniform_mass"),
  "onset (step)": onsetText,
  "value drain": ({ done }) => medianOf(done, "value_drain"),
  "Δ loss": ({ pairs }) => d3.mean(pairs, (p) => p.d_loss),
  "Δ sink rate": ({ pairs }) => d3.mean(pairs, (p) => p.d_sink_rate_03),
};

function drawVariants(page) {
  const finals = d3.index(page.finals, (f) => f.run_id);
  const paired = d3.group(ask(page.db, "SELECT * FROM paired"), (p) => p.key);
  const models = page.cells.map((cell) => ({
    cell,
    done: cell.runs.map((r) => finals.get(r.id)).filter(Boolean),
    pairs: cell.runs.flatMap((r) => paired.get(r.key) ?? []),
  }));
  const node = document.getElementById("variants");
  const rows = models.map((model) => Object.values(variantColumns).map((value) => value(model) ?? null));
  drawTable(node, Object.keys(variantColumns), rows);
  const swatch = (cell) =>
    d3.create("i").attr("class", "swatch").style("background", cellColour(cell)).node();
  node.querySelectorAll("tbody td:first-child").forEach((td, i) => td.prepend(swatch(page.cells[i])));
  document.getElementById("variants-note").textContent =
    `${scaleOf(page.series, page.cells).text}. Medians over the finished seeds; ` +
    "Δ: mean difference to the baseline of the same seed (negative: lower). Late loss: over targets from the middle of a row on, " +
    "which rows with and without BOS may be compared by; Δ loss is of the loss that the two may be compared by.";
}

function drawClaims(page) {
  const node = d3.select("#claims");
  node.selectAll("*").remove();
  for (const sweep of ask(page.db, "SELECT name, claim, source FROM sweep ORDER BY id")) {
    const box = node.append("div");
    box.append("h3").text(`Claim of ${sweep.name}`);
    if (sweep.claim) box.append("p").text(sweep.claim);
    if (sweep.source) box.append("p").attr("class", "note").text(`Source: ${sweep.source}`);
    const verdicts = ask(
      page.db,
      `SELECT side, metric, direction, beyond, n, mean, low, high, verdict, more_seeds
       FROM verdict WHERE sweep = ?`,
      [sweep.name],
    );
    if (!verdicts.length) continue;
    drawTable(
      box.append("div").attr("class", "wide").node(),
      ["side", "expected of", "verdict", "seeds", "difference", "95 % from", "to", "more seeds needed"],
      verdicts.map((v) => [
        v.side,
        `${v.metric} ${v.direction} by ${shortNumber(v.beyond)}`,
        v.verdict,
        v.n,
        v.mean,
        v.low,
        v.high,
        v.more_seeds,
      ]),
    );
  }
}

export function drawTables(page) {
  drawVariants(page);
  drawClaims(page);
}
