// Owns: what came of each model in a few figures, and the words for such figures.
// Does not own: how a figure is measured (train/schema.sql says), sentences (story.js, lesson.js).
import { ask, plural } from "./data.js";

export const fixed = (value, digits) => (value == null ? "?" : value.toFixed(digits));
export const percent = (share) => `${fixed(share == null ? null : 100 * share, 0)}\u00a0%`;
export const stepWords = (n) => `step\u00a0${d3.format(",")(Math.ceil(n))}`;
export const medianOf = (rows, key) =>
  d3.median(
    rows.filter((r) => r[key] !== null),
    (r) => r[key],
  );

// When a quantity passed its threshold in a cell's runs: the evaluations around it, first and last seed.
function datesOf(page, runs, quantity) {
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

// A cell's medians over its finished seeds; null where none has finished. sinks: most seeds had an onset, and the rate ends
// above its threshold: what came in one seed, or came and went, is no sink of the model.
function factsOf(page, cell) {
  const finals = page.finals.filter((f) => cell.runs.some((r) => r.id === f.run_id));
  const runs = cell.runs.filter((r) => finals.some((f) => f.run_id === r.id));
  const rate = medianOf(finals, "sink_rate_03");
  if (rate === undefined) return null;
  const onset = datesOf(page, runs, "sink_rate_03");
  return {
    name: cell.name,
    cell,
    runs,
    rate,
    n: finals.length,
    unit: new Set(runs.map((r) => r.seed)).size === runs.length ? "seed" : "run", // a merged database may have a seed twice
    steps: runs[0].steps,
    targets: page.targets.get(runs[0].id),
    mass: medianOf(finals, "sink_mass"),
    uniform: medianOf(finals, "uniform_mass"),
    loss: medianOf(finals, "val_loss_late"),
    drain: medianOf(finals, "value_drain"),
    onset,
    sinks: rate > 0.1 && onset !== null && 2 * onset.n >= finals.length,
    layers: layersOf(page, runs),
  };
}

// reference: the model that the page holds the others against; of several baselines (one a stratum) the one of most finished
// seeds, then of the strongest sink. null where nothing has finished.
export function readFacts(page) {
  page.finals = ask(page.db, "SELECT * FROM final");
  page.targets = d3.index(ask(page.db, "SELECT run_id, whole, late FROM loss_scope"), (r) => r.run_id);
  const all = page.cells.map((cell) => factsOf(page, cell)).filter(Boolean);
  const baselines = all.filter((f) => f.cell.isBaseline);
  const [reference = null] = d3.sort(
    baselines.length ? baselines : all,
    (f) => -f.n,
    (f) => -f.rate,
  );
  return { all, reference, sinking: all.filter((f) => f.sinks), others: all.filter((f) => f !== reference) };
}

// Whether late losses are over the same targets, of two rows of the view loss_scope.
export const sameTargets = (a, b) => a.whole === b.whole || (a.late !== null && a.late === b.late);
export const sharesTargets = (f, reference) =>
  f.loss != null && reference.loss != null && sameTargets(f.targets, reference.targets);

// ---- words ----

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
  return d3.sort(found, (l) => l.dates.middle).map(({ words, dates: { n, middle } }) => {
    const some = n < f.n ? ` (${n} of ${plural(f.n, f.unit)})` : "";
    return `${words} ${middle > 0 ? `by ${stepWords(middle)}` : "before training"}${some}`;
  });
}

// How a sink came out against the reference's.
export const outcomes = [
  "no sink forms",
  "a weaker sink forms",
  "a sink forms all the same",
  "a stronger sink forms",
  "a sink forms",
];
export function outcomeOf(f, reference) {
  if (!f.sinks) return outcomes[0];
  if (!reference.sinks) return outcomes[4];
  if (f.rate < 0.75 * reference.rate) return outcomes[1];
  return f.rate > 1.25 * reference.rate ? outcomes[3] : outcomes[2];
}
