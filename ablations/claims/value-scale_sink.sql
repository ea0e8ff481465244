-- By how much is the sink rate higher with a learned number on the value path?
SELECT own.seed, max(e.sink_rate_03) FILTER (WHERE side = 'variant=value_scale') - max(e.sink_rate_03) FILTER (WHERE side = 'variant=baseline')
FROM own JOIN run AS r ON r.id = own.run_id JOIN eval AS e ON e.run_id = r.id AND e.probe = 'main' AND e.step = r.steps
GROUP BY own.seed HAVING count(*) = 2;
