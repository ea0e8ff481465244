-- Which arm has the lowest held-out loss after the same number of tokens?
-- An arm is a variant, or a side of a sweep over any other key. That number is what every finished run has seen; each run is
-- read at its last held-out loss up to there. By val_loss_late, which runs with and without BOS may be compared by; arms of
-- another group (text, tokenizer, context) may not be.
WITH common AS (
    SELECT min(tokens) AS tokens FROM final
), reading AS (
    SELECT e.run_id, e.val_loss_late, s.tokens,
           row_number() OVER (PARTITION BY e.run_id ORDER BY e.step DESC) AS back
    FROM eval AS e JOIN step AS s USING (run_id, step), common
    WHERE e.probe = 'main' AND e.val_loss_late IS NOT NULL AND s.tokens <= common.tokens
)
SELECT dense_rank() OVER (ORDER BY l.late) AS "group", a.arm, count(*) AS seeds, min(r.tokens) AS tokens,
       round(avg(r.val_loss_late), 4) AS val_loss_late, round(min(r.val_loss_late), 4) AS best,
       round(max(r.val_loss_late), 4) AS worst
FROM final AS f JOIN arm AS a USING (run_id) JOIN loss_scope AS l USING (run_id)
JOIN reading AS r ON r.run_id = f.run_id AND r.back = 1
WHERE l.late IS NOT NULL GROUP BY l.late, a.arm ORDER BY "group", avg(r.val_loss_late);
