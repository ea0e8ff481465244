-- Does the norm of the first token's residual stream lead the sink, or follow it?
-- Onsets are intervals between evaluations; where these overlap, the run cannot tell.
SELECT a.arm, n.seed, n.last_before AS norm_after, n.first_after AS norm_by, s.last_before AS sink_after,
       s.first_after AS sink_by,
       CASE WHEN n.first_after IS NULL AND s.first_after IS NULL THEN 'neither'
            WHEN s.first_after IS NULL THEN 'norm alone'
            WHEN n.first_after IS NULL THEN 'sink alone'
            WHEN n.first_after <= s.last_before THEN 'leads'
            WHEN s.first_after <= n.last_before THEN 'follows'
            ELSE 'within one interval' END AS norm_ratio,
       substr(n.key, 1, 8) AS key
FROM onset AS n JOIN onset AS s ON s.run_id = n.run_id AND s.quantity = 'sink_rate_03'
JOIN arm AS a ON a.run_id = n.run_id
WHERE n.quantity = 'norm_ratio' ORDER BY a.arm, n.seed;
