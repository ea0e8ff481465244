-- In what do two runs differ, in configuration and in outcome?
-- `.param set :first KEY` and `:second KEY` (any beginning) name them; else they are the last two.
WITH chosen AS (
    SELECT (SELECT id FROM run WHERE :first IS NULL OR substr(key, 1, length(:first)) = :first || ''
            ORDER BY id DESC LIMIT 1 OFFSET iif(:first IS NULL, 1, 0)) AS a,
           (SELECT id FROM run WHERE :second IS NULL OR substr(key, 1, length(:second)) = :second || ''
            ORDER BY id DESC LIMIT 1) AS b
), fact AS (
    SELECT run_id, 'config' AS kind, key AS name, value FROM param
    UNION ALL SELECT run_id, 'outcome', metric, round(value, 4) FROM sweep_metrics
)
SELECT coalesce(x.kind, y.kind) AS kind, coalesce(x.name, y.name) AS name, x.value AS first, y.value AS second
FROM (SELECT * FROM fact, chosen WHERE run_id = a) AS x
FULL JOIN (SELECT * FROM fact, chosen WHERE run_id = b) AS y ON y.kind = x.kind AND y.name = x.name
WHERE x.value IS NOT y.value ORDER BY 1, 2;
