-- Correlation, over the layers of a trained model, of the change of ln norm ratio with that of another figure.
WITH change AS (
    SELECT own.seed, ln(l.norm_ratio) - ln(b.norm_ratio) AS x,
           CASE :figure WHEN 'entropy_norm' THEN l.entropy_norm - b.entropy_norm
                        WHEN 'sink_rate_03' THEN l.sink_rate_03 - b.sink_rate_03 END AS y
    FROM own JOIN run AS r ON r.id = own.run_id
    JOIN eval_layer AS l ON l.run_id = r.id AND l.probe = 'main' AND l.step = r.steps
    JOIN eval_layer AS b ON b.run_id = r.id AND b.probe = 'main' AND b.step = r.steps AND b.layer = l.layer - 1
    WHERE side = 'interventions=[]'
), moment AS (
    SELECT seed, avg(x * x) - avg(x) * avg(x) AS xx, avg(y * y) - avg(y) * avg(y) AS yy, avg(x * y) - avg(x) * avg(y) AS xy
    FROM change GROUP BY seed
)
SELECT seed, xy / sqrt(xx * yy) FROM moment WHERE xx > 1e-12 AND yy > 1e-12;
