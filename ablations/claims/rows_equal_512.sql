-- By how much is the sink rate of context 512 above that of 32, after 65,536 rows?
WITH seen AS (
    SELECT own.seed, e.sink_rate_03, r.config ->> '$.model.context' AS context,
           e.step * (r.config ->> '$.train.batch_tokens') AS tokens
    FROM own JOIN run AS r ON r.id = own.run_id JOIN eval AS e ON e.run_id = r.id AND e.probe = 'main'
)
SELECT seed, max(sink_rate_03) FILTER (WHERE context = 512) - max(sink_rate_03) FILTER (WHERE context = 32)
FROM seen WHERE tokens = 65536 * context AND context IN (32, 512)
GROUP BY seed HAVING count(*) = 2;
