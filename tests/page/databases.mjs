// Owns: databases made up for the page's tests, in the schema of train/schema.sql: a sink that grows in the
// baseline and nowhere else. Does not own: any expectation.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const literal = (v) => {
  if (v === null || v === undefined) return "NULL";
  if (typeof v === "number") return String(Math.round(v * 1e6) / 1e6);
  return Buffer.isBuffer(v) ? `x'${v.toString("hex")}'` : `'${String(v).replaceAll("'", "''")}'`;
};

// A row by its columns; what is not named is NULL or the column's default.
const insert = (table, row) =>
  `INSERT INTO ${table} ("${Object.keys(row).join('", "')}") VALUES (${Object.values(row).map(literal).join(", ")});`;

// How far the sink has grown at a step, 0 to 1.
const growth = (run, step) =>
  run.variant === "baseline" && !run.flat
    ? (run.strength ?? 1) / (1 + Math.exp(-(step - 0.35 * run.steps - 20 * run.seed) / (0.05 * run.steps)))
    : 0.03;
const places = (d) =>
  Array.from({ length: d.layers * d.heads }, (_, i) => [Math.floor(i / d.heads), i % d.heads]);
// Between -1 and 1, so that nothing packs better than what is measured.
const noise = (...place) =>
  2 * (Math.abs(Math.sin(place.reduce((sum, v, i) => sum + v * (12.9898 + 65.12 * i), 0)) * 43758.5453) % 1) -
  1;
// Heads differ: some sink, some do not.
const share = (layer, head) => ((layer * 7 + head * 3) % 5) / 4;

const lossAt = (run, step) => 3 + 5 * Math.exp((-4 * step) / run.steps);

function* stepRows(run, d) {
  for (let step = 1; step <= run.reached; step += run.ends ? run.reached - 1 : 1) {
    const broken = run.status === "diverged" && step === run.reached;
    const loss = broken ? null : lossAt(run, step) + 0.1 * noise(run.id, step);
    yield insert("step", { run_id: run.id, step, tokens: step * 2048, loss, grad_norm: 1, lr: 1e-3, ms: 10 });
    for (const [layer, head] of places(d)) {
      const first_mass =
        0.127 + 0.7 * growth(run, step) * share(layer, head) + 0.02 * noise(run.id, step, layer, head);
      yield insert("step_head", { run_id: run.id, step, layer, head, first_mass, value_ratio: 1 });
    }
  }
}

// What is read at an evaluation of probe main where the sink has grown to g, of the model and of a layer.
const evalAt = (g) => ({
  sink_rate_03: 0.6 * g,
  sink_mass: 0.127 + 0.3 * g,
  uniform_mass: 0.126828,
  max_mass: 0.13 + 0.6 * g,
  mixing: 0.8,
  value_drain: 1 - 0.8 * g,
  norm_ratio: 1 + 12 * g,
  entropy_norm_min: 0.9 - 0.6 * g,
});
const layerAt = (g, layer, layers, { phases }) => ({
  sink_rate_03: (0.6 * g * layer) / layers,
  sink_mass: 0.2,
  mixing: phases === false ? null : 0.9 - 0.1 * layer * g,
  norm_ratio: 1 + (12 * g * (layer + 1)) / layers,
  entropy: 3.4 * (0.9 - 0.6 * g),
  entropy_norm: 0.9 - 0.6 * g,
  dom_ratio_first: 4 + 30 * g,
  dom_ratio_rest: 4,
  super_ratio: 2 + 50 * g,
  bound_entropy: 3.3,
});

function* evalRows(run, d) {
  const every = Math.max(1, Math.floor(run.steps / 50));
  for (let step = 0; step <= run.reached; step += every) {
    const g = growth(run, step);
    const at = { run_id: run.id, step };
    const main = { ...at, probe: "main" };
    yield insert("eval", {
      ...main,
      T: run.T ?? run.context ?? d.T,
      sequences: 100,
      val_loss: lossAt(run, step),
      val_loss_late: lossAt(run, step),
      val_loss_16k: lossAt(run, step),
      ...evalAt(g),
    });
    // A change that takes the sink away, measured on kept checkpoints.
    if (d.effects && step % (5 * every) === 0)
      yield insert("eval", {
        ...main,
        probe: "main do off(mlp 0)",
        T: d.T,
        sequences: 100,
        ...evalAt(0.1 * g),
      });
    for (let layer = 0; layer < d.layers; layer++) {
      yield insert("eval_layer", { ...main, layer, ...layerAt(g, layer, d.layers, d) });
      if (step % (5 * every)) continue;
      const value = g < 0.5 ? 1 : layer === 0 ? 2 : 3;
      if (d.phases === false) continue;
      const out_variance_ratio = 2 + 5 * g + layer;
      yield insert("metric", { ...at, name: `main.layer.${layer}.phase`, value });
      yield insert("eval_layer", { ...at, probe: "random", layer, out_variance_ratio });
    }
  }
}

// A lower triangle whose first column takes what the sink takes; the rest is even.
function triangle(T, mass) {
  const bytes = [];
  for (let q = 0; q < T; q++)
    for (let k = 0; k <= q; k++)
      bytes.push(
        q === 0
          ? 255
          : Math.round(255 * (k ? (1 - Math.max(mass, 1 / (q + 1))) / q : Math.max(mass, 1 / (q + 1)))),
      );
  return Buffer.from(bytes);
}

function* mapRows(run, d) {
  const words = [
    "<bos>",
    "The",
    " sink",
    " of",
    " a",
    " model",
    " is",
    " where",
    " it",
    " looks",
    " when",
    " nothing",
    " else",
    " calls",
    ".",
  ];
  const row = { run_id: run.id, probe: "main", sequence: 0 };
  for (let t = 0; t < d.T; t++)
    yield insert("map_token", {
      ...row,
      position: t,
      token: t,
      text: d.words?.[t] ?? words[t % words.length],
    });
  const steps = new Set(Array.from({ length: 40 }, (_, i) => Math.round((run.reached * i) / 39)));
  for (const step of steps)
    for (const [layer, head] of places(d)) {
      const data = triangle(d.T, 0.8 * growth(run, step) * share(layer, head));
      yield insert("map", { ...row, step, layer, head, T: d.T, data });
    }
}

// d: runs (variant, label, seed, status, steps, reached, ends: the first and last step alone, lr, flat: no sink, corpus,
// context: of training, T: of evaluations), layers, heads, T; evals, maps, phases: whether there are any.
export function makeDatabase(path, d) {
  const ask = (input) => execFileSync("sqlite3", [path], { input, maxBuffer: 1 << 28, encoding: "utf8" });
  ask(readFileSync("train/schema.sql"));
  const sql = [ask(readFileSync("train/schema_views.sql")), "PRAGMA journal_mode = WAL; BEGIN;"];
  d.runs.forEach((r, i) => {
    const run = { label: "", seed: 0, status: "done", steps: 300, ...r, id: i + 1 };
    run.reached ??= run.steps;
    const config = {
      variant: run.variant,
      seed: run.seed,
      model: {
        layers: d.layers,
        context: run.context ?? d.T,
        heads: run.heads ?? d.heads,
        kv_heads: run.heads ?? d.heads,
      },
      data: { bos: run.bos ?? "row" },
      optim: { lr: run.lr ?? 1e-3 },
    };
    const { id, variant, label, seed, status, steps, corpus } = run;
    const key = String(id).padStart(32, "0");
    sql.push(insert("run", { id, key, variant, label, seed, corpus, config: JSON.stringify(config), status, steps }));
    sql.push(...stepRows(run, d));
    if (d.evals !== false) sql.push(...evalRows(run, d));
    if (d.maps !== false && run.reached) sql.push(...mapRows(run, d));
  });
  (d.sweeps ?? [{ name: "made-up", claim: d.claim, of: () => Boolean(d.claim) }]).forEach((sweep, i) =>
    sql.push(...sweepRows(sweep, i + 1, d)),
  );
  sql.push("COMMIT;");
  ask(sql.join("\n"));
  execFileSync("./sinklab", ["merge", path, "--quiet"]); // the view that the program writes itself
}

// A sweep of the runs that `of` picks; cell: what the program would have written of a run, {label, side, stratum}.
function* sweepRows({ name, claim, of = () => true, cell, expect, file = "" }, id, d) {
  const own = d.runs.map((run, i) => ({ run, id: i + 1 })).filter(({ run }) => of(run));
  if (!own.length) return;
  yield insert("sweep", { id, name, file, claim, source: claim });
  const labels = cell ? [...new Set(own.map(({ run }) => cell(run).label))] : [];
  for (const [index, { run, id: runId }] of own.entries()) {
    yield insert("sweep_run", { sweep: id, index, run: runId });
    if (!cell) continue;
    const place = cell(run);
    yield insert("sweep_cell", { sweep: id, index, cell: labels.indexOf(place.label), ...place, judges: 1 });
  }
  for (const [place, row] of (expect ?? []).entries())
    yield insert("sweep_expect", { sweep: id, place, ...row });
  if (expect)
    yield "INSERT OR IGNORE INTO t_quantile VALUES (1, 1, 12.706), (1, 2, 4.303), (2, 1, 25.452), (2, 2, 6.205);";
}

const variants = ["baseline", "no_bos", "head_rmsnorm"];
const cross = (names, seeds, more = {}) =>
  names.flatMap((variant) => Array.from({ length: seeds }, (_, seed) => ({ variant, seed, ...more })));
const small = { layers: 4, heads: 2, T: 32 };

// What people may find in a database.
export const kinds = {
  story: {
    ...small,
    runs: cross(variants, 3),
    effects: true,
    claim: "A sink forms in the baseline and in no other.",
  },
  flat: { ...small, runs: cross(["baseline"], 1, { flat: true }) },
  apart: {
    ...small,
    runs: [...cross(["baseline", "no_bos"], 1), { variant: "head_rmsnorm", context: 64 }],
    maps: false,
  },
  one: { ...small, runs: cross(["baseline"], 1) },
  // A merged database: a sweep's rates on two texts and two lengths.
  texts: {
    ...small,
    runs: [["gcide", 32], ["gcide", 64], ["kernel", 32]].flatMap(([corpus, context]) =>
      (corpus === "gcide" ? [3e-4, 1e-3, 3e-3] : [1e-3]).flatMap((lr) =>
        cross(["baseline"], context === 32 ? 2 : 1, { corpus, context, lr }),
      ),
    ),
    maps: false,
    phases: false,
  },
  // Models of two contexts, measured on rows of one length: sinks may be compared, losses not.
  lengths: {
    ...small,
    runs: [32, 64].flatMap((context) => cross(["baseline", "no_bos"], 2, { context, T: 32 })),
    maps: false,
  },
  // Models that differ from most in one setting each, and a seed that stands there twice.
  usual: {
    ...small,
    runs: [
      ...cross(["baseline"], 1),
      ...cross(["baseline"], 1),
      ...cross(["baseline"], 1, { heads: 4 }),
      ...cross(["baseline"], 1, { lr: 3e-3 }),
    ],
    maps: false,
  },
  // Eight rates, the last of which has the sink.
  last: {
    ...small,
    runs: Array.from({ length: 8 }, (_, i) => i).flatMap((i) => cross(["baseline"], 1, { lr: 1e-3 * (i + 1), flat: i < 7, steps: 60 })),
  },
  // More models than there are colours.
  seventeen: {
    ...small,
    runs: Array.from({ length: 17 }, (_, i) => ({ variant: i ? `variant_${i}` : "baseline", steps: 60 })),
    maps: false,
  },
  // A sweep that compares and expects nothing; its file writes the number in another way.
  compares: {
    ...small,
    runs: [3e-4, 1e-3, 3e-3].flatMap((lr, i) => cross(["baseline"], 2, { lr, strength: 0.2 + 0.4 * i })),
    maps: false,
    sweeps: [
      {
        name: "compares",
        file: "name: compares\ngrid:\n  optim.lr: [3e-4, 1e-3, 3e-3]\ncompare: {axis: optim.lr, baseline: 1e-3}\n",
        cell: (r) => ({ label: `lr=${r.lr}`, side: `lr=${r.lr}`, stratum: "all" }),
      },
    ],
  },
  // One has every step, the other comes from results files.
  ends: { ...small, runs: [...cross(["baseline"], 1), ...cross(["no_bos"], 1, { ends: true })], maps: false },
  // Of two models without BOS one has another rate, too: it is no answer to what BOS is worth.
  two_changes: {
    ...small,
    runs: [
      ...cross(["baseline"], 2),
      ...cross(["no_bos"], 2, { bos: "none", lr: 3e-3, flat: true }),
      ...cross(["no_bos"], 2, { bos: "none", flat: true }),
    ],
    maps: false,
  },
  empty: { ...small, runs: [] },
  no_probes: { ...small, runs: cross(variants, 1, { steps: 60 }), evals: false, maps: false },
  diverged: {
    ...small,
    runs: [
      ...cross(["baseline"], 1),
      ...cross(["no_bos"], 2, { status: "diverged", reached: 40 }),
      { variant: "head_rmsnorm", status: "queued", reached: 0 },
    ],
  },
  many: {
    ...small,
    runs: [1e-4, 3e-4, 1e-3, 3e-3].flatMap((lr) => cross(variants, 5, { lr, steps: 200 })),
    maps: false,
  },
  thirty: {
    ...small,
    runs: cross(["baseline", "no_bos", "head_rmsnorm", "sigmoid", "window", "alibi"], 5, { steps: 600 }),
  },
  // Three sweeps in one database: the larger is over rates in two strata, and names its cells as the program does.
  rates: {
    ...small,
    runs: ["row", "none"].flatMap((bos) =>
      [3e-4, 1e-3, 3e-3].flatMap((lr, i) =>
        cross(["baseline"], 3, { bos, lr, steps: 200, flat: bos === "none", strength: 0.2 + 0.4 * i }),
      ),
    ),
    maps: false,
    sweeps: [
      { name: "few", claim: "A claim of the smaller sweep.", of: (r) => r.lr === 1e-3 && r.bos === "row" },
      {
        name: "rates",
        claim: "A higher learning rate makes a stronger sink.",
        cell: (r) => ({ label: `lr=${r.lr} bos=${r.bos}`, side: `lr=${r.lr}`, stratum: `bos=${r.bos}` }),
        expect: [{ metric: "sink_rate_03", direction: "higher", beyond: 0.05, baseline: "lr=0.0003" }],
      },
      {
        name: "rows",
        of: (r) => r.lr > 3e-4,
        cell: (r) => ({ label: `lr=${r.lr} bos=${r.bos}`, side: `bos=${r.bos}`, stratum: `lr=${r.lr}` }),
        expect: [{ metric: "sink_rate_03", direction: "lower", beyond: 0.05, baseline: "bos=row" }],
      },
    ],
  },
  // A sweep over a setting that one side leaves open, two of whose models have a sink; and one of a single model.
  open: {
    ...small,
    T: 16,
    runs: ["null", "0", "1"].flatMap((init, i) => cross(["baseline"], 2, { init, strength: 1 - 0.2 * i, flat: init === "1" })),
    maps: false,
    sweeps: [
      {
        name: "open",
        cell: ({ init }) => ({ label: `init=${init}`, side: `init=${init}`, stratum: "all" }),
        expect: [{ metric: "sink_rate_03", direction: "higher", beyond: 0.05, baseline: "init=null" }],
      },
      { name: "alone", of: (r) => r.init === "0", cell: () => ({ label: "all", side: "all", stratum: "all" }) },
    ],
  },
  // Nothing sinks, whatever the heads.
  sinkless: {
    ...small,
    runs: [1, 2].flatMap((heads) => cross(["baseline"], 2, { heads, flat: true, steps: 100 })),
    maps: false,
  },
  hostile: {
    ...small,
    runs: [
      { variant: "</script><script>window.owned = 1</script>", steps: 60 },
      {
        variant: "baseline",
        label: `"quotes" 'and' <img src=x onerror="window.owned=2"> 🕳️ & \\`,
        steps: 60,
      },
    ],
    words: ["<bos>", "</script>", "<b>", "🕳️", "'", '"', "\n"],
    claim: "<script>window.owned = 3</script> 🕳️",
  },
};
