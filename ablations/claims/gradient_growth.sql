-- The largest gradient sink of a layer at the last update that is a power of two before the norm ratio passes 3, over that
-- of the first update: above 1, it grew before the norm did.
WITH sink AS (
    SELECT run_id, step, max(gradient_sink) AS sink FROM step_layer WHERE step & (step - 1) = 0 GROUP BY run_id, step
)
SELECT own.seed, late.sink / early.sink
FROM own JOIN onset_eval AS o ON o.run_id = own.run_id AND o.quantity = 'norm_ratio' AND o.first_after IS NOT NULL
JOIN sink AS early ON early.run_id = own.run_id AND early.step = 1
JOIN sink AS late ON late.run_id = own.run_id
     AND late.step = (SELECT max(s.step) FROM sink AS s WHERE s.run_id = own.run_id AND s.step <= o.last_before);
