-- Views of results.db that name every column of figures. Each statement answers with the text of one view, made from
-- the columns as the tables of train/schema.sql have them: a column is named there alone.

-- digest: a row of each row of each table whose key begins with run_id and step. `place` is the rest of the key,
-- `figures` is NAME=VALUE of all other columns but times, which are those called ms or ..._ms.
-- Left out are rows of a changed model: of a probe, metric or event with " do " in its name.
-- A column from the first young one of its table on is left out where it is NULL, so that rows from before it stay equal.
WITH first (tbl, name) AS (VALUES ('eval', 'val_loss_late'), ('eval_layer', 'gradient_sink'),
    ('eval_head', 'alignment')
), figure AS (
    SELECT s.name AS tbl, c.name, c.cid, c.cid >= coalesce(
               (SELECT y.cid FROM first AS f JOIN pragma_table_info(f.tbl) AS y ON y.name = f.name WHERE f.tbl = s.name),
               1000) AS young
    FROM sqlite_schema AS s, pragma_table_info(s.name) AS c
    WHERE s.type = 'table' AND NOT c.pk AND c.name <> 'ms' AND c.name NOT GLOB '*_ms'
)
SELECT 'CREATE VIEW IF NOT EXISTS digest AS -- Every figure that must be equal when a run is repeated, as text that
    -- gives each number back to the bit: two databases hold the same results when these rows are equal. Left
    -- out: times, hosts, numbers of rows, labels, and events about the process.
SELECT key, ''run'' AS kind, 0 AS step, '''' AS place,
       ''variant='' || quote(variant) || '' seed='' || seed || '' status='' || status || '' steps='' ||
       quote(steps) || '' parameters='' || quote(parameters) AS figures
FROM run
UNION ALL SELECT key, ''event'', step, kind, ''detail='' || quote(detail)
FROM event JOIN run ON run.id = run_id WHERE kind IN (''nan'', ''diverged'') AND detail NOT LIKE ''% do %''
' || group_concat('UNION ALL SELECT key, ''' || name || ''', t.step, ' || place || ', ' || figures || '
FROM ' || name || ' AS t JOIN run ON run.id = t.run_id' || untouched || '
', '') || 'ORDER BY key, kind, step, place, figures;'
FROM (
    SELECT s.name,
           coalesce((SELECT group_concat('t."' || name || '"', ' || ''.'' || ')
                     FROM pragma_table_info(s.name) WHERE pk > 2), '''''') AS place,
           (SELECT group_concat('''' || name || '='' || quote(t."' || name || '")', ' || '' '' || ') FROM
            (SELECT name FROM figure WHERE tbl = s.name AND NOT young ORDER BY cid)) ||
           coalesce((SELECT group_concat(' || iif(t."' || name || '" IS NULL, '''', '' ' || name || '='' || quote(t."' ||
                                         name || '"))', '') FROM
                     (SELECT name FROM figure WHERE tbl = s.name AND young ORDER BY cid)), '') AS figures,
           coalesce((SELECT ' WHERE t.' || name || ' NOT LIKE ''% do %''' FROM pragma_table_info(s.name)
                     WHERE name = 'probe' OR (s.name = 'metric' AND name = 'name')), '') AS untouched
    FROM sqlite_schema AS s
    WHERE type = 'table'
          AND (SELECT group_concat(name) FROM pragma_table_info(s.name) WHERE pk IN (1, 2)) = 'run_id,step'
);

SELECT 'CREATE VIEW IF NOT EXISTS eval_now AS -- The rows of eval, with NULL for a figure that is outdated: what runs
    -- may be compared by.
SELECT ' || group_concat(
    iif(type = 'REAL', 'iif((run_id, ''' || name || ''') IN outdated, NULL, ' || name || ') AS ' || name, name),
    ', ') || '
FROM eval;'
FROM pragma_table_info('eval');

SELECT 'CREATE VIEW IF NOT EXISTS final_figure AS -- One row a finished run, probe and REAL column of eval, at the last
    -- evaluation of that probe, outdated or not; metric: its name in sweep_metrics.
WITH reading AS MATERIALIZED (
    SELECT e.*, p.prefix FROM run AS r CROSS JOIN probe AS p CROSS JOIN eval AS e
    ON e.run_id = r.id AND e.probe = p.probe
       AND e.step = (SELECT step FROM eval WHERE run_id = r.id AND probe = p.probe ORDER BY step DESC LIMIT 1)
    WHERE r.status = ''done''
)
' || group_concat('SELECT run_id, prefix || ''' || name || ''' AS metric, ''' || name || ''' AS figure, ' || name ||
                  ' AS value FROM reading', '
UNION ALL ') || ';'
FROM pragma_table_info('eval') WHERE type = 'REAL';

SELECT 'CREATE VIEW IF NOT EXISTS effect AS -- What an intervention does: one row a step at which probe --store measured
    -- the changed model, and REAL column of eval; figures of probes other than main as PROBE.NAME. untouched: of the
    -- model as it is, at the same step on the same rows; difference: changed minus untouched.
WITH pair AS MATERIALIZED (
    SELECT substr(c.probe, length(p.probe) + 5) AS intervention, c.run_id, c.step, p.prefix, p.probe, c.probe AS name
    FROM eval AS c JOIN probe AS p ON substr(c.probe, 1, length(p.probe) + 4) = p.probe || '' do ''
)
' || group_concat('SELECT intervention, p.run_id, p.step, prefix || ''' || name || ''' AS figure, u.' || name ||
                  ' AS untouched, c.' || name || ' AS changed, c.' || name || ' - u.' || name || ' AS difference
FROM pair AS p JOIN eval AS c ON c.run_id = p.run_id AND c.step = p.step AND c.probe = p.name
LEFT JOIN eval AS u ON u.run_id = p.run_id AND u.step = p.step AND u.probe = p.probe
WHERE c.' || name || ' IS NOT NULL', '
UNION ALL ') || ';'
FROM pragma_table_info('eval') WHERE type = 'REAL';

-- The views for people: probe main alone, so that a mean is over nothing else by accident, and what runs are made to differ in
-- as columns. axes.list: those columns, of run r; a key that was born later has what runs before it did.
WITH axes (list) AS (
    SELECT group_concat(iif(y.key IS NULL, 'r.config ->> ''$.' || a.key || '''',
                            'coalesce(r.config ->> ''$.' || a.key || ''', ' || quote(y.value) || ')') || ' AS ' || a.name ||
                        ', -- ' || a.key || ' of its configuration', '
       ')
    FROM axis AS a LEFT JOIN young_key AS y ON y.key = a.key
), figures (list) AS (
    SELECT group_concat('e.' || name, ', ') FROM pragma_table_info('eval') WHERE name NOT IN ('run_id', 'step', 'probe')
)
SELECT 'CREATE VIEW IF NOT EXISTS curve AS -- One row a run and evaluation of probe main: every figure of eval but the outdated,
    -- the training loss at that step, and the keys of the view axis.
SELECT r.id AS run_id, r.variant, r.label, r.seed, e.step,
       coalesce(s.tokens, 0) AS tokens, -- tokens seen before the evaluation
       s.loss, ' || figures.list || ',
       ' || axes.list || '
       r.key
FROM eval_now AS e JOIN run AS r ON r.id = e.run_id LEFT JOIN step AS s ON s.run_id = e.run_id AND s.step = e.step
WHERE e.probe = ''main'';

CREATE VIEW IF NOT EXISTS head AS -- One row a run, update, layer and head, over the training batch, with the keys of the view axis.
SELECT r.id AS run_id, r.variant, r.label, r.seed, h.step, h.layer, h.head, h.first_mass, h.value_ratio,
       ' || axes.list || '
       r.key
FROM step_head AS h JOIN run AS r ON r.id = h.run_id;

CREATE VIEW IF NOT EXISTS result AS -- One row a run, whatever its status, with the keys of the view axis; its figures, where it is
    -- done, at its last evaluation of probe main, but the outdated.
SELECT r.id AS run_id, r.variant, r.label, r.seed, r.status,
       (SELECT group_concat(w.name) FROM sweep_run AS x JOIN sweep AS w ON w.id = x.sweep WHERE x.run = r.id)
           AS sweeps, -- names of the sweeps that it is in, with commas between
       ' || figures.list || ',
       o.first_after AS onset, -- evaluation by which its sink rate had passed 0.1, as in the view onset; NULL: none
       (SELECT max(tokens) FROM step WHERE run_id = r.id) AS tokens, -- tokens that it has trained on
       (SELECT sum(ms) / 1000 FROM step WHERE run_id = r.id) AS seconds, -- of training, without probes and saves
       ' || axes.list || '
       r.parameters, r.key
FROM run AS r LEFT JOIN eval_now AS e ON r.status = ''done'' AND e.run_id = r.id AND e.probe = ''main''
     AND e.step = (SELECT max(step) FROM eval WHERE run_id = r.id AND probe = ''main'')
LEFT JOIN onset_eval AS o ON o.run_id = e.run_id AND o.quantity = ''sink_rate_03'';'
FROM axes, figures;

-- about: the comments of this schema as rows, for programs that do not show them. A table's comment stands on its first line and
-- those below it; that of a column behind its line and below. In a view the last word before a comment is the column; the views
-- of `passing` pass columns on as they are, which have the meaning that they have in the first such table that the view reads.
WITH passing (tbl) AS (
    VALUES ('curve'), ('head'), ('result'), ('sink'), ('eval_now')
), col AS MATERIALIZED (
    SELECT s.name AS tbl, s.type = 'view' AS view, c.name, c.cid FROM sqlite_schema AS s, pragma_table_info(s.name) AS c
    WHERE s.type = 'table' OR s.name IN passing
), line AS (
    SELECT s.name AS tbl, s.type = 'view' AS view, j.key AS n, trim(j.value) AS text
    FROM sqlite_schema AS s, json_each('[' || replace(json_quote(s.sql), '\n', '","') || ']') AS j
    WHERE s.type IN ('table', 'view') AND s.name <> 'about'
), split AS (
    SELECT tbl, view, n, iif(instr(text, '-- '), rtrim(substr(text, 1, instr(text, '-- ') - 1), ' ,'), text) AS code,
           iif(instr(text, '-- '), substr(text, instr(text, '-- ') + 3), NULL) AS comment
    FROM line
), word AS (
    SELECT *, CASE WHEN n = 0 OR (view AND comment IS NULL) THEN NULL
                   WHEN view THEN replace(code, rtrim(code, replace(code, ' ', '')), '') -- what is behind the last blank
                   ELSE replace(substr(code, 1, instr(code || ' ', ' ') - 1), '"', '') END AS word
    FROM split
), named AS MATERIALIZED (
    SELECT *, iif((tbl, word) IN (SELECT tbl, name FROM col), word, NULL) AS col FROM word
), placed AS (
    SELECT *, count(col) OVER above AS place, sum(code <> '') OVER above AS codes
    FROM named WINDOW above AS (PARTITION BY tbl ORDER BY n)
), own AS MATERIALIZED (
    SELECT tbl, view, max(col) AS col, group_concat(comment, ' ') AS meaning FROM placed
    WHERE comment IS NOT NULL AND (NOT view OR col IS NOT NULL OR codes = 1) GROUP BY tbl, view, place
), source AS MATERIALIZED ( -- which tables a view reads, in order
    SELECT v.name AS tbl, t.name AS source, max(instr(v.sql, 'FROM ' || t.name || ' '), instr(v.sql, 'JOIN ' || t.name || ' '),
               instr(v.sql, 'FROM ' || t.name || ';'), instr(v.sql, t.name || '_now AS')) AS place
    FROM passing AS p JOIN sqlite_schema AS v ON v.name = p.tbl JOIN sqlite_schema AS t ON t.type = 'table'
), inherited AS (
    SELECT c.tbl, c.name AS col, o.meaning, row_number() OVER (PARTITION BY c.tbl, c.name ORDER BY s.place) AS place
    FROM source AS s JOIN own AS o ON o.tbl = s.source JOIN col AS c ON c.tbl = s.tbl AND c.name = o.col
    WHERE s.place AND (c.tbl, c.name) NOT IN (SELECT tbl, col FROM own WHERE col IS NOT NULL)
)
SELECT 'CREATE VIEW IF NOT EXISTS about ("table", "column", meaning) AS -- What every table, view and column is: the comments of
    -- this schema. "column" NULL: the table or view itself.
VALUES ' || group_concat('(' || quote(tbl) || ', ' || quote(col) || ', ' || quote(meaning) || ')', ',
') || ';'
FROM (SELECT m.* FROM (SELECT tbl, col, meaning FROM own UNION ALL SELECT tbl, col, meaning FROM inherited WHERE place = 1) AS m
      LEFT JOIN col AS c ON c.tbl = m.tbl AND c.name = m.col ORDER BY m.tbl, c.cid);
