-- By how much is the sink rate at the decay `high` above that at `low`?
SELECT own.seed, max(e.sink_rate_03) FILTER (WHERE side = 'weight_decay=' || :high)
                 - max(e.sink_rate_03) FILTER (WHERE side = 'weight_decay=' || :low)
FROM own JOIN run AS r ON r.id = own.run_id JOIN eval AS e ON e.run_id = r.id AND e.probe = 'main' AND e.step = r.steps
WHERE side IN ('weight_decay=' || :high, 'weight_decay=' || :low) GROUP BY own.seed HAVING count(*) = 2;
