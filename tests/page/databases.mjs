// Owns: databases made up for the page's tests, in the schema of train/schema.sql: a sink that grows in the
// baseline and nowhere else. Does not own: any expectation.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const text = (v) => (v === null ? "NULL" : `'${String(v).replaceAll("'", "''")}'`);

// How far the sink has grown at a step, 0 to 1.
const growth = (run, step) => (run.variant === "baseline" && !run.flat ? 1 / (1 + Math.exp(-(step - 0.35 * run.steps - 20 * run.seed) / (0.05 * run.steps))) : 0.03);
// Between -1 and 1, so that nothing packs better than what is measured.
const noise = (...place) => 2 * (Math.abs(Math.sin(place.reduce((sum, v, i) => sum + v * (12.9898 + 65.12 * i), 0)) * 43758.5453) % 1) - 1;
// Heads differ: some sink, some do not.
const share = (layer, head) => ((layer * 7 + head * 3) % 5) / 4;
const round = (v) => Math.round(v * 1e6) / 1e6;

function* stepRows(run, d) {
  for (let s = 1; s <= run.reached; s++) {
    const loss = run.status === "diverged" && s === run.reached ? null : 3 + 5 * Math.exp((-4 * s) / run.steps) + 0.1 * noise(run.id, s);
    yield `INSERT INTO step VALUES (${run.id}, ${s}, ${s * 2048}, ${loss}, 1, 1e-3, 10, 0, 0);`;
    for (let l = 0; l < d.layers; l++)
      for (let h = 0; h < d.heads; h++)
        yield `INSERT INTO step_head VALUES (${run.id}, ${s}, ${l}, ${h}, ${round(0.127 + 0.7 * growth(run, s) * share(l, h) + 0.02 * noise(run.id, s, l, h))}, 1);`;
  }
}

function* evalRows(run, d) {
  const every = Math.max(1, Math.floor(run.steps / 50));
  for (let s = 0; s <= run.reached; s += every) {
    const g = growth(run, s);
    yield `INSERT INTO eval (run_id, step, probe, T, sequences, val_loss, sink_rate_03, sink_mass, uniform_mass, max_mass, mixing, value_drain, norm_ratio, entropy_norm_min)
      VALUES (${run.id}, ${s}, 'main', ${d.T}, 100, ${round(3 + 5 * Math.exp((-4 * s) / run.steps))}, ${round(0.6 * g)}, ${round(0.127 + 0.3 * g)}, 0.126828, ${round(0.13 + 0.6 * g)}, 0.8, ${round(1 - 0.8 * g)}, ${round(1 + 12 * g)}, ${round(0.9 - 0.6 * g)});`;
    for (let l = 0; l < d.layers; l++) {
      yield `INSERT INTO eval_layer (run_id, step, probe, layer, sink_rate_03, sink_mass, mixing, norm_ratio, entropy, entropy_norm, dom_ratio_first, dom_ratio_rest, super_ratio, bound_entropy)
        VALUES (${run.id}, ${s}, 'main', ${l}, ${round((0.6 * g * l) / d.layers)}, 0.2, ${round(0.9 - 0.1 * l * g)}, ${round(1 + (12 * g * (l + 1)) / d.layers)}, ${round(3.4 * (0.9 - 0.6 * g))}, ${round(0.9 - 0.6 * g)}, ${round(4 + 30 * g)}, 4, ${round(2 + 50 * g)}, 3.3);`;
      const phase = g < 0.5 ? 1 : l === 0 ? 2 : 3;
      if (s % (5 * every) === 0) yield `INSERT INTO metric VALUES (${run.id}, ${s}, 'main.layer.${l}.phase', ${phase});`;
      if (s % (5 * every) === 0) yield `INSERT INTO eval_layer (run_id, step, probe, layer, out_variance_ratio) VALUES (${run.id}, ${s}, 'random', ${l}, ${round(2 + 5 * g + l)});`;
    }
  }
}

// A lower triangle whose first column takes what the sink takes; the rest is even.
function triangle(T, mass) {
  const bytes = [];
  for (let q = 0; q < T; q++)
    for (let k = 0; k <= q; k++) bytes.push(q === 0 ? 255 : Math.round(255 * (k ? (1 - Math.max(mass, 1 / (q + 1))) / q : Math.max(mass, 1 / (q + 1)))));
  return Buffer.from(bytes).toString("hex");
}

function* mapRows(run, d) {
  const words = ["<bos>", "The", " sink", " of", " a", " model", " is", " where", " it", " looks", " when", " nothing", " else", " calls", "."];
  for (let t = 0; t < d.T; t++) yield `INSERT INTO map_token VALUES (${run.id}, 'main', 0, ${t}, ${t}, ${text(d.words?.[t] ?? words[t % words.length])});`;
  for (let i = 0; i < 40; i++) {
    const step = Math.round((run.reached * i) / 39);
    for (let l = 0; l < d.layers; l++)
      for (let h = 0; h < d.heads; h++)
        yield `INSERT OR IGNORE INTO map VALUES (${run.id}, ${step}, 'main', 0, ${l}, ${h}, ${d.T}, x'${triangle(d.T, 0.8 * growth(run, step) * share(l, h))}');`;
  }
}

// d: runs (variant, label, seed, status, steps, reached, lr), layers, heads, T; evals, maps: whether there are any.
export function makeDatabase(path, d) {
  const sql = [readFileSync("train/schema.sql", "utf8"), "PRAGMA journal_mode = WAL; BEGIN;"];
  d.runs.forEach((r, i) => {
    const run = { label: "", seed: 0, status: "done", steps: 300, ...r, id: i + 1 };
    run.reached ??= run.steps;
    const config = { variant: run.variant, seed: run.seed, model: { layers: d.layers, context: d.T }, optim: { lr: run.lr ?? 1e-3 } };
    sql.push(`INSERT INTO run (id, key, variant, label, seed, config, status, steps) VALUES (${run.id}, '${String(run.id).padStart(32, "0")}', ${text(run.variant)}, ${text(run.label)}, ${run.seed}, ${text(JSON.stringify(config))}, '${run.status}', ${run.steps});`);
    sql.push(...stepRows(run, d));
    if (d.evals !== false) sql.push(...evalRows(run, d));
    if (d.maps !== false && run.reached) sql.push(...mapRows(run, d));
  });
  if (d.claim) sql.push(`INSERT INTO sweep (id, name, file, claim, source) VALUES (1, 'made-up', '', ${text(d.claim)}, ${text(d.claim)});`,
    ...d.runs.map((_, i) => `INSERT INTO sweep_run VALUES (1, ${i}, ${i + 1});`));
  sql.push("COMMIT;");
  execFileSync("sqlite3", [path], { input: sql.join("\n"), maxBuffer: 1 << 28 });
}

const variants = ["baseline", "no_bos", "head_rmsnorm"];
const cross = (names, seeds, more = {}) => names.flatMap((variant) => Array.from({ length: seeds }, (_, seed) => ({ variant, seed, ...more })));
const small = { layers: 4, heads: 2, T: 32 };

// What people may find in a database.
export const kinds = {
  story: { ...small, runs: cross(variants, 3), claim: "A sink forms in the baseline and in no other." },
  flat: { ...small, runs: cross(["baseline"], 1, { flat: true }) },
  one: { ...small, runs: cross(["baseline"], 1) },
  no_probes: { ...small, runs: cross(variants, 1, { steps: 60 }), evals: false, maps: false },
  diverged: { ...small, runs: [...cross(["baseline"], 1), ...cross(["no_bos"], 2, { status: "diverged", reached: 40 }), { variant: "head_rmsnorm", status: "queued", reached: 0 }] },
  many: { ...small, runs: [1e-4, 3e-4, 1e-3, 3e-3].flatMap((lr) => cross(variants, 5, { lr, steps: 200 })), maps: false },
  thirty: { ...small, runs: cross(["baseline", "no_bos", "head_rmsnorm", "sigmoid", "window", "alibi"], 5, { steps: 600 }) },
  hostile: { ...small, runs: [
    { variant: "</script><script>window.owned = 1</script>", steps: 60 },
    { variant: "baseline", label: `"quotes" 'and' <img src=x onerror="window.owned=2"> 🕳️ & \\`, steps: 60 }],
    words: ["<bos>", "</script>", "<b>", "🕳️", "'", '"', "\n"], claim: "<script>window.owned = 3</script> 🕳️" },
};
