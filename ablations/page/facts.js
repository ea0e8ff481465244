// Owns: what came of each model in a few figures, and the sentences at the top of the page that say it.
// Does not own: how a figure is measured (train/schema.sql says), the lesson's words (lesson.js).
import { ask, scaleOf } from "./data.js";

export const percent = (share) => `${(100 * share).toFixed(0)}\u00a0%`;
export const stepWords = (n) => `step\u00a0${d3.format(",")(Math.ceil(n))}`;
export const medianOf = (rows, key) => d3.median(rows.filter((r) => r[key] !== null), (r) => r[key]);

// When a quantity passed its threshold in a cell's runs: the evaluations around it, first and last seed.
export function datesOf(page, runs, quantity) {
  const found = runs.map((r) => page.series.onset.get(r.id)?.find((o) => o.quantity === quantity))
    .filter((o) => o?.first_after != null);
  return found.length ? { n: found.length, after: d3.min(found, (o) => o.last_before ?? 0), by: d3.max(found, (o) => o.first_after),
                          middle: d3.median(found, (o) => o.first_after) } : null;
}

// Sink rate by layer at the last evaluation, mean over seeds, highest first.
function layersOf(page, runs) {
  const rows = runs.flatMap((r) => [...(page.series.layer.get(r.id)?.values() ?? [])].at(-1) ?? []);
  const rates = d3.rollups(rows.filter((r) => r.sink_rate_03 !== null), (v) => d3.mean(v, (r) => r.sink_rate_03), (r) => r.layer);
  return rates.map(([layer, rate]) => ({ layer, rate })).sort((x, y) => y.rate - x.rate);
}

// A cell's medians over its finished seeds; null where none has finished.
export function factsOf(page, cell) {
  const finals = page.finals.filter((f) => cell.runs.some((r) => r.id === f.run_id));
  const runs = cell.runs.filter((r) => finals.some((f) => f.run_id === r.id));
  const rate = medianOf(finals, "sink_rate_03");
  if (rate === undefined) return null;
  return {
    name: cell.name, cell, runs, rate, n: finals.length, steps: runs[0].steps,
    mass: medianOf(finals, "sink_mass"), uniform: medianOf(finals, "uniform_mass"), loss: medianOf(finals, "val_loss"),
    drain: medianOf(finals, "value_drain"), norm: medianOf(finals, "norm_ratio"),
    onset: datesOf(page, runs, "sink_rate_03"), firstHead: datesOf(page, runs, "first_mass"),
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

function whatForms(f) {
  const rate = `In ${f.name}, ${percent(f.rate)} of all (sequence, layer, head) end up giving the first key more than ${percent(0.3)} of their attention`;
  const mass = `Over all heads it gets ${percent(f.mass)}; spread evenly, attention would give it ${percent(f.uniform)}.`;
  return `${rate}${f.onset ? ": an attention sink" : ""}. ${mass}`;
}

const milestones = [["norm_ratio", "its residual vector outgrows the others"], ["value_drain", "its value vector shrinks"],
               ["entropy_norm_min", "a layer compresses"], ["sink_rate_03", "the sink rate passes 0.1"]];

// In words, what happened to the first token, earliest first.
export function orderOf(page, f) {
  const found = milestones.map(([quantity, words]) => ({ words, dates: datesOf(page, f.runs, quantity) })).filter((l) => l.dates);
  return d3.sort(found, (l) => l.dates.middle).map((l) => `${l.words} by ${stepWords(l.dates.middle)}`);
}

function when(page, f) {
  if (!f.onset) return `Never: the sink rate of ${f.name} did not pass 0.1 for two evaluations.`;
  const number = d3.format(","), { n, after, by } = f.onset;
  return `Between ${stepWords(after)} and ${number(by)} of ${number(f.steps)}, in ${n} of ${f.n} seed${f.n === 1 ? "" : "s"}. ` +
    `The order for the first token: ${orderOf(page, f).join(", ")}.`;
}

function where(f) {
  const most = f.layers.filter((l) => l.rate > 0.1), none = f.layers.filter((l) => l.rate <= 0.1).map((l) => l.layer);
  const told = most.map((l) => `layer ${l.layer} (sink rate ${percent(l.rate)})`).join(", ");
  return `${told ? `In ${told}` : "In no layer"}${most.length && none.length ? `; hardly in layer ${d3.sort(none).join(", ")}` : ""}.`;
}

export function outcomeOf(f, reference) {
  if (!f.onset) return "no sink forms";
  if (f.rate < 0.75 * reference.rate) return "a weaker sink forms";
  return "a sink forms all the same";
}

// The keys in which a model differs from the reference, "data.bos: none".
function differences(cell, reference) {
  const keys = Object.keys(cell.config).filter((k) => k !== "variant" && cell.config[k] !== reference.config[k]);
  return keys.length && keys.length < 4 ? ` (${keys.map((k) => `${k}: ${cell.config[k].replaceAll('"', "")}`).join(", ")})` : "";
}

function whatStops(all, reference) {
  const others = all.filter((f) => f !== reference).slice(0, 5);
  return others.map((f) => `${f.name}${differences(f.cell, reference.cell)}: ${outcomeOf(f, reference)}, sink rate ${percent(f.rate)}` +
    `${f.onset ? `, by ${stepWords(f.onset.middle)}` : ""}.`).join(" ");
}

// Final losses, and what they say of the sink's use.
export function lossWords({ all, reference }) {
  if (!reference) return "Loss falls while they train.";
  const told = all.slice(0, 6).map((f) => `${f.loss.toFixed(2)} (${f.name})`).join(", ");
  const without = all.filter((f) => !f.onset), well = without.some((f) => f.loss < reference.loss + 0.05);
  const moral = !reference.onset || !without.length ? "" : well ? " A model learns as well without a sink." : " The models without a sink learn less well.";
  return `Validation loss ends at ${told} nats a token.${moral}`;
}

export function tellStory(page) {
  const [sweep] = ask(page.db, "SELECT claim FROM sweep WHERE claim IS NOT NULL ORDER BY (SELECT count(*) FROM sweep_run WHERE sweep = sweep.id) DESC, id");
  document.getElementById("claim").textContent = sweep?.claim ??
    "Small GPTs, measured at every step while they train: which heads begin to look at the first token, when, and what stops them.";
  const { all, reference } = page.facts;
  const points = reference ? [["What forms", whatForms(reference)], ["When", when(page, reference)], ["Where", where(reference)],
                              ["What stops it", whatStops(all, reference)]] : [["What came of it", "No run has finished yet."]];
  const items = d3.select("#story").selectAll("div").data(points.filter(([, words]) => words)).join("div");
  items.append("dt").text(([name]) => name);
  items.append("dd").text(([, words]) => words);
  document.getElementById("loss-words").textContent = lossWords(page.facts);
  const scale = scaleOf(page.series, page.cells), controls = scale.control.map((c) => c.toFixed(4)).join(", ");
  document.getElementById("scale").textContent = `${scale.text}; probe main: ${scale.sequences} held-out sequences; medians over finished seeds. ` +
    (controls ? `Uniform control: evenly spread attention gives key 0 a mass of ${controls}, a sink rate of ${scale.control.some((c) => c > 0.3) ? "up to 1" : "0"}.` : "");
}
