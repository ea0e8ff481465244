-- By how much is the kurtosis of the stream, mean over layers, higher after a cosine than at a constant rate?
SELECT own.seed, avg(l.kurtosis) FILTER (WHERE side = 'schedule=cosine') - avg(l.kurtosis) FILTER (WHERE side = 'schedule=constant')
FROM own JOIN run AS r ON r.id = own.run_id
JOIN eval_layer AS l ON l.run_id = r.id AND l.probe = 'main' AND l.step = r.steps
GROUP BY own.seed HAVING count(DISTINCT side) = 2;
