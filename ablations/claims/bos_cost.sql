-- By how many nats does the loss of a model trained with BOS rise when BOS is taken away?
-- Over the same targets of the same rows, those from T / 2 on, paired by row (eval.bos_cost_late).
SELECT seed, bos_cost_late FROM own JOIN eval AS e USING (run_id)
WHERE side = 'variant=baseline' AND e.probe = 'other_bos' AND bos_cost_late IS NOT NULL;
