-- Which heads have a sink that does not stand on the first token?
-- Mass here is over the queries that can see the key; above 0.3 it is called a sink.
SELECT a.arm, r.seed, h.layer, h.head, h.sink_position AS position,
       round(h.sink_position_mass, 4) AS its_mass, round(h.sink_mass, 4) AS mass_of_first,
       substr(r.key, 1, 8) AS key
FROM run AS r JOIN arm AS a ON a.run_id = r.id JOIN eval_head AS h ON h.run_id = r.id AND h.probe = 'main'
     AND h.step = (SELECT max(step) FROM eval_head WHERE run_id = r.id AND probe = 'main')
WHERE r.status = 'done' AND h.sink_position > 0 AND h.sink_position_mass > 0.3
ORDER BY h.sink_position_mass DESC, r.id, h.layer, h.head;
