// Owns: which runs are shown (a sweep's or all, on one text), their cells (runs that differ in the seed alone), the cells'
// names and axes, the baseline's. Does not own: what was measured in them (data.js, facts.js).
import { ask } from "./data.js";

// The sweeps that have runs here, the largest first.
export const readSweeps = (db) =>
  ask(
    db,
    `SELECT w.id, w.name, w.claim, (SELECT count(*) FROM sweep_expect AS x WHERE x.sweep = w.id) AS expectations,
       count(DISTINCT s.run) AS runs FROM sweep AS w JOIN sweep_run AS s ON s.sweep = w.id
     GROUP BY w.id ORDER BY runs DESC, w.id`,
  );

// A configuration as dotted keys, without what tells runs of one cell apart.
function flatten(value, prefix, out) {
  for (const [key, v] of Object.entries(value)) {
    const name = prefix ? `${prefix}.${key}` : key;
    if (name === "run" || name === "seed" || name === "seeds") continue;
    if (v && typeof v === "object" && !Array.isArray(v)) flatten(v, name, out);
    else out[name] = JSON.stringify(typeof v === "boolean" ? Number(v) : v);
  }
  return out;
}

// What runs did before a key was born: the view young_key.
const youngSettings = (db) =>
  Object.fromEntries(
    ask(db, "SELECT key, value FROM young_key").map((r) => [r.key, JSON.stringify(r.value)]),
  );

export function readRuns(db, sweep) {
  const young = youngSettings(db);
  return ask(
    db,
    `SELECT id, key, variant, label, seed, status, steps, config, corpus, corpus_hash, tokenizer_hash,
            (SELECT T FROM eval WHERE run_id = id AND probe = 'main' ORDER BY step DESC LIMIT 1) AS T FROM run
     WHERE ?1 IS NULL OR id IN (SELECT run FROM sweep_run WHERE sweep = ?1) ORDER BY id`,
    [sweep?.id ?? null],
  ).map((r) => ({ ...r, settings: { ...young, ...flatten(JSON.parse(r.config), "", {}) } }));
}

// What runs were measured on: a text in a tokenizer's tokens, T of them a row. No figure of one may be held against that of
// another. Those of most runs first: {name, runs}.
export function readTexts(runs) {
  const setting = (r, key) => bare(r.settings[key]);
  const tokens = (r) => r.tokenizer_hash ?? `${setting(r, "data.tokenizer")} ${setting(r, "data.vocab")}`;
  const lengthOf = (r) => r.T ?? setting(r, "model.context"),
    titleOf = ([r]) => `${r.corpus ?? setting(r, "data.source")}, T = ${lengthOf(r)}`;
  const groups = [
    ...d3.group(runs, (r) => JSON.stringify([r.corpus_hash ?? r.corpus, tokens(r), lengthOf(r)])).values(),
  ];
  // Of one name are other contents, or other tokens.
  const twice = (group) => groups.some((g) => g !== group && titleOf(g) === titleOf(group));
  const mark = ([r]) => `, ${(r.corpus_hash ?? "").slice(0, 6)} in ${tokens(r).slice(0, 6)}`;
  return d3.sort(
    groups.map((own) => ({ name: titleOf(own) + (twice(own) ? mark(own) : ""), runs: own })),
    (t) => -t.runs.length,
  );
}

// A label's values in words: what a sweep file leaves open is null there.
export const spoken = (label) => label.replace(/=null\b/g, "=none");
const bare = (value) => (value === "null" ? "none" : (value ?? "-").replaceAll('"', ""));

// ---- cells of a sweep: as its file, and so the terminal, names them ----

// "lr=0.001 bos=none" as {lr: "0.001", bos: "none"}; a value may hold blanks.
export const axesOf = (label) =>
  Object.fromEntries(
    label
      .split(/ (?=[\w.]+=)/)
      .filter((part) => part.includes("="))
      .map((part) => [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)]),
  );

function cellsOfSweep(db, sweep, runs) {
  const places = ask(
    db,
    `SELECT c.cell, c.label, c.side, s.run FROM sweep_cell AS c
     JOIN sweep_run AS s ON s.sweep = c.sweep AND s."index" = c."index" WHERE c.sweep = ? ORDER BY c.cell`,
    [sweep.id],
  );
  const byId = d3.index(runs, (r) => r.id);
  const here = places.filter((p) => byId.has(p.run));
  return [...d3.group(here, (p) => p.cell).values()].map((group) => {
    const [{ label, side }] = group,
      own = group.map((p) => byId.get(p.run));
    // A variant's name stands for itself; a sweep's only cell is called "all", its model by its own name.
    const name = label.includes("=") ? spoken(label).replace(/\bvariant=/, "") : own[0].label || own[0].variant;
    return { name, axes: axesOf(spoken(label)), side, runs: own };
  });
}

// ---- cells of runs without a sweep: their label or variant, and the keys in which those of one name differ ----

// Keys that tell cells apart, without those that only go with an earlier one (kv_heads with heads).
function tellingKeys(cells) {
  const patterns = new Set();
  const keys = new Set(cells.flatMap((c) => Object.keys(c.settings)));
  return [...keys].filter((key) => {
    const values = cells.map((c) => c.settings[key]),
      distinct = [...new Set(values)],
      pattern = values.map((v) => distinct.indexOf(v)).join();
    return distinct.length > 1 && !patterns.has(pattern) && patterns.add(pattern);
  });
}

function cellsOfRuns(runs) {
  const groups = d3.group(runs, (r) =>
    JSON.stringify([r.variant, r.label, Object.entries(r.settings).sort()]),
  );
  const cells = [...groups.values()].map((own) => ({
    ...own[0],
    base: own[0].label || own[0].variant,
    runs: own,
  }));
  const families = [...d3.group(cells, (c) => c.base).values()].map((family) => ({
    family,
    keys: tellingKeys(family),
  }));
  const all = [...new Set(families.flatMap(({ keys }) => keys))];
  const said = (c, keys) => keys.map((k) => [k.split(".").pop(), bare(c.settings[k])]);
  for (const { family, keys } of families)
    for (const c of family) {
      // What most of a name's models have goes without saying.
      const rare = keys.filter((k) => 2 * family.filter((o) => o.settings[k] === c.settings[k]).length <= family.length);
      c.name = [c.base, ...said(c, rare).map(([k, v]) => `${k}=${v}`)].join(" ");
      c.usual = said(c, keys.filter((k) => !rare.includes(k)));
      c.axes = { model: c.base, ...Object.fromEntries(said(c, all)) };
    }
  return d3.sort(cells, (c) => c.variant !== "baseline");
}

// ---- both ----

// What the sweep holds the other sides against: as its claim says, or its file (compare), which expects nothing of it; null
// where neither does.
export const baselineOf = (db, sweep) =>
  sweep &&
  (ask(
    db,
    `SELECT baseline FROM (SELECT baseline, place FROM sweep_expect WHERE sweep = ?1 AND baseline <> ''
     UNION ALL SELECT value, 1e9 FROM page_note WHERE name = 'baseline of ' || ?2) ORDER BY place LIMIT 1`,
    [sweep.id, sweep.name],
  )[0]?.baseline ??
    null);

// runs: of the sweep, or of all, those that may be compared.
export function readCells(db, sweep, runs) {
  const baseline = baselineOf(db, sweep);
  const named = sweep ? cellsOfSweep(db, sweep, runs) : [];
  const cells = named.length ? named : cellsOfRuns(runs);
  return cells.map(({ name, axes, side, usual = [], runs: own }, index) => ({
    name,
    usual, // settings that its name leaves out: [key, value]
    axes,
    index,
    variant: own[0].variant,
    settings: own[0].settings,
    runs: d3.sort(own, (r) => r.seed),
    shown: false,
    isBaseline: baseline === null ? own[0].variant === "baseline" : side === baseline,
  }));
}

// The axes along which cells differ, in order: {name, values, numeric, log}.
export function readAxes(cells) {
  const names = [...new Set(cells.flatMap((c) => Object.keys(c.axes)))];
  return names
    .map((name) => {
      const values = [...new Set(cells.map((c) => c.axes[name] ?? "-"))],
        numbers = values.map(Number),
        numeric = numbers.every(Number.isFinite);
      // Rates and sizes are varied by factors.
      const log = numeric && d3.min(numbers) > 0 && d3.max(numbers) >= 8 * d3.min(numbers);
      return { name, values: numeric ? d3.sort(values, Number) : values, numeric, log };
    })
    .filter((a) => a.values.length > 1);
}
