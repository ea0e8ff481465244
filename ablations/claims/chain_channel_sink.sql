-- After the dominance of the first token's largest channel, when does the sink rate come? log10 of the ratio of the
-- two steps at which they are half their way; above 0: later.
WITH reading AS (
    SELECT own.seed, l.step, ln(max(l.dom_ratio_first)) AS a, avg(l.sink_rate_03) AS b
    FROM own JOIN eval_layer AS l ON l.run_id = own.run_id AND l.probe = 'main' AND l.entropy_norm IS NOT NULL
    GROUP BY own.seed, l.step
), long AS (
    SELECT seed, step, 'a' AS what, a AS value FROM reading UNION ALL SELECT seed, step, 'b', b FROM reading
), scaled AS (
    SELECT seed, what, step, (value - first_value(value) OVER run) / (last_value(value) OVER run - first_value(value) OVER run)
           AS share
    FROM long
    WINDOW run AS (PARTITION BY seed, what ORDER BY step ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
), stretch AS (
    SELECT *, lag(step) OVER run AS before, lag(share) OVER run AS share_before FROM scaled
    WINDOW run AS (PARTITION BY seed, what ORDER BY step)
), crossing AS (
    SELECT seed, what, before + (step - before) * (0.5 - share_before) / (share - share_before) AS at,
           row_number() OVER (PARTITION BY seed, what ORDER BY step) AS place
    FROM stretch WHERE share >= 0.5 AND share_before < 0.5
)
SELECT seed, log10(max(at) FILTER (WHERE what = 'b') / max(at) FILTER (WHERE what = 'a')) FROM crossing
WHERE place = 1 GROUP BY seed HAVING count(*) = 2;
