-- Where do heads sink after training? Means over seeds: the share of heads whose largest mass is on key 10 (and that mass) and
-- on the first, the sink rate, the loss.
WITH head AS (
    SELECT own.run_id, own.side, avg(h.sink_position = 10) AS at_10, avg(h.sink_position = 0) AS at_first,
           avg(iif(h.sink_position = 10, h.sink_position_mass, NULL)) AS mass_at_10
    FROM own JOIN run AS r ON r.id = own.run_id JOIN eval_head AS h ON h.run_id = r.id AND h.probe = 'main' AND h.step = r.steps
    GROUP BY own.run_id
)
SELECT side, count(*) AS seeds, avg(at_10) AS heads_at_10, avg(mass_at_10) AS mass_at_10, avg(at_first) AS heads_at_first,
       avg(e.sink_rate_03) AS sink_rate_03, avg(e.val_loss) AS val_loss
FROM head JOIN run AS r ON r.id = head.run_id JOIN eval AS e ON e.run_id = r.id AND e.probe = 'main' AND e.step = r.steps
GROUP BY side ORDER BY min(head.run_id);
