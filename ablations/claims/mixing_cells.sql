-- Means over seeds: mixing, distance of the last layer's rows from their mean, that of those after the first, sink rate.
SELECT own.label AS cell, count(*) AS seeds, avg(e.mixing) AS mixing, avg(m.value) AS rank_collapse, avg(n.value) AS rest, avg(e.sink_rate_03) AS sink_rate_03
FROM own JOIN run AS r ON r.id = own.run_id JOIN eval AS e ON e.run_id = r.id AND e.probe = 'main' AND e.step = r.steps
LEFT JOIN metric AS m ON m.run_id = r.id AND m.step = r.steps
     AND m.name = 'main.layer.' || ((r.config ->> '$.model.layers') - 1) || '.rank_collapse'
LEFT JOIN metric AS n ON n.run_id = m.run_id AND n.step = m.step AND n.name = m.name || '_rest'
GROUP BY own.label ORDER BY own.label;
