// Owns: the SQL console: menu, text, rows, plot. Does not own: the queries (ablations/queries).
import { ask, plural } from "./data.js";
import { drawTable } from "./tables.js";
import { palette } from "./scales.js";

const ROWS = 500;

// Names and arrays; everything is read only.
export function query(db, sql) {
  const results = db.exec(sql);
  return results.at(-1) ?? { columns: [], values: [] };
}

const isNumber = (rows, i) =>
  rows.some((r) => typeof r[i] === "number") && rows.every((r) => r[i] === null || typeof r[i] === "number");

// Two numeric columns make a plot, a text column with few values its colours.
function plotRows({ columns, values }, width) {
  const numeric = columns.map((_, i) => i).filter((i) => isNumber(values, i));
  if (numeric.length < 2 || values.length < 2) return null;
  const step = numeric.find((i) => columns[i] === "step") ?? numeric[0];
  const other = numeric.findLast((i) => i !== step && columns[i] !== "seed");
  const text = columns.findIndex((_, i) => values.every((r) => typeof r[i] === "string"));
  const kinds = text < 0 ? 0 : new Set(values.map((r) => r[text])).size;
  const options = {
    x: (r) => r[step],
    y: (r) => r[other],
    stroke: kinds > 1 && kinds <= 8 ? (r) => r[text] : "currentColor",
  };
  return Plot.plot({
    width,
    height: 280,
    marginLeft: 56,
    x: { label: `${columns[step]} →` },
    y: { label: `↑ ${columns[other]}`, grid: true },
    color: { legend: kinds > 1 && kinds <= 8, range: palette() },
    marks: [Plot.dot(values, { ...options, r: 2.5 })],
  });
}

function showRows(page, sql) {
  const said = document.getElementById("sql-said"),
    rows = document.getElementById("sql-rows"),
    plot = document.getElementById("sql-plot");
  rows.replaceChildren();
  plot.replaceChildren();
  try {
    const start = performance.now(),
      result = query(page.db, sql),
      n = result.values.length;
    const cut = n > ROWS ? `, the first ${ROWS} shown` : "";
    said.textContent = `${plural(n, "row")}${cut}, ${Math.round(performance.now() - start)} ms`;
    if (!n) return;
    drawTable(rows, result.columns, result.values.slice(0, ROWS));
    const svg = plotRows(result, Math.max(280, plot.clientWidth));
    if (svg) plot.replaceChildren(svg);
  } catch (error) {
    said.textContent = error.message;
  }
}

// A query's first comment line is its title.
function titleOf(q) {
  const comment = /^\s*--\s*(.+)/.exec(q.sql);
  return comment ? comment[1].slice(0, 90) : q.name;
}

export function startConsole(page) {
  const text = document.getElementById("sql"),
    menu = document.getElementById("sql-menu");
  const stored = ask(page.db, "SELECT name, sql FROM page_query ORDER BY name");
  const queries = [
    {
      name: "sink",
      sql: [
        "-- Sink rate of every model as it trains",
        "SELECT step, variant, seed, sink_rate_03",
        "FROM sink WHERE probe = 'main' ORDER BY variant, seed, step;",
      ].join("\n"),
    },
    ...stored,
  ];
  d3.select(menu)
    .selectAll("option")
    .data(queries)
    .join("option")
    .attr("value", (_, i) => i)
    .text(titleOf);
  const choose = (i) => {
    menu.value = i;
    text.value = queries[i].sql.trim();
  };
  const run = () => showRows(page, text.value);
  menu.addEventListener("change", () => {
    choose(+menu.value);
    run();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    run();
  });
  document.getElementById("sql-run").addEventListener("click", run);
  page.db.exec("PRAGMA query_only = 1");
  document.getElementById("sql-schema").textContent = ask(
    page.db,
    "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type, name",
  )
    .map((r) => `${r.sql};`)
    .join("\n\n");
  const notes = ask(
    page.db,
    `SELECT max(CASE WHEN name LIKE 'steps kept%' THEN CAST(value AS INTEGER) END) AS steps,
     count(*) FILTER (WHERE name LIKE 'steps with maps%') AS maps FROM page_note`,
  );
  document.getElementById("sql-note").textContent =
    `A copy of results.db: step and step_head keep at most ${notes[0].steps ?? 0} steps a run, ` +
    `map the maps of ${plural(notes[0].maps, "run")}, ` +
    "step_tensor nothing, reals seven digits; final, onset_step and onset_eval are as they came out of all steps.";
  choose(0);
  // Runs a stored query by its name.
  return (name) => {
    choose(
      Math.max(
        0,
        queries.findIndex((q) => q.name === name),
      ),
    );
    run();
  };
}
