-- The gradient sink of a trained model, mean over layers, over that of the last heavy evaluation before the sink rate passes 0.1:
-- above 1, it grew with the sink.
WITH sink AS (
    SELECT run_id, step, avg(gradient_sink) AS sink FROM eval_layer
    WHERE probe = 'main' AND gradient_sink IS NOT NULL GROUP BY run_id, step
)
SELECT own.seed, late.sink / early.sink
FROM own JOIN run AS r ON r.id = own.run_id
JOIN onset_eval AS o ON o.run_id = own.run_id AND o.quantity = 'sink_rate_03' AND o.first_after IS NOT NULL
JOIN sink AS late ON late.run_id = own.run_id AND late.step = r.steps
JOIN sink AS early ON early.run_id = own.run_id
     AND early.step = (SELECT max(s.step) FROM sink AS s WHERE s.run_id = own.run_id AND s.step <= o.last_before);
