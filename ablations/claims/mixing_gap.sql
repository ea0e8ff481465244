-- How much more does attention mix in a model that was trained without BOS, mean over the pairs of a seed?
SELECT own.seed, avg(e.mixing) FILTER (WHERE side = 'variant=no_bos') - avg(e.mixing) FILTER (WHERE side = 'variant=baseline')
FROM own JOIN run AS r ON r.id = own.run_id JOIN eval AS e ON e.run_id = r.id AND e.probe = 'main' AND e.step = r.steps
GROUP BY own.seed HAVING count(*) FILTER (WHERE side = 'variant=no_bos') = count(*) FILTER (WHERE side = 'variant=baseline');
