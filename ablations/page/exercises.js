// Owns: section 7: exercises to be answered by a query; the solution's rows, asked of this database, check the answer.
// Does not own: the console (console.js).
import { plural } from "./data.js";
import { query } from "./console.js";

const exercises = [
  {
    task: "How high does the sink rate (eps = 0.3) of any finished run end? One number.",
    hint: "final",
    sql: "SELECT max(sink_rate_03) FROM final;",
  },
  {
    task: "How far above chance does each finished run end: its first-key mass minus the uniform control? A row a run.",
    hint: "final: sink_mass, uniform_mass",
    sql: "SELECT run_id, sink_mass - uniform_mass FROM final;",
  },
  {
    task: "Which head gives the first key most attention at its run's last step? Of the first run that has heads: layer and head.",
    hint: "step_head",
    columns: 2,
    sql: `SELECT layer, head FROM step_head WHERE run_id = (SELECT min(run_id) FROM step_head)
ORDER BY step DESC, first_mass DESC LIMIT 1;`,
  },
  {
    task: "At which evaluation of probe main is the sink rate above 0.3 for the first time? A row a run in which it ever is.",
    hint: "eval: run_id, step, probe, sink_rate_03",
    sql: "SELECT run_id, min(step) FROM eval WHERE probe = 'main' AND sink_rate_03 > 0.3 GROUP BY run_id;",
  },
  {
    task: "What does each variant pay: its mean difference in late validation loss to the baseline of the same seed? A row a variant.",
    hint: "paired: variant, d_val_loss_late",
    sql: `SELECT variant, avg(d_val_loss_late) FROM paired
WHERE d_val_loss_late IS NOT NULL GROUP BY variant;`,
  },
  {
    task: "How many steps after the sink rate does the norm ratio pass its threshold (negative: before)? A row a run in which both do.",
    hint: "onset: run_id, quantity (norm_ratio, sink_rate_03), first_after",
    sql: `SELECT run_id, n.first_after - s.first_after FROM onset AS n JOIN onset AS s USING (run_id)
WHERE n.quantity = 'norm_ratio' AND s.quantity = 'sink_rate_03' AND n.first_after + s.first_after > 0;`,
  },
];

// The last columns, as many as the solution asks for, in order: names and the order of rows are the reader's.
const answersOf = ({ values }, columns) =>
  d3.sort(
    values.map((row) => row.slice(-columns)),
    (row) => +row.at(-1),
    (row) => +row[0],
  );

const isClose = (x, y) =>
  typeof x === "number" && typeof y === "number"
    ? Math.abs(x - y) <= 1e-6 * Math.max(1, Math.abs(y))
    : x === y;

// In words, whether a query answers as the solution does.
function judge(db, sql, solution) {
  const wanted = query(db, solution.sql),
    { columns = 1 } = solution;
  let got;
  try {
    got = query(db, sql);
  } catch (error) {
    return error.message;
  }
  if (got.values.length !== wanted.values.length)
    return `Not yet: ${plural(got.values.length, "row")}, the answer has ${wanted.values.length}.`;
  const [mine, right] = [got, wanted].map((result) => answersOf(result, columns));
  const same = right.every(
    (row, i) => mine[i].length === row.length && row.every((v, k) => isClose(mine[i][k], v)),
  );
  return same ? "Right." : "Not yet: as many rows, but other values in the last column.";
}

export function startExercises(page, showQuery) {
  const items = d3
    .select("#exercises")
    .selectAll("li")
    .data(exercises.filter((e) => query(page.db, e.sql).values.length))
    .join("li");
  items.selectAll("*").remove();
  items.append("p").text((e) => e.task);
  const text = items
    .append("textarea")
    .attr("rows", 2)
    .attr("spellcheck", "false")
    .attr("aria-label", (e) => `SQL for: ${e.task}`)
    .attr("placeholder", (e) => `SQL over ${e.hint}`);
  const row = items.append("p").attr("class", "row");
  row
    .append("button")
    .attr("type", "button")
    .text("Check")
    .on("click", function (_, e) {
      const item = this.closest("li"),
        sql = item.querySelector("textarea").value.trim(),
        said = item.querySelector("output");
      said.textContent = sql ? judge(page.db, sql, e) : "Nothing to check yet.";
      item.classList.toggle("solved", said.textContent === "Right.");
    });
  row.append("output");
  const solution = items.append("details");
  solution.append("summary").text("Solution");
  solution
    .append("pre")
    .attr("tabindex", 0)
    .text((e) => e.sql);
  solution
    .append("button")
    .attr("type", "button")
    .text("Run it in the console")
    .on("click", (_, e) => showQuery(e.sql));
  document.getElementById("s-exercises").hidden = items.empty();
}
