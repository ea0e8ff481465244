-- Share of pairs of runs that agree, mean over layers: on the head with the largest mass of the first key (chance 0.125), on the
-- massive channel (0.0078), on the top super neuron (0.0031). The side that shares nothing is chance as it came out.
WITH head AS (
    SELECT run_id, layer, head, row_number() OVER (PARTITION BY run_id ORDER BY sink_mass DESC, layer, head) AS place
    FROM eval_head JOIN run ON run.id = run_id WHERE probe = 'main' AND step = steps
), figure AS (
    SELECT own.label, own.run_id, 'head' AS what, 0 AS layer, h.layer || '.' || h.head AS value
    FROM own JOIN head AS h USING (run_id) WHERE h.place = 1
    UNION ALL SELECT own.label, own.run_id, q.what, l.layer, iif(q.what = 'channel', l.massive_channel, l.super_unit)
    FROM own JOIN run AS r ON r.id = own.run_id JOIN eval_layer AS l ON l.run_id = r.id AND l.probe = 'main' AND l.step = r.steps,
         (SELECT 'channel' AS what UNION ALL SELECT 'unit') AS q
)
SELECT a.label AS cell, count(DISTINCT a.run_id) AS seeds, avg(a.value = b.value) FILTER (WHERE a.what = 'head') AS head,
       avg(a.value = b.value) FILTER (WHERE a.what = 'channel') AS channel,
       avg(a.value = b.value) FILTER (WHERE a.what = 'unit') AS unit
FROM figure AS a JOIN figure AS b ON b.label = a.label AND b.what = a.what AND b.layer = a.layer AND b.run_id <> a.run_id
GROUP BY a.label ORDER BY min(a.run_id);
