-- How often is it the same one in the runs of a side: the head with the largest mass of the first key, the channel of the
-- largest |x| of a layer, the top super neuron of a layer? Mean over layers; the share of a seed's companions that agree with it.
WITH figure AS (
    SELECT own.seed, (SELECT h.layer || '.' || h.head FROM eval_head AS h
                      WHERE h.run_id = own.run_id AND h.probe = 'main' AND h.step = r.steps
                      ORDER BY h.sink_mass DESC, h.layer, h.head LIMIT 1) AS place, 0 AS layer
    FROM own JOIN run AS r ON r.id = own.run_id
    WHERE own.label = :side AND :what = 'head'
    UNION ALL SELECT own.seed, CASE :what WHEN 'channel' THEN l.massive_channel WHEN 'unit' THEN l.super_unit END, l.layer
    FROM own JOIN run AS r ON r.id = own.run_id
    JOIN eval_layer AS l ON l.run_id = r.id AND l.probe = 'main' AND l.step = r.steps
    WHERE own.label = :side AND :what <> 'head'
)
SELECT a.seed, avg(a.place = b.place) FROM figure AS a JOIN figure AS b ON b.layer = a.layer AND b.seed <> a.seed
GROUP BY a.seed;
