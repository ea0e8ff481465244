-- What does each variant change against the baseline of the same seed, and what does that cost in loss?
-- An arm is a variant, or a side of a sweep over any of the keys that variants choose.
SELECT arm, count(DISTINCT seed) AS seeds, round(avg(d_val_loss), 4) AS d_val_loss,
       round(min(d_val_loss), 4) AS from_, round(max(d_val_loss), 4) AS to_,
       round(avg(d_sink_rate_03), 4) AS d_sink_rate_03, round(avg(d_norm_ratio), 3) AS d_norm_ratio,
       round(avg(d_value_drain), 3) AS d_value_drain
FROM paired JOIN arm USING (run_id) GROUP BY arm ORDER BY avg(d_val_loss);
