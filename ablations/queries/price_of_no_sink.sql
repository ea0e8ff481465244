-- What does each arm change against the baseline of the same seed, and what does that cost in loss?
-- An arm is a variant, or a side of a sweep over any of the keys that variants choose. loss: which loss the two may be
-- compared by; where rows begin otherwise (data.bos) that is val_loss_late alone, and none where documents begin with BOS.
SELECT arm, count(DISTINCT seed) AS seeds, loss, round(avg(d_loss), 4) AS d_loss,
       round(min(d_loss), 4) AS from_, round(max(d_loss), 4) AS to_,
       round(avg(d_sink_rate_03), 4) AS d_sink_rate_03, round(avg(d_norm_ratio), 3) AS d_norm_ratio,
       round(avg(d_value_drain), 3) AS d_value_drain
FROM paired JOIN arm USING (run_id) GROUP BY arm, loss ORDER BY loss, avg(d_loss);
