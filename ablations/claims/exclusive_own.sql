-- How much more of a query's mass is on its own token where that token's value is taken out, mean over heads?
SELECT own.seed, avg(h.diagonal) FILTER (WHERE side = 'variant=exclusive') - avg(h.diagonal) FILTER (WHERE side = 'variant=baseline')
FROM own JOIN run AS r ON r.id = own.run_id
JOIN eval_head AS h ON h.run_id = r.id AND h.probe = 'main' AND h.step = r.steps
GROUP BY own.seed HAVING count(DISTINCT side) = 2;
