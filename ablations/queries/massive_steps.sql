-- Which layers write the massive activation, and which take it back?
-- At the last heavy evaluation, after arXiv 2603.05498: the layer that raises the largest |x| of the stream most over the layer
-- before (over 0 in the first), and the layer that lowers it most, where one does, each with its |x| before and after and the
-- channel that holds it after. same_channel: whether all layers from the step up to the step down hold it in one.
WITH last AS (
    SELECT run_id, max(step) AS step FROM eval_layer WHERE probe = 'main' AND massive_top IS NOT NULL GROUP BY run_id
), moved AS (
    SELECT e.run_id, e.layer, e.massive_top AS after, e.massive_channel AS channel,
           lag(e.massive_top, 1, 0) OVER (PARTITION BY e.run_id ORDER BY e.layer) AS before
    FROM last AS l JOIN eval_layer AS e ON e.run_id = l.run_id AND e.step = l.step AND e.probe = 'main'
), up AS (
    SELECT *, max(after - before) AS by FROM moved GROUP BY run_id
), down AS (
    SELECT *, min(after - before) AS by FROM moved WHERE layer > 0 GROUP BY run_id HAVING by < 0
)
SELECT a.arm, r.seed, l.step, u.layer AS up, round(u.before, 3) AS up_from, round(u.after, 3) AS up_to, u.channel,
       d.layer AS down, round(d.before, 3) AS down_from, round(d.after, 3) AS down_to,
       (SELECT count(DISTINCT m.channel) = 1 FROM moved AS m
        WHERE m.run_id = u.run_id AND m.layer BETWEEN u.layer AND coalesce(d.layer - 1, m.layer)) AS same_channel, substr(r.key, 1, 8) AS key
FROM last AS l JOIN up AS u USING (run_id) LEFT JOIN down AS d USING (run_id) JOIN arm AS a USING (run_id) JOIN run AS r ON r.id = l.run_id
ORDER BY a.arm, r.seed, r.key;
