-- How deep is the valley of the stream's entropy: the lower one of its ends less the least in between?
WITH layer AS (
    SELECT own.seed, l.layer, l.entropy_norm AS h, (r.config ->> '$.model.layers') - 1 AS last
    FROM own JOIN run AS r ON r.id = own.run_id
    JOIN eval_layer AS l ON l.run_id = r.id AND l.probe = 'main' AND l.step = r.steps
)
SELECT seed, min(h) FILTER (WHERE layer IN (0, last)) - min(h) FILTER (WHERE layer NOT IN (0, last)) FROM layer GROUP BY seed;
