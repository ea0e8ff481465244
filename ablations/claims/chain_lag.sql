-- After `first`, when does `next` come: the top hidden unit's ratio (unit), the dominance of the first token's largest channel
-- (channel), the sink rate (sink)? log10 of the ratio of the two steps at which they are half their way; above 0: later.
WITH reading AS (
    SELECT own.seed, l.step, q.what,
           CASE q.what WHEN 'unit' THEN ln(max(l.super_ratio)) WHEN 'channel' THEN ln(max(l.dom_ratio_first))
                       WHEN 'sink' THEN avg(l.sink_rate_03) END AS value
    FROM own JOIN eval_layer AS l ON l.run_id = own.run_id AND l.probe = 'main' AND l.entropy_norm IS NOT NULL,
         (SELECT :first AS what UNION ALL SELECT :next) AS q
    GROUP BY own.seed, l.step, q.what
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
SELECT seed, log10(max(at) FILTER (WHERE what = :next) / max(at) FILTER (WHERE what = :first)) FROM crossing
WHERE place = 1 GROUP BY seed HAVING count(*) = 2;
