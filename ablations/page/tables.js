// Owns: the table of variants, the claims with their verdicts, and tables in general.
// Does not own: how verdicts are reached (the view verdict).
import { axesOf, baselineOf, spoken } from "./cells.js";
import { cellColour } from "./scales.js";
import { ask, plural, scaleOf } from "./data.js";
import { medianOf, sameTargets } from "./facts.js";

export function shortNumber(v) {
  if (typeof v !== "number") return v === null || v === undefined ? "-" : String(v);
  if (Number.isInteger(v)) return String(v);
  return Math.abs(v) >= 1e4 || Math.abs(v) < 1e-3 ? v.toExponential(2) : String(+v.toPrecision(4));
}

// How a column of numbers is written so that its points stand below each other: four digits of its largest.
function alignedNumber(values) {
  const largest = d3.max(values.filter(Number.isFinite), Math.abs);
  if (!largest || values.every((v) => v === null || Number.isInteger(v))) return shortNumber;
  const digits = Math.min(6, Math.max(0, 3 - Math.floor(Math.log10(largest))));
  return (v) => (typeof v === "number" ? v.toFixed(digits) : shortNumber(v));
}

const isMixed = (rows, i) => rows.some((r) => typeof r[i] === "string");

// A table of figures under its head, each column in one form of number.
function drawNumbers(node, columns, rows) {
  const forms = columns.map((_, i) => (isMixed(rows, i) ? String : alignedNumber(rows.map((r) => r[i]))));
  drawTable(node, columns, rows, (v, i) => (v === null ? "-" : forms[i](v)));
}

// columns: names; rows: arrays; write: a value of a column as text. Text is always text.
export function drawTable(node, columns, rows, write = shortNumber) {
  const text = columns.map((_, i) => isMixed(rows, i));
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
    .text((v, i) => (v instanceof Uint8Array ? `${v.length} bytes` : write(v, i)));
  node.replaceChildren(table.node());
  // What scrolls can be reached by keys.
  node.tabIndex = 0;
  node.setAttribute("role", "region");
  node.setAttribute("aria-label", `Table: ${columns.slice(0, 3).join(", ")} ...`);
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
  "Δ late loss": ({ pairs }) => d3.mean(pairs, (p) => p.d_loss),
  "Δ sink rate": ({ pairs }) => d3.mean(pairs, (p) => p.d_sink_rate_03),
  "Δ to": ({ against, pairs }) => (pairs.length ? against.name : null),
};

const minus = (a, b) => (a === null || b === null ? null : a - b);

// One run's final figures minus another's; losses where both have the same late targets.
function differenceOf(page, f, g) {
  const [own, other] = [f, g].map((final) => page.targets.get(final.run_id));
  return {
    d_loss: sameTargets(own, other) ? minus(f.val_loss_late, g.val_loss_late) : null,
    d_sink_rate_03: minus(f.sink_rate_03, g.sink_rate_03),
  };
}

// What a model is held against: the reference, and in another stratum of a sweep the baseline of that one.
function againstOf(page, cell) {
  const baseline = baselineOf(page.db, page.sweep),
    { reference } = page.facts;
  if (baseline === null) return reference?.cell;
  const place = JSON.stringify({ ...cell.axes, ...axesOf(spoken(baseline)) });
  return page.cells.find((c) => JSON.stringify(c.axes) === place);
}

// A cell's differences, seed by seed.
function pairsOf(page, finals, cell, against) {
  if (!against || against === cell) return [];
  return cell.runs
    .map((run) => [run, against.runs.find((r) => r.seed === run.seed)].map((r) => finals.get(r?.id)))
    .filter(([f, g]) => f && g)
    .map(([f, g]) => differenceOf(page, f, g));
}

function drawVariants(page) {
  const finals = d3.index(page.finals, (f) => f.run_id);
  const models = page.cells.map((cell) => {
    const done = cell.runs.map((r) => finals.get(r.id)).filter(Boolean),
      against = againstOf(page, cell);
    return { cell, done, against, pairs: pairsOf(page, finals, cell, against) };
  });
  const node = document.getElementById("variants"),
    { reference } = page.facts;
  // Differences stand where there are any, what they are to where it is not one model.
  const differ = models.filter(({ pairs }) => pairs.length),
    several = differ.some(({ against }) => against !== reference?.cell),
    columns = Object.entries(variantColumns).filter(
      ([name]) => (name === "Δ to" ? several : differ.length || !name.startsWith("Δ")),
    );
  const names = columns.map(([name]) => name);
  const rows = models.map((model) => columns.map(([, value]) => value(model) ?? null));
  drawNumbers(node, names, rows);
  page.rows.variants = () => rows.map((r) => Object.fromEntries(names.map((k, i) => [k, r[i]])));
  const swatch = (cell) =>
    d3.create("i").datum(cell).attr("class", "swatch").style("background", cellColour(cell)).node();
  node.querySelectorAll("tbody td:first-child").forEach((td, i) => td.prepend(swatch(page.cells[i])));
  document.getElementById("variants-note").textContent =
    `${scaleOf(page.series, page.cells).text}. Medians over the finished seeds. ` +
    "Late loss: over targets from the middle of a row on, the only ones that rows with and without BOS share. " +
    (differ.length
      ? `Δ: mean difference to the reference, ${reference.name}, of the same seed (negative: lower)` +
        (several ? "; in another stratum to the model in its place there." : ".") +
        (differ.some(({ pairs }) => pairs.every((p) => p.d_loss === null)) ? " No Δ late loss: its targets are others." : "")
      : "No Δ: no two models here have a finished seed in common.");
}

// side and stratum only where there are several; a note only where one says something.
const verdictColumns = {
  side: (v) => spoken(v.side) || "query",
  stratum: (v) => (v.stratum === "all" ? null : spoken(v.stratum)),
  expected: (v) => v.expected,
  verdict: (v) => v.verdict,
  seeds: (v) => v.n,
  difference: (v) => v.mean,
  "95 % from": (v) => v.low,
  to: (v) => v.high,
  "more seeds needed": (v) => v.more_seeds,
  diverged: (v) => v.diverged || null,
  note: (v) => v.note,
};

function drawVerdicts(node, verdicts) {
  const columns = Object.entries(verdictColumns)
    .map(([name, value]) => ({ name, values: verdicts.map((v) => value(v) ?? null) }))
    .filter(({ values }) => values.some((v) => v !== null));
  const rows = verdicts.map((_, i) => columns.map(({ values }) => values[i]));
  drawNumbers(
    node,
    columns.map((c) => c.name),
    rows,
  );
}

// A text whose arXiv numbers are links: odd parts are the numbers.
const linked = (text) =>
  text.split(/\b(\d{4}\.\d{5})\b/).map((part, i) => {
    if (i % 2 === 0) return part;
    const link = document.createElement("a");
    return Object.assign(link, { href: `https://arxiv.org/abs/${part}`, textContent: part });
  });

function drawClaims(page) {
  const node = d3.select("#claims");
  node.selectAll("*").remove();
  const sweeps = ask(
    page.db,
    "SELECT id, name, claim, source FROM sweep WHERE ?1 IS NULL OR id = ?1 ORDER BY id",
    [page.sweep?.id ?? null],
  );
  for (const sweep of sweeps) {
    const verdicts = ask(page.db, "SELECT * FROM verdict WHERE sweep = ?", [sweep.name]);
    if (!sweep.claim && !verdicts.length) continue;
    const box = node.append("div").attr("class", "beside");
    box.append("h3").text(`Claim of ${sweep.name}`);
    if (sweep.claim) box.append("p").text(sweep.claim);
    if (sweep.source) box.append("p").attr("class", "note").node().append("Source: ", ...linked(sweep.source));
    if (!verdicts.length) continue;
    const counts = d3.rollups(
      verdicts,
      (v) => v.length,
      (v) => v.verdict,
    );
    const told = counts.map(([word, n]) => `${n} ${word}`).join(", ");
    box.append("p").text(`Of ${plural(verdicts.length, "comparison")}: ${told}.`);
    drawVerdicts(box.append("div").attr("class", "wide verdicts figures").node(), verdicts);
  }
}

export function drawTables(page) {
  drawVariants(page);
  drawClaims(page);
}
