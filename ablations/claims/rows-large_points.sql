-- The larger model: its figures after 8,192 to 65,536 rows, in powers of two.
WITH seen AS (
    SELECT r.seed, e.sink_mass, e.sink_rate_03, e.step, r.config ->> '$.model.context' AS context,
           r.config ->> '$.train.batch_tokens' AS tokens
    FROM own JOIN run AS r ON r.id = own.run_id JOIN eval AS e ON e.run_id = r.id AND e.probe = 'main'
)
SELECT seed, sink_mass, sink_rate_03, log2(step) AS log_steps, log2(step * tokens / context) AS log_rows,
       log2(step * tokens) AS log_tokens, log2(context) AS log_context, log2(tokens / context) AS log_rows_a_step,
       log2(context) * log2(tokens / context) AS context_by_rows_a_step
FROM seen WHERE step * tokens / context IN (8192, 16384, 32768, 65536);
