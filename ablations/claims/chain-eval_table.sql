-- Where do heads sink under each? Means over seeds: the share of heads whose largest mass is on key 10 (and that mass) and on
-- the first, the sink rate, the first token's norm ratio.
WITH head AS (
    SELECT own.run_id, h.probe, h.step, avg(h.sink_position = 10) AS at_10, avg(h.sink_position = 0) AS at_first,
           avg(iif(h.sink_position = 10, h.sink_position_mass, NULL)) AS mass_at_10
    FROM own JOIN run AS r ON r.id = own.run_id JOIN eval_head AS h ON h.run_id = r.id AND h.step = r.steps
    WHERE h.probe = 'main' OR h.probe LIKE 'main do %' GROUP BY own.run_id, h.probe
)
SELECT iif(e.probe = 'main', 'untouched', substr(e.probe, length('main do ') + 1)) AS intervention, count(*) AS seeds,
       avg(at_10) AS heads_at_10, avg(mass_at_10) AS mass_at_10, avg(at_first) AS heads_at_first,
       avg(e.sink_rate_03) AS sink_rate_03, avg(e.norm_ratio) AS norm_ratio
FROM head JOIN eval AS e USING (run_id, probe, step) GROUP BY e.probe ORDER BY e.probe;
