// Owns: the embedded database: unpacking it, asking it, and the series of its runs that figures share.
// Does not own: which runs are shown (cells.js), any drawing.

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = atob(base64),
    bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

export async function unpack(id) {
  const block = document.getElementById(id),
    packed = bytesOf(block.textContent);
  block.remove();
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export async function openDatabase() {
  const packed = ["node_modules/sql.js/dist/sql-wasm.wasm", "database"],
    [wasmBinary, bytes] = await Promise.all(packed.map(unpack));
  const SQL = await initSqlJs({ wasmBinary, useOldExtensionFunctions: false });
  return new SQL.Database(bytes);
}

// Rows as objects.
export function ask(db, sql, values = []) {
  const q = db.prepare(sql);
  const rows = [];
  try {
    q.bind(values);
    const names = q.getColumnNames();
    while (q.step()) {
      const row = q.get();
      rows.push(Object.fromEntries(names.map((name, i) => [name, row[i]])));
    }
  } finally {
    q.free();
  }
  return rows;
}

// The many rows of step_head, a run's when it is asked for.
function readHeads(db) {
  const runs = new Set(
    ask(db, "SELECT id FROM run WHERE EXISTS (SELECT 1 FROM step_head WHERE run_id = id)").map((r) => r.id),
  );
  const read = new Map();
  const sql =
    "SELECT step, layer, head, first_mass FROM step_head WHERE run_id = ? ORDER BY step, layer, head";
  return {
    has: (id) => runs.has(id),
    get: (id) => read.get(id) ?? read.set(id, runs.has(id) ? ask(db, sql, [id]) : []).get(id),
  };
}

// phase of each layer of each run, which is kept as a metric by its name.
function readPhases(db) {
  const rows = ask(
    db,
    `SELECT run_id, step, value, CAST(substr(name, length('main.layer.') + 1) AS INTEGER) AS layer
                        FROM metric WHERE name GLOB 'main.layer.*.phase' ORDER BY run_id, step`,
  );
  return d3.group(
    rows,
    (r) => r.run_id,
    (r) => r.layer,
  );
}

// Everything that the figures draw, read once; the columns that they draw and no others.
export function readSeries(db) {
  const byRun = (sql) => d3.group(ask(db, sql), (r) => r.run_id);
  return {
    step: byRun("SELECT run_id, step, loss FROM step WHERE loss IS NOT NULL ORDER BY run_id, step"),
    head: readHeads(db),
    eval: byRun(`SELECT run_id, step, T, sequences, uniform_mass, mixing, norm_ratio, entropy_norm_min,
                 sink_rate_03, value_drain, val_loss_16k, val_loss_late FROM eval WHERE probe = 'main' ORDER BY run_id, step`),
    layer: d3.group(
      ask(
        db,
        `SELECT run_id, step, layer, mixing, entropy_norm, norm_ratio, sink_rate_03
                             FROM eval_layer WHERE probe = 'main' ORDER BY run_id, step, layer`,
      ),
      (r) => r.run_id,
      (r) => r.step,
    ),
    phase: readPhases(db),
    random: byRun(`SELECT run_id, step, max(out_variance_ratio) AS out_variance_ratio FROM eval_layer
                   WHERE probe = 'random' AND out_variance_ratio IS NOT NULL
                   GROUP BY run_id, step ORDER BY run_id, step`),
    stream:
      byRun(`SELECT run_id, step, max(super_ratio) AS super_ratio, max(dom_ratio_first) AS dom_ratio_first,
                   max(dom_ratio_rest) AS dom_ratio_rest,
                   min(bound_entropy / nullif(entropy / nullif(entropy_norm, 0), 0)) AS bound
                   FROM eval_layer WHERE probe = 'main'
                   AND coalesce(super_ratio, dom_ratio_first, bound_entropy) IS NOT NULL
                   GROUP BY run_id, step ORDER BY run_id, step`),
    onset: byRun("SELECT run_id, quantity, threshold, last_before, first_after FROM onset"),
    mapSteps: byRun("SELECT DISTINCT run_id, step FROM map ORDER BY run_id, step"),
  };
}

// Steps at which the slider rests: where anything was measured.
export function sliderSteps(series, runs) {
  const steps = new Set([0]);
  for (const { id } of runs)
    for (const table of [series.step, series.eval, series.mapSteps])
      for (const { step } of table.get(id) ?? []) steps.add(step);
  return Uint32Array.from([...steps]).sort();
}

// The last row at or before a step.
export function lastAt(rows, step) {
  const i = d3.bisector((r) => r.step).right(rows ?? [], step) - 1;
  return i < 0 ? null : rows[i];
}

export const plural = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;

// What a figure was measured on, in a few words.
export function scaleOf(series, cells) {
  const runs = cells.flatMap((c) => c.runs);
  const evals = runs.flatMap((r) => series.eval.get(r.id)?.at(-1) ?? []);
  const T = [...new Set(evals.map((e) => e.T))].join(", ") || "?";
  const control = [...new Set(evals.map((e) => e.uniform_mass))].filter((v) => v !== null);
  const seeds = new Set(runs.map((r) => r.seed)).size;
  return {
    runs: runs.length,
    seeds,
    T,
    control,
    sequences: d3.max(evals, (e) => e.sequences) ?? 0,
    text: `n = ${plural(runs.length, "run")}, ${plural(seeds, "seed")}, T = ${T}, eps = 0.3`,
  };
}
