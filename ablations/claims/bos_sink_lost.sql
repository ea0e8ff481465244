-- How much of the sink rate of a model trained with BOS goes when BOS is taken away, on the same text?
SELECT own.seed, m.sink_rate_03 - o.sink_rate_03
FROM own JOIN run AS r ON r.id = own.run_id
JOIN eval AS m ON m.run_id = own.run_id AND m.probe = 'main' AND m.step = r.steps
JOIN eval AS o ON o.run_id = own.run_id AND o.probe = 'other_bos' AND o.step = r.steps
WHERE side = 'variant=baseline';
