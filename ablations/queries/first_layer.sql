-- In which layer does the sink appear first?
-- A layer's onset: the first of two evaluations in a row with a sink rate above 0.1 in that layer.
WITH marked AS (
    SELECT run_id, layer, step,
           sink_rate_03 > 0.1 AND lead(sink_rate_03) OVER in_order > 0.1 AS past
    FROM eval_layer WHERE probe = 'main' AND sink_rate_03 IS NOT NULL
    WINDOW in_order AS (PARTITION BY run_id, layer ORDER BY step)
), dated AS (
    SELECT run_id, layer, min(step) AS onset FROM marked WHERE past GROUP BY run_id, layer
)
SELECT a.arm, r.seed, d.layer, d.onset,
       rank() OVER (PARTITION BY d.run_id ORDER BY d.onset) AS place, substr(r.key, 1, 8) AS key
FROM dated AS d JOIN run AS r ON r.id = d.run_id JOIN arm AS a USING (run_id) ORDER BY a.arm, r.seed, d.onset, d.layer;
