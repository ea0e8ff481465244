-- Do the heads with more mass on the first token have a smaller value there?
-- r: correlation over the heads of a run's last evaluation. Drain below 1: the first value is the smaller.
WITH last AS (
    SELECT run_id, max(step) AS step FROM eval_head WHERE probe = 'main' GROUP BY run_id
), head AS (
    SELECT h.run_id, h.sink_mass AS x, h.value_drain AS y
    FROM last JOIN eval_head AS h USING (run_id, step)
    WHERE h.probe = 'main' AND h.sink_mass IS NOT NULL AND h.value_drain IS NOT NULL
), moment AS (
    SELECT run_id, count(*) AS heads, avg(x) AS x, avg(y) AS y, avg(x * x) - avg(x) * avg(x) AS xx,
           avg(y * y) - avg(y) * avg(y) AS yy, avg(x * y) - avg(x) * avg(y) AS xy,
           avg(y) FILTER (WHERE x > 0.3) AS drain_sinks, avg(y) FILTER (WHERE x <= 0.3) AS drain_others
    FROM head GROUP BY run_id
)
SELECT a.arm, r.seed, heads, CASE WHEN xx > 0 AND yy > 0 THEN round(xy / sqrt(xx * yy), 3) END AS r,
       round(drain_sinks, 3) AS drain_where_mass_above_03, round(drain_others, 3) AS drain_elsewhere,
       substr(r.key, 1, 8) AS key
FROM moment JOIN run AS r ON r.id = run_id JOIN arm AS a USING (run_id) WHERE r.status = 'done' ORDER BY a.arm, r.seed;
