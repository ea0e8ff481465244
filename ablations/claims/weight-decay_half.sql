-- By how much is the sink rate at a decay of 0.5 above that at 0.1?
SELECT own.seed, max(e.sink_rate_03) FILTER (WHERE side = 'weight_decay=0.5') - max(e.sink_rate_03) FILTER (WHERE side = 'weight_decay=0.1')
FROM own JOIN run AS r ON r.id = own.run_id JOIN eval AS e ON e.run_id = r.id AND e.probe = 'main' AND e.step = r.steps
WHERE side IN ('weight_decay=0.5', 'weight_decay=0.1') GROUP BY own.seed HAVING count(*) = 2;
