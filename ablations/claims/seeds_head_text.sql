-- The head with the largest mass of the first key: how often is it the same one?
-- Runs that share the order of the text. A number is the share of a seed's companions that agree with it.
WITH figure AS (
    SELECT own.seed, (SELECT h.layer || '.' || h.head FROM eval_head AS h
                      WHERE h.run_id = own.run_id AND h.probe = 'main' AND h.step = r.steps
                      ORDER BY h.sink_mass DESC, h.layer, h.head LIMIT 1) AS place, 0 AS layer
    FROM own JOIN run AS r ON r.id = own.run_id
    WHERE own.label = 'init=null data=0'
)
SELECT a.seed, avg(a.place = b.place) FROM figure AS a JOIN figure AS b ON b.layer = a.layer AND b.seed <> a.seed
GROUP BY a.seed;
