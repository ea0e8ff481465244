-- The first token's norm ratio after the last layer, over the largest one after any.
SELECT own.seed, max(l.norm_ratio) FILTER (WHERE l.layer = (r.config ->> '$.model.layers') - 1) / max(l.norm_ratio)
FROM own JOIN run AS r ON r.id = own.run_id
JOIN eval_layer AS l ON l.run_id = r.id AND l.probe = 'main' AND l.step = r.steps
GROUP BY own.seed;
