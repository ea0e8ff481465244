-- Means over seeds, layer by layer, after training.
SELECT l.layer, count(*) AS seeds, avg(l.mixing) AS mixing, avg(l.entropy_norm) AS entropy_norm, avg(l.norm_ratio) AS norm_ratio,
       avg(l.massive_ratio) AS massive_ratio, avg(l.sink_rate_03) AS sink_rate_03, avg(l.lens_loss) AS lens_loss
FROM own JOIN run AS r ON r.id = own.run_id
JOIN eval_layer AS l ON l.run_id = r.id AND l.probe = 'main' AND l.step = r.steps
GROUP BY l.layer ORDER BY l.layer;
