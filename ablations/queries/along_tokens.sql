-- How do sink, norm and loss go with the tokens seen, own runs beside published series?
-- One row a run and light evaluation of probe main. Rows of another T have another uniform_mass: rates of one T alone may be
-- compared, and losses of one text.
SELECT a.arm, r.seed, iif(e.step = 0, 0, s.tokens) AS tokens, e.step, e.T, round(e.sink_rate_03, 4) AS sink_rate_03, round(e.sink_mass, 4) AS sink_mass,
       round(e.uniform_mass, 4) AS uniform_mass, round(e.value_drain, 4) AS value_drain,
       round(e.norm_ratio, 4) AS norm_ratio, round(e.val_loss, 4) AS val_loss, substr(r.key, 1, 8) AS key
FROM eval_now AS e JOIN run AS r ON r.id = e.run_id JOIN arm AS a USING (run_id)
LEFT JOIN step AS s ON s.run_id = e.run_id AND s.step = e.step
WHERE e.probe = 'main' AND (e.step = 0 OR s.tokens IS NOT NULL)
ORDER BY a.arm, r.seed, r.key, e.step;
