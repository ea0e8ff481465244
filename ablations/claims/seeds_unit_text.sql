-- The top super neuron of a layer: how often is it the same one, mean over layers?
-- Runs that share the order of the text. A number is the share of a seed's companions that agree with it.
WITH figure AS (
    SELECT own.seed, l.super_unit AS place, l.layer
    FROM own JOIN run AS r ON r.id = own.run_id
    JOIN eval_layer AS l ON l.run_id = r.id AND l.probe = 'main' AND l.step = r.steps
    WHERE own.label = 'init=null data=0'
)
SELECT a.seed, avg(a.place = b.place) FROM figure AS a JOIN figure AS b ON b.layer = a.layer AND b.seed <> a.seed
GROUP BY a.seed;
