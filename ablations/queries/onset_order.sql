-- In which order do the signs of a sink begin?
-- Of each quantity of the view onset over the seeds of an arm: in how many runs it begins, the geometric mean of the first
-- step past its threshold, and the 95 % t interval of that mean. leads: the share of runs with both in which it is past its
-- threshold before the sink rate can be (its interval between evaluations ends before the other's begins), lags: after.
-- The gradient sink is high before any update, falls and rises: it begins, after its lowest, where the largest of the layers
-- at two measured updates in a row is above 1.2 times that.
WITH gradient AS (
    SELECT run_id, step, max(gradient_sink) AS x FROM step_layer GROUP BY run_id, step HAVING x IS NOT NULL
), grown AS (
    SELECT g.run_id, g.step, g.x > 1.2 * low.x AS past, lag(g.step) OVER run AS before, lead(g.x) OVER run > 1.2 * low.x AS next
    FROM gradient AS g JOIN (SELECT run_id, step, min(x) AS x FROM gradient GROUP BY run_id) AS low USING (run_id)
    WHERE g.step >= low.step WINDOW run AS (PARTITION BY g.run_id ORDER BY g.step)
), began AS (
    SELECT run_id, quantity, last_before, first_after FROM onset
    UNION ALL SELECT run_id, 'gradient_sink', min(before) FILTER (WHERE past AND next), min(step) FILTER (WHERE past AND next)
    FROM grown GROUP BY run_id
), dated AS (
    SELECT a.arm, o.run_id, o.quantity, o.last_before, o.first_after, ln(max(o.first_after, 1)) AS x,
           s.last_before AS sink_after, s.first_after AS sink_by
    FROM began AS o JOIN arm AS a USING (run_id)
    LEFT JOIN onset AS s ON s.run_id = o.run_id AND s.quantity = 'sink_rate_03'
), centred AS (
    SELECT *, avg(x) OVER (PARTITION BY arm, quantity) AS centre FROM dated
), moment AS (
    SELECT arm, quantity, count(*) AS runs, count(x) AS n, avg(x) AS mean,
           sqrt(sum((x - centre) * (x - centre)) / (count(x) - 1) / count(x)) AS error,
           avg(first_after <= sink_after) FILTER (WHERE sink_by IS NOT NULL AND first_after IS NOT NULL) AS leads,
           avg(sink_by <= last_before) FILTER (WHERE sink_by IS NOT NULL AND first_after IS NOT NULL) AS lags
    FROM centred GROUP BY arm, quantity
)
SELECT arm, quantity, n AS begins, runs, round(exp(mean), 1) AS step, round(exp(mean - q.t * error), 1) AS low,
       round(exp(mean + q.t * error), 1) AS high, round(leads, 2) AS leads, round(lags, 2) AS lags
FROM moment LEFT JOIN t_quantile AS q ON q.share = 1 AND q.df = min(n - 1, (SELECT max(df) FROM t_quantile))
ORDER BY arm, n = 0, mean, quantity;
