-- Where does the sink begin, and does it stay in that layer?
-- One row an evaluation at which it changes which layer sinks most (by sink rate at 0.3, of equals the lower), or which is the
-- lowest that sinks (a rate above 0.1): both layers, the largest rate, and up to which step they stay so.
WITH ranked AS (
    SELECT run_id, step, layer, sink_rate_03 AS rate,
           row_number() OVER (PARTITION BY run_id, step ORDER BY sink_rate_03 DESC, layer) AS place,
           min(iif(sink_rate_03 > 0.1, layer, NULL)) OVER (PARTITION BY run_id, step) AS lowest
    FROM eval_layer WHERE probe = 'main' AND sink_rate_03 IS NOT NULL
), top AS (
    SELECT *, lag(layer) OVER of_run AS layer_before, lag(lowest) OVER of_run AS lowest_before FROM ranked
    WHERE place = 1 AND lowest IS NOT NULL WINDOW of_run AS (PARTITION BY run_id ORDER BY step)
), change AS (
    SELECT run_id, step, layer, lowest, rate FROM top WHERE layer IS NOT layer_before OR lowest IS NOT lowest_before
)
SELECT a.arm, r.seed, c.step AS "from", lead(c.step) OVER (PARTITION BY c.run_id ORDER BY c.step) AS until, c.layer AS strongest,
       c.lowest, round(c.rate, 3) AS sink_rate, substr(r.key, 1, 8) AS key
FROM change AS c JOIN run AS r ON r.id = c.run_id JOIN arm AS a USING (run_id) ORDER BY a.arm, r.seed, r.key, c.step;
