-- Which variant has the lowest held-out loss after the same number of tokens?
-- An arm is a variant, or a side of a sweep over any other key.
-- That number is what every finished run has seen; each run is read at its last held-out loss up to there. At a
-- run's end that is over 262,144 targets, before it over 16,384 of the same text: where runs are of different length,
-- differences below some 0.05 may be the text's.
WITH common AS (
    SELECT min(tokens) AS tokens FROM final
), reading AS (
    SELECT e.run_id, e.val_loss, s.tokens,
           row_number() OVER (PARTITION BY e.run_id ORDER BY e.step DESC) AS back
    FROM eval AS e JOIN step AS s USING (run_id, step), common
    WHERE e.probe = 'main' AND e.val_loss IS NOT NULL AND s.tokens <= common.tokens
)
SELECT a.arm, count(*) AS seeds, min(r.tokens) AS tokens, round(avg(r.val_loss), 4) AS val_loss,
       round(min(r.val_loss), 4) AS best, round(max(r.val_loss), 4) AS worst
FROM final AS f JOIN arm AS a USING (run_id) JOIN reading AS r ON r.run_id = f.run_id AND r.back = 1
GROUP BY a.arm ORDER BY avg(r.val_loss);
