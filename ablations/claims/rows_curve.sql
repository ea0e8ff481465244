-- Means over seeds by rows seen: sink rate and first mass of each context.
WITH seen AS (
    SELECT e.sink_rate_03, e.sink_mass, r.config ->> '$.model.context' AS context,
           e.step * (r.config ->> '$.train.batch_tokens') / (r.config ->> '$.model.context') AS rows_seen
    FROM own JOIN run AS r ON r.id = own.run_id JOIN eval AS e ON e.run_id = r.id AND e.probe = 'main'
)
SELECT context, rows_seen, count(*) AS seeds, avg(sink_rate_03) AS sink_rate_03, avg(sink_mass) AS sink_mass
FROM seen WHERE rows_seen IN (16384, 32768, 65536, 131072, 159744, 212992)
GROUP BY context, rows_seen ORDER BY context, rows_seen;
