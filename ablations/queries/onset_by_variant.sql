-- When does each variant grow a sink, if it does?
-- An arm is a variant, or a side of a sweep over any other key.
-- Onset: the first evaluation whose sink rate, and that of the next, is above 0.1. Medians are over the runs
-- that have one.
WITH dated AS (
    SELECT a.arm, f.onset, f.run_id,
           row_number() OVER (PARTITION BY a.arm ORDER BY f.onset IS NULL, f.onset) AS place,
           count(f.onset) OVER (PARTITION BY a.arm) AS sinks
    FROM final AS f JOIN arm AS a USING (run_id)
)
SELECT arm, count(*) AS runs, min(sinks) AS with_sink, min(onset) AS first,
       avg(onset) FILTER (WHERE place IN ((sinks + 1) / 2, sinks / 2 + 1)) AS median, max(onset) AS last,
       avg((SELECT tokens FROM step WHERE step.run_id = dated.run_id AND step = onset))
           FILTER (WHERE place IN ((sinks + 1) / 2, sinks / 2 + 1)) AS median_tokens
FROM dated GROUP BY arm ORDER BY median IS NULL, median, arm;
