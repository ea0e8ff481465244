-- Which layers share the work? Means over seeds after training.
SELECT side, l.layer, count(*) AS seeds, avg(l.norm_ratio) AS norm_ratio, avg(l.massive_ratio) AS massive_ratio,
       avg(l.entropy_norm) AS entropy_norm, avg(l.sink_rate_03) AS sink_rate_03
FROM own JOIN run AS r ON r.id = own.run_id
JOIN eval_layer AS l ON l.run_id = r.id AND l.probe = 'main' AND l.step = r.steps
GROUP BY side, l.layer ORDER BY side DESC, l.layer;
