-- By how much does the norm raise DomRatio of the first token's stream, mean over layers?
SELECT own.seed, avg(l.dom_ratio_first) FILTER (WHERE side = 'head_out=rmsnorm')
                 - avg(l.dom_ratio_first) FILTER (WHERE side = 'head_out=none')
FROM own JOIN run AS r ON r.id = own.run_id
JOIN eval_layer AS l ON l.run_id = r.id AND l.probe = 'main' AND l.step = r.steps
GROUP BY own.seed HAVING count(DISTINCT side) = 2;
