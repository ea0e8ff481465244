-- Mixing score, mean over the first fifth of the layers.
SELECT own.seed, avg(l.mixing) FROM own JOIN run AS r ON r.id = own.run_id
JOIN eval_layer AS l ON l.run_id = r.id AND l.probe = 'main' AND l.step = r.steps AND l.layer < 0.2 * (r.config ->> '$.model.layers')
GROUP BY own.seed;
