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
    -- model as it is, at the same step on the same rows; difference: changed minus untouched. run: run.id.
WITH pair AS MATERIALIZED (
    SELECT substr(c.probe, length(p.probe) + 5) AS intervention, c.run_id, c.step, p.prefix, p.probe, c.probe AS name
    FROM eval AS c JOIN probe AS p ON substr(c.probe, 1, length(p.probe) + 4) = p.probe || '' do ''
)
' || group_concat('SELECT intervention, p.run_id AS run, p.step, prefix || ''' || name || ''' AS figure, u.' || name ||
                  ' AS untouched, c.' || name || ' AS changed, c.' || name || ' - u.' || name || ' AS difference
FROM pair AS p JOIN eval AS c ON c.run_id = p.run_id AND c.step = p.step AND c.probe = p.name
LEFT JOIN eval AS u ON u.run_id = p.run_id AND u.step = p.step AND u.probe = p.probe
WHERE c.' || name || ' IS NOT NULL', '
UNION ALL ') || ';'
FROM pragma_table_info('eval') WHERE type = 'REAL';
