-- By how much is the sink rate of a context of 128 after `rows` rows above that of one of 32 after `rows_32`, at as many rows a step?
WITH seen AS (
    SELECT own.seed, e.sink_rate_03, e.step * (r.config ->> '$.train.batch_tokens') AS tokens,
           r.config ->> '$.model.context' AS context, r.config ->> '$.train.batch_tokens' AS batch
    FROM own JOIN run AS r ON r.id = own.run_id JOIN eval AS e ON e.run_id = r.id AND e.probe = 'main'
)
SELECT seed, max(sink_rate_03) FILTER (WHERE context = 128) - max(sink_rate_03) FILTER (WHERE context = 32) FROM seen
WHERE batch = :rows_a_step * context
  AND (context = 128 AND tokens = :rows * 128 OR context = 32 AND tokens = :rows_32 * 32)
GROUP BY seed HAVING count(*) = 2;
