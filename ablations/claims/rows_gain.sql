-- By how much is the sink rate of the context after `rows` rows above that of a context of 32 after `rows_32`?
WITH seen AS (
    SELECT own.seed, e.sink_rate_03, r.config ->> '$.model.context' AS context,
           e.step * (r.config ->> '$.train.batch_tokens') AS tokens
    FROM own JOIN run AS r ON r.id = own.run_id JOIN eval AS e ON e.run_id = r.id AND e.probe = 'main'
)
SELECT seed, max(sink_rate_03) FILTER (WHERE context = :context) - max(sink_rate_03) FILTER (WHERE context = 32)
FROM seen WHERE (context = :context AND tokens = :rows * context) OR (context = 32 AND tokens = :rows_32 * context)
GROUP BY seed HAVING count(*) = 2;
