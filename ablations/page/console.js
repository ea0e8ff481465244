// Owns: the SQL console: menu, text, rows, plot. Does not own: the queries (ablations/queries).
import { ask, plural } from "./data.js";
import { drawTable, shortNumber } from "./tables.js";
import { axisOf, figureOf, palette } from "./figures.js";
import { cellColour } from "./scales.js";
import { plotChart, tipMark, widthOf } from "./frame.js";
import { openEditor } from "./editor.js";

const ROWS = 500;

// Names and arrays; everything is read only.
export function query(db, sql) {
  const results = db.exec(sql);
  return results.at(-1) ?? { columns: [], values: [] };
}

const isNumber = (rows, i) =>
  rows.some((r) => typeof r[i] === "number") && rows.every((r) => r[i] === null || typeof r[i] === "number");

// The colour of a text: that of the model it names, else the next of the palette.
function colourer(page, texts) {
  const cellOf = (text) => page.shown().find((c) => [c.name, c.variant, c.runs[0].label].includes(text));
  const free = palette().filter(
    (colour) => !texts.some((t) => cellOf(t) && cellColour(cellOf(t)) === colour),
  );
  const others = texts.filter((t) => !cellOf(t));
  return (text) => (cellOf(text) ? cellColour(cellOf(text)) : free[others.indexOf(text) % free.length]);
}

// Two numeric columns make a plot, a text column with few values its colours.
function plotRows(page, { columns, values }, width) {
  const numeric = columns.map((_, i) => i).filter((i) => isNumber(values, i));
  if (numeric.length < 2 || values.length < 2) return null;
  const step = numeric.find((i) => columns[i] === "step") ?? numeric[0];
  const known = numeric.find((i) => i !== step && figureOf(columns[i]).unit);
  const other = known ?? numeric.findLast((i) => i !== step && columns[i] !== "seed");
  if (other === undefined) return null;
  const text = columns.findIndex((_, i) => values.every((r) => typeof r[i] === "string"));
  const texts = text < 0 ? [] : [...new Set(values.map((r) => r[text]))];
  const coloured = texts.length > 1 && texts.length <= 8,
    colour = colourer(page, texts),
    figure = figureOf(columns[other]);
  const positive = values.every((r) => r[other] === null || r[other] > 0);
  const svg = plotChart(`${figure.name} against ${columns[step]}`, {
    width,
    height: 280,
    marginLeft: 56,
    marginTop: 26,
    x: { label: `${columns[step]} →` },
    y: axisOf(
      { ...figure, log: figure.log && positive },
      { label: `↑ ${figure.name}`, ticks: 5 },
      d3.extent(values, (r) => r[other]),
    ),
    marks: [
      Plot.dot(values, {
        x: (r) => r[step],
        y: (r) => r[other],
        fill: coloured ? (r) => colour(r[text]) : "currentColor",
        r: 2.5,
      }),
      tipMark(values, {
        x: (r) => r[step],
        y: (r) => r[other],
        title: (r) => columns.map((c, i) => `${c}: ${shortNumber(r[i])}`).join("\n"),
      }),
    ],
  });
  return { svg, key: coloured ? texts.map((t) => ({ name: t, colour: colour(t) })) : [] };
}

// Which text has which colour, above the plot.
function keyOf(items) {
  const box = d3.create("div").attr("class", "key");
  const spans = box.selectAll("span").data(items).join("span");
  spans
    .append("i")
    .attr("class", "swatch")
    .style("background", (d) => d.colour);
  spans.append("b").text((d) => d.name);
  return box.node();
}

// Letters to add, drop or change.
function distanceOf(a, b) {
  let row = d3.range(b.length + 1);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] !== b[j - 1]));
    row = next;
  }
  return row[b.length];
}

// SQLite's words, and the table or column that was perhaps meant.
function complaintOf(page, error) {
  const missing = /no such (?:table|column): (?:\w+\.)?(\w+)/.exec(error.message);
  if (!missing) return error.message;
  const names = ask(
    page.db,
    `SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')
     UNION SELECT c.name FROM sqlite_schema AS s, pragma_table_info(s.name) AS c WHERE s.type = 'table'`,
  );
  const near = d3.least(names, ({ name }) => distanceOf(missing[1], name));
  return near && distanceOf(missing[1], near.name) <= 2
    ? `${error.message} (did you mean ${near.name}?)`
    : error.message;
}

function showRows(page, sql) {
  const said = document.getElementById("sql-said"),
    rows = document.getElementById("sql-rows"),
    plot = document.getElementById("sql-plot");
  rows.replaceChildren();
  plot.replaceChildren();
  page.rows["sql-plot"] = () => [];
  try {
    const start = performance.now(),
      result = query(page.db, sql),
      n = result.values.length;
    const cut = n > ROWS ? `, the first ${ROWS} shown` : "";
    said.textContent = `${plural(n, "row")}${cut}, ${Math.round(performance.now() - start)} ms`;
    if (!n) return;
    drawTable(rows, result.columns, result.values.slice(0, ROWS));
    page.rows["sql-plot"] = () =>
      result.values.map((r) => Object.fromEntries(result.columns.map((c, i) => [c, r[i]])));
    const drawn = plotRows(page, result, widthOf(plot));
    if (drawn) plot.replaceChildren(keyOf(drawn.key), drawn.svg);
  } catch (error) {
    said.textContent = complaintOf(page, error);
  }
}

// A query's first comment line is its title.
function menuText(q) {
  const comment = /^\s*--\s*(.+)/.exec(q.sql);
  return comment ? comment[1] : q.name;
}

// ---- which tables there are ----

const usedMost = ["final", "run", "eval", "eval_layer", "eval_head", "step", "step_head", "sink", "onset", "paired", "verdict"];

// Tables and views with what the view about says of them, each with its columns.
function readTables(db) {
  const about = d3.index(ask(db, `SELECT "table", coalesce("column", '') AS "column", meaning FROM about`), (r) => r.table, (r) => r.column);
  const tables = ask(
    db,
    "SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'page_%' AND name <> 'digest' ORDER BY name",
  );
  // A view's column is mostly one of these tables'.
  const meaningOf = (table, column) =>
    [table, ...(column ? ["eval", "run", "step"] : [])].map((t) => about.get(t)?.get(column)?.meaning).find(Boolean) ?? "";
  const rank = ({ name }) => (usedMost.includes(name) ? usedMost.indexOf(name) : usedMost.length);
  return d3.sort(tables, rank).map(({ name, type }) => ({
    name,
    meaning: meaningOf(name, ""),
    isEmpty: type === "table" && !ask(db, `SELECT 1 FROM "${name}" LIMIT 1`).length,
    columns: ask(db, "SELECT name, type FROM pragma_table_info(?)", [name]).map((c) => ({ ...c, meaning: meaningOf(name, c.name) })),
  }));
}

function showTables(tables, showQuery) {
  const boxes = d3.select("#sql-schema").selectAll("details").data(tables).join("details");
  const summary = boxes.append("summary");
  summary.append("code").text((t) => t.name);
  summary.append("span").text((t) => (t.isEmpty ? " (empty in this page)" : ""));
  boxes.append("p").attr("class", "note").text((t) => t.meaning);
  boxes
    .append("button")
    .attr("type", "button")
    .text((t) => `Show rows of ${t.name}`)
    .on("click", (_, t) => showQuery(`SELECT * FROM ${t.name} LIMIT 20;`));
  const columns = boxes.append("dl").selectAll("div").data((t) => t.columns).join("div");
  const names = columns.append("dt");
  names.append("code").text((c) => c.name);
  names.append("span").attr("class", "note").text((c) => ` ${c.type}`);
  columns.append("dd").text((c) => c.meaning);
}

export async function startConsole(page) {
  const menu = document.getElementById("sql-menu"),
    tables = readTables(page.db),
    run = () => showRows(page, text.value);
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
    .text(menuText);
  // A text that was changed is no longer the query of the menu.
  const changed = () => (menu.value = queries.findIndex((q) => q.sql.trim() === text.value.trim()));
  const text = await openEditor(document.getElementById("sql-editor"), { tables, changed, run });
  menu.addEventListener("change", () => {
    text.value = queries[menu.value].sql.trim();
    run();
  });
  document.getElementById("sql-run").addEventListener("click", run);
  page.db.exec("PRAGMA query_only = 1");
  const notes = ask(
    page.db,
    `SELECT max(CASE WHEN name LIKE 'steps kept%' THEN CAST(value AS INTEGER) END) AS steps,
     count(*) FILTER (WHERE name LIKE 'steps with maps%') AS maps FROM page_note`,
  );
  document.getElementById("sql-note").textContent =
    `A copy of results.db: step and step_head keep at most ${notes[0].steps ?? 0} steps a run, ` +
    `map the maps of ${plural(notes[0].maps, "run")}, ` +
    "step_tensor and eval_mass nothing, reals seven digits; final, onset_step and onset_eval are as they came out of all steps.";
  text.value = queries[0].sql;
  const show = (sql) => {
    text.value = sql;
    run();
    document.getElementById("s-sql").scrollIntoView();
  };
  // Built when it is opened first: a page has hundreds of columns.
  document.getElementById("sql-tables").addEventListener("toggle", () => showTables(tables, show), { once: true });
  // Runs a stored query by its name, or a text.
  return { stored: (name) => show((queries.find((q) => q.name === name) ?? queries[0]).sql.trim()), show };
}
