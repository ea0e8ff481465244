-- How many tokens does each run need to reach a held-out loss?
-- `.param set :loss 2.8` before it names the loss; else it is the worst final one, which all runs reach. By val_loss_16k, over
-- one set at every evaluation; rows of one number in `group` are over the same targets after the same text.
WITH target AS (
    SELECT coalesce(:loss, (SELECT max(val_loss_16k) FROM final)) AS loss
), reached AS (
    SELECT e.run_id, min(e.step) AS step FROM eval AS e, target
    WHERE e.probe = 'main' AND e.val_loss_16k <= target.loss GROUP BY e.run_id
)
SELECT dense_rank() OVER (ORDER BY l.whole) AS "group", a.arm, r.seed, round(target.loss, 4) AS loss, reached.step,
       coalesce(s.tokens, 0) AS tokens,
       round((SELECT sum(ms) / 1000 FROM step WHERE run_id = r.id AND step <= reached.step), 1) AS seconds,
       substr(r.key, 1, 8) AS key
FROM target, reached JOIN run AS r ON r.id = reached.run_id JOIN arm AS a USING (run_id) JOIN loss_scope AS l USING (run_id)
LEFT JOIN step AS s ON s.run_id = r.id AND s.step = reached.step
ORDER BY "group", tokens, a.arm, r.seed;
