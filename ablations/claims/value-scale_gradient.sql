-- By how much is the gradient sink, mean over layers, higher with a learned number on the value path?
SELECT own.seed, avg(l.gradient_sink) FILTER (WHERE side = 'variant=value_scale') - avg(l.gradient_sink) FILTER (WHERE side = 'variant=baseline')
FROM own JOIN run AS r ON r.id = own.run_id
JOIN eval_layer AS l ON l.run_id = r.id AND l.probe = 'main' AND l.step = r.steps
GROUP BY own.seed HAVING count(DISTINCT side) = 2;
