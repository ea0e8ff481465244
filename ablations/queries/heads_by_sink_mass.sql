-- Which heads give the first token the most attention at the end?
-- Read the mass beside the control: that of uniform causal attention over rows of the same length.
SELECT a.arm, r.seed, h.layer, h.head, round(h.sink_mass, 4) AS sink_mass,
       round(e.uniform_mass, 4) AS uniform_mass, round(h.value_drain, 3) AS value_drain,
       round(h.dormant, 3) AS dormant, substr(r.key, 1, 8) AS key
FROM run AS r JOIN arm AS a ON a.run_id = r.id
JOIN eval AS e ON e.run_id = r.id AND e.probe = 'main'
     AND e.step = (SELECT max(step) FROM eval_head WHERE run_id = r.id AND probe = 'main')
JOIN eval_head AS h ON h.run_id = r.id AND h.probe = 'main' AND h.step = e.step
WHERE r.status = 'done' ORDER BY h.sink_mass DESC, r.id, h.layer, h.head LIMIT 20;
