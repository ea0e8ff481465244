-- Do massive activations come and go with the sink while a run trains?
-- r: correlation, over a run's evaluations, of the sink rate with the logarithm of the largest |x| over the
-- median.
WITH reading AS (
    SELECT run_id, sink_rate_03 AS x, ln(massive_ratio) AS y FROM eval
    WHERE probe = 'main' AND sink_rate_03 IS NOT NULL AND massive_ratio > 0
), moment AS (
    SELECT run_id, count(*) AS evaluations, avg(x * x) - avg(x) * avg(x) AS xx,
           avg(y * y) - avg(y) * avg(y) AS yy, avg(x * y) - avg(x) * avg(y) AS xy, exp(max(y)) AS largest
    FROM reading GROUP BY run_id
)
SELECT a.arm, r.seed, evaluations, round(largest, 1) AS largest_ratio,
       CASE WHEN xx > 1e-12 AND yy > 1e-12 THEN round(xy / sqrt(xx * yy), 3) END AS r,
       substr(r.key, 1, 8) AS key
FROM moment JOIN run AS r ON r.id = run_id JOIN arm AS a USING (run_id) ORDER BY a.arm, r.seed;
