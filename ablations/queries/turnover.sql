-- Do sinks accrete, or do heads take them up and lose them again?
-- A head sinks at an evaluation where its mass of the first key is above 0.3. Of the heads of a run: how many ever sink, how
-- many do at the end, how often a head becomes a sink and ceases to be one between two evaluations, and how many have
-- been one and are none at the end.
WITH marked AS (
    SELECT run_id, layer, head, step, sink_mass > 0.3 AS sinks, lag(sink_mass > 0.3) OVER of_head AS before,
           lead(step) OVER of_head IS NULL AS last
    FROM eval_head WHERE probe = 'main' AND sink_mass IS NOT NULL
    WINDOW of_head AS (PARTITION BY run_id, layer, head ORDER BY step)
), of_head AS (
    SELECT run_id, layer, head, max(sinks) AS ever, max(sinks AND last) AS at_end, sum(sinks > coalesce(before, 0)) AS appears,
           sum(before > sinks) AS vanishes
    FROM marked GROUP BY run_id, layer, head
)
SELECT a.arm, r.seed, count(*) AS heads, sum(ever) AS ever, sum(at_end) AS at_end, sum(appears) AS appears, sum(vanishes) AS vanishes,
       sum(ever > at_end) AS lost, substr(r.key, 1, 8) AS key
FROM of_head JOIN run AS r ON r.id = run_id JOIN arm AS a USING (run_id) GROUP BY run_id ORDER BY a.arm, r.seed, r.key;
