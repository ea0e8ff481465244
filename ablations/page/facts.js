// Owns: what came of each model in a few figures, and the sentences at the top of the page that say it.
// Does not own: how a figure is measured (train/schema.sql says), the lesson's words (lesson.js).
import { ask, plural, scaleOf } from "./data.js";

export const fixed = (value, digits) => (value == null ? "?" : value.toFixed(digits));
export const percent = (share) => `${fixed(share == null ? null : 100 * share, 0)}\u00a0%`;
export const stepWords = (n) => `step\u00a0${d3.format(",")(Math.ceil(n))}`;
export const medianOf = (rows, key) =>
  d3.median(
    rows.filter((r) => r[key] !== null),
    (r) => r[key],
  );

// When a quantity passed its threshold in a cell's runs: the evaluations around it, first and last seed.
export function datesOf(page, runs, quantity) {
  const found = runs
    .map((r) => page.series.onset.get(r.id)?.find((o) => o.quantity === quantity))
    .filter((o) => o?.first_after != null);
  return found.length
    ? {
        n: found.length,
        after: d3.min(found, (o) => o.last_before ?? 0),
        by: d3.max(found, (o) => o.first_after),
        middle: d3.median(found, (o) => o.first_after),
      }
    : null;
}

// Sink rate by layer at the last evaluation, median over seeds, highest first.
function layersOf(page, runs) {
  const rows = runs.flatMap((r) => [...(page.series.layer.get(r.id)?.values() ?? [])].at(-1) ?? []);
  const rates = d3.rollups(
    rows.filter((r) => r.sink_rate_03 !== null),
    (v) => d3.median(v, (r) => r.sink_rate_03),
    (r) => r.layer,
  );
  return rates.map(([layer, rate]) => ({ layer, rate })).sort((x, y) => y.rate - x.rate);
}

// A cell's medians over its finished seeds; null where none has finished.
export function factsOf(page, cell) {
  const finals = page.finals.filter((f) => cell.runs.some((r) => r.id === f.run_id));
  const runs = cell.runs.filter((r) => finals.some((f) => f.run_id === r.id));
  const rate = medianOf(finals, "sink_rate_03");
  if (rate === undefined) return null;
  return {
    name: cell.name,
    cell,
    runs,
    rate,
    n: finals.length,
    steps: runs[0].steps,
    mass: medianOf(finals, "sink_mass"),
    uniform: medianOf(finals, "uniform_mass"),
    loss: medianOf(finals, "val_loss_late"),
    drain: medianOf(finals, "value_drain"),
    norm: medianOf(finals, "norm_ratio"),
    onset: datesOf(page, runs, "sink_rate_03"),
    firstHead: datesOf(page, runs, "first_mass"),
    layers: layersOf(page, runs),
  };
}

// The model that the others are held against: of the baselines, the one with the strongest sink.
export function readFacts(page) {
  page.finals = ask(page.db, "SELECT * FROM final");
  const all = page.cells.map((cell) => factsOf(page, cell)).filter(Boolean);
  const baselines = all.filter((f) => f.cell.variant === "baseline");
  const reference = d3.greatest(baselines.length ? baselines : all, (f) => f.rate) ?? null;
  return { all, reference };
}

// ---- sentences ----

const sentences = (...parts) => parts.filter(Boolean).join(" ");

function whatForms(f) {
  return sentences(
    `In ${f.name}, ${percent(f.rate)} of all (sequence, layer, head) end up giving the first key`,
    `more than ${percent(0.3)} of their attention${f.onset ? ": an attention sink" : ""}.`,
    `Over all heads it gets ${percent(f.mass)}; spread evenly, attention would give it ${percent(f.uniform)}.`,
  );
}

const milestones = [
  ["norm_ratio", "its residual vector outgrows the others"],
  ["value_drain", "its value vector shrinks"],
  ["entropy_norm_min", "a layer compresses"],
  ["sink_rate_03", "the sink rate passes 0.1"],
];

// In words, what happened to the first token, earliest first.
export function orderOf(page, f) {
  const found = milestones
    .map(([quantity, words]) => ({ words, dates: datesOf(page, f.runs, quantity) }))
    .filter((l) => l.dates);
  return d3.sort(found, (l) => l.dates.middle).map((l) => `${l.words} by ${stepWords(l.dates.middle)}`);
}

function when(page, f) {
  if (!f.onset) return `Never: the sink rate of ${f.name} did not pass 0.1 for two evaluations.`;
  const number = d3.format(",");
  const { n, after, by } = f.onset;
  return sentences(
    `Between ${stepWords(after)} and ${number(by)} of ${number(f.steps)}, in ${n} of ${plural(f.n, "seed")}.`,
    `The order for the first token: ${orderOf(page, f).join(", ")}.`,
  );
}

function where(f) {
  const most = f.layers.filter((l) => l.rate > 0.1);
  const rest = f.layers.filter((l) => l.rate <= 0.1);
  const told = most.map((l) => `layer ${l.layer} (sink rate ${percent(l.rate)})`).join(", ");
  const hardly = d3.sort(rest.map((l) => l.layer)).join(", ");
  if (!most.length) return "In no layer.";
  return rest.length ? `In ${told}; hardly in layer ${hardly}.` : `In ${told}.`;
}

export function outcomeOf(f, reference) {
  if (!f.onset) return "no sink forms";
  if (f.rate < 0.75 * reference.rate) return "a weaker sink forms";
  return "a sink forms all the same";
}

// The keys in which a model differs from the reference, "(data.bos: none)".
function differences(cell, reference) {
  const changed = ([key, value]) => key !== "variant" && value !== reference.config[key];
  const keys = Object.entries(cell.config).filter(changed);
  const told = keys.map(([key, value]) => `${key}: ${value.replaceAll('"', "")}`).join(", ");
  return keys.length && keys.length < 4 ? ` (${told})` : "";
}

function whatStops(all, reference) {
  const others = all.filter((f) => f !== reference).slice(0, 5);
  const told = others.map((f) => {
    const date = f.onset ? `, by ${stepWords(f.onset.middle)} in ${f.onset.n} of ${plural(f.n, "seed")}` : "";
    const model = `${f.name}${differences(f.cell, reference.cell)}`;
    return `${model}: ${outcomeOf(f, reference)}, sink rate ${percent(f.rate)}${date}.`;
  });
  return sentences(...told);
}

// Final losses, and what they say of the sink's use.
export function lossWords({ all, reference }) {
  if (!reference || reference.loss === null) return "Loss falls while they train.";
  const told = all.filter((f) => f.loss !== null).slice(0, 6).map((f) => `${fixed(f.loss, 2)} (${f.name})`);
  const without = reference.onset ? all.filter((f) => !f.onset) : [];
  const well = without.some((f) => f.loss < reference.loss + 0.05);
  return sentences(
    `Validation loss over late targets ends at ${told.join(", ")} nats a token.`,
    without.length && well && "A model learns as well without a sink.",
    without.length && !well && "The models without a sink learn less well.",
  );
}

// ---- the top of the page ----

function conditions(page) {
  const { text, sequences, control } = scaleOf(page.series, page.cells);
  const masses = control.map((c) => c.toFixed(4)).join(", ");
  const rate = control.some((c) => c > 0.3) ? "up to 1" : "0";
  return sentences(
    `${text}; probe main: ${sequences} held-out sequences; medians over finished seeds.`,
    masses &&
      `Uniform control: evenly spread attention gives key 0 a mass of ${masses}, a sink rate of ${rate}.`,
  );
}

// The claim of the sweep with the most runs.
function claimOf(page) {
  const [sweep] = ask(
    page.db,
    `SELECT claim FROM sweep WHERE claim IS NOT NULL
     ORDER BY (SELECT count(*) FROM sweep_run WHERE sweep = sweep.id) DESC, id`,
  );
  return sentences(
    sweep?.claim ?? "Small GPTs, measured at every step while they train:",
    !sweep && "which heads begin to look at the first token, when, and what stops them.",
  );
}

export function tellStory(page) {
  const { all, reference } = page.facts;
  const unfinished = [["What came of it", "No run has finished yet."]];
  const points = !reference
    ? unfinished
    : [
        ["What forms", whatForms(reference)],
        ["When", when(page, reference)],
        ["Where", where(reference)],
        ["What stops it", whatStops(all, reference)],
      ].filter(([, words]) => words);
  const items = d3.select("#story").selectAll("div").data(points).join("div");
  items.append("dt").text(([name]) => name);
  items.append("dd").text(([, words]) => words);
  document.getElementById("claim").textContent = claimOf(page);
  document.getElementById("loss-words").textContent = lossWords(page.facts);
  document.getElementById("scale").textContent = conditions(page);
}
