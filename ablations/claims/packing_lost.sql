-- Under the mask: how much of the sink rate of a model trained with BOS on every row goes with BOS at evaluation?
SELECT own.seed, max(e.sink_rate_03) FILTER (WHERE e.probe = 'main') - max(e.sink_rate_03) FILTER (WHERE e.probe = 'other_bos')
FROM own JOIN run AS r ON r.id = own.run_id JOIN eval AS e ON e.run_id = r.id AND e.step = r.steps AND e.probe IN ('main', 'other_bos')
WHERE own.label = 'mask=' || :mask || ' bos=row' GROUP BY own.seed HAVING count(*) = 2;
