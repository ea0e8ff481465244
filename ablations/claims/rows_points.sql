-- Runs of rows.yaml (64 rows a step) and rows-16.yaml (16): their figures after 8,192 to 212,992 rows, in powers of two. None
-- where a database has but one of the two, since a fit over it would be another.
WITH seen AS (
    SELECT r.seed, e.sink_mass, e.sink_rate_03, e.step, r.config ->> '$.model.context' AS context,
           r.config ->> '$.train.batch_tokens' AS tokens
    FROM sweep AS w JOIN sweep_choice AS h ON h.sweep = w.id AND h.open = 0 JOIN sweep_cell AS c USING (sweep, cell)
    JOIN sweep_run AS s USING (sweep, "index") JOIN run AS r ON r.id = s.run AND r.status = 'done'
    JOIN eval AS e ON e.run_id = r.id AND e.probe = 'main'
    WHERE w.name IN ('rows', 'rows-16') AND c.judges AND (SELECT count(*) FROM sweep WHERE name IN ('rows', 'rows-16')) = 2
)
SELECT seed, sink_mass, sink_rate_03, log2(step) AS log_steps, log2(step * tokens / context) AS log_rows,
       log2(step * tokens) AS log_tokens, log2(context) AS log_context, log2(tokens / context) AS log_rows_a_step,
       log2(context) * log2(tokens / context) AS context_by_rows_a_step
FROM seen WHERE step * tokens / context IN (8192, 16384, 32768, 65536, 131072, 212992);
