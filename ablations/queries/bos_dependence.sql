-- What happens to loss and sink when BOS is taken away, or put in, at evaluation?
-- main is as in training with data.bos row or none, other_bos with the other choice. Sinks: on the same text. Losses: over 262,144 and 16,384
-- targets of different held-out text, so that a difference below some 0.05 may be the text's.
SELECT f.variant, f.seed, r.config ->> '$.data.bos' AS trained_with, round(f.val_loss, 4) AS val_loss,
       round(o.val_loss, 4) AS val_loss_other, round(o.val_loss - f.val_loss, 4) AS d_val_loss,
       round(f.sink_rate_03, 4) AS sink_rate_03, round(o.sink_rate_03, 4) AS sink_rate_03_other,
       substr(f.key, 1, 8) AS key
FROM final AS f JOIN run AS r ON r.id = f.run_id
JOIN eval AS o ON o.run_id = f.run_id AND o.probe = 'other_bos'
     AND o.step = (SELECT max(step) FROM eval WHERE run_id = f.run_id AND probe = 'other_bos')
ORDER BY f.variant, f.seed;
