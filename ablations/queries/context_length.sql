-- How does the sink change with the training context, at one length of probe?
-- Rates are compared at equal T only; the probe at the training context stands beside.
SELECT a.arm, r.config ->> '$.model.context' AS context, m.T, count(*) AS seeds, min(f.tokens) AS tokens,
       round(avg(f.val_loss), 4) AS val_loss, round(avg(f.sink_rate_03), 4) AS sink_rate_03,
       round(avg(f.sink_mass), 4) AS sink_mass, round(avg(f.uniform_mass), 4) AS uniform_mass,
       round(avg(c.sink_rate_03), 4) AS sink_rate_03_at_context
FROM final AS f JOIN arm AS a USING (run_id) JOIN run AS r ON r.id = f.run_id
JOIN eval AS m ON m.run_id = f.run_id AND m.probe = 'main'
     AND m.step = (SELECT max(step) FROM eval WHERE run_id = f.run_id AND probe = 'main')
LEFT JOIN eval AS c ON c.run_id = f.run_id AND c.probe = 'context' AND c.step = m.step
GROUP BY a.arm, context, m.T ORDER BY a.arm, context, m.T;
