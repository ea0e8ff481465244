-- How far apart, in log10 of steps, are the steps at which ln norm ratio, entropy and sink rate are half their way?
-- Entropy is measured at heavy evaluations alone; all three are read there, linear in between.
WITH reading AS (
    SELECT own.seed, e.step, q.what,
           CASE q.what WHEN 'norm' THEN ln(e.norm_ratio) WHEN 'valley' THEN -e.entropy_norm_min ELSE e.sink_rate_03 END AS value
    FROM own JOIN eval AS e ON e.run_id = own.run_id AND e.probe = 'main' AND e.entropy_norm_min IS NOT NULL,
         (SELECT 'norm' AS what UNION ALL SELECT 'valley' UNION ALL SELECT 'sink') AS q
    WHERE side = 'interventions=[]'
), scaled AS (
    SELECT seed, what, step, (value - first_value(value) OVER run) / (last_value(value) OVER run - first_value(value) OVER run)
           AS share
    FROM reading
    WINDOW run AS (PARTITION BY seed, what ORDER BY step ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
), stretch AS (
    SELECT *, lag(step) OVER run AS before, lag(share) OVER run AS share_before FROM scaled
    WINDOW run AS (PARTITION BY seed, what ORDER BY step)
), crossing AS (
    SELECT seed, what, before + (step - before) * (0.5 - share_before) / (share - share_before) AS at,
           row_number() OVER (PARTITION BY seed, what ORDER BY step) AS place
    FROM stretch WHERE share >= 0.5 AND share_before < 0.5
)
SELECT seed, log10(max(at) / min(at)) FROM crossing WHERE place = 1 GROUP BY seed HAVING count(*) = 3;
