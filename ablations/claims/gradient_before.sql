-- How large is the largest gradient sink of a layer at the last update that is a power of two before the norm ratio passes 3?
-- Update 16 in all of the claim's runs.
SELECT own.seed, max(l.gradient_sink)
FROM own JOIN onset_eval AS o ON o.run_id = own.run_id AND o.quantity = 'norm_ratio' AND o.first_after IS NOT NULL
JOIN step_layer AS l ON l.run_id = own.run_id
WHERE l.step = (SELECT max(s.step) FROM step_layer AS s
                WHERE s.run_id = own.run_id AND s.step <= o.last_before AND s.step & (s.step - 1) = 0)
GROUP BY own.seed;
