-- The sink rate that is left where a token's own value is taken out.
SELECT own.seed, e.sink_rate_03
FROM own JOIN run AS r ON r.id = own.run_id JOIN eval AS e ON e.run_id = r.id AND e.probe = 'main' AND e.step = r.steps
WHERE side = 'variant=exclusive';
