-- Means over seeds: as trained, and with BOS put in or taken away. Losses of two packings may not be compared.
SELECT own.label AS cell, iif(e.probe = 'main', 'as trained', 'BOS flipped') AS evaluated, count(*) AS seeds,
       avg(e.sink_rate_03) AS sink_rate_03, avg(e.sink_rate_08) AS sink_rate_08, avg(e.sink_mass) AS sink_mass, avg(e.val_loss) AS val_loss
FROM own JOIN run AS r ON r.id = own.run_id JOIN eval AS e ON e.run_id = r.id AND e.step = r.steps AND e.probe IN ('main', 'other_bos')
GROUP BY own.label, e.probe ORDER BY own.label, e.probe;
