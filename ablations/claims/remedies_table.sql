-- Means over seeds after training: loss, sink, massive activation, kurtosis of the stream (mean over layers).
WITH k AS (
    SELECT run_id, avg(kurtosis) AS kurtosis FROM eval_layer JOIN run ON run.id = run_id
    WHERE probe = 'main' AND step = steps GROUP BY run_id
)
SELECT own.label AS cell, count(*) AS seeds, avg(e.val_loss) AS val_loss, avg(e.sink_rate_03) AS sink_rate_03,
       avg(e.sink_mass) AS sink_mass, avg(e.massive_ratio) AS massive_ratio, avg(e.norm_ratio) AS norm_ratio,
       avg(e.value_drain) AS value_drain, avg(k.kurtosis) AS kurtosis
FROM own JOIN run AS r ON r.id = own.run_id JOIN eval AS e ON e.run_id = r.id AND e.probe = 'main' AND e.step = r.steps
LEFT JOIN k ON k.run_id = r.id GROUP BY own.label ORDER BY own.label;
