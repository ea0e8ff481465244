-- The share of layers after which the lens loss is below that of the layer before.
WITH change AS (
    SELECT own.seed, l.lens_loss - lag(l.lens_loss) OVER (PARTITION BY own.seed ORDER BY l.layer) AS rise
    FROM own JOIN run AS r ON r.id = own.run_id
    JOIN eval_layer AS l ON l.run_id = r.id AND l.probe = 'main' AND l.step = r.steps
)
SELECT seed, avg(rise < 0) FROM change WHERE rise IS NOT NULL GROUP BY seed;
