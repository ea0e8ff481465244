-- What happens to loss and sink when BOS is taken away, or put in, at evaluation?
-- The same rows and targets with the other choice of data.bos, paired by row: the mean difference of the loss and its
-- standard error; over all targets, and over those from T / 2 on, whose context hardly changes. Sink rates: of the probes
-- main and other_bos, the same text.
SELECT a.arm, f.seed, r.config ->> '$.data.bos' AS trained_with, round(o.bos_cost, 4) AS bos_cost,
       round(o.bos_cost_se, 4) AS se, round(o.bos_cost_late, 4) AS bos_cost_late, round(o.bos_cost_late_se, 4) AS late_se,
       o.bos_cost_rows AS rows, round(f.sink_rate_03, 4) AS sink_rate_03, round(o.sink_rate_03, 4) AS sink_rate_03_other,
       substr(f.key, 1, 8) AS key
FROM final AS f JOIN run AS r ON r.id = f.run_id JOIN arm AS a USING (run_id)
JOIN eval AS o ON o.run_id = f.run_id AND o.probe = 'other_bos'
     AND o.step = (SELECT max(step) FROM eval WHERE run_id = f.run_id AND probe = 'other_bos')
ORDER BY a.arm, f.seed;
