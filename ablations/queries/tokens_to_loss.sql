-- How many tokens does each run need to reach a held-out loss?
-- `.param set :loss 2.8` before it names the loss; else it is the worst final one, which all runs reach: at their end
-- over 262,144 targets, before it over 16,384 of the same text, so that one near its final loss may seem early or late.
WITH target AS (
    SELECT coalesce(:loss, (SELECT max(val_loss) FROM final)) AS loss
), reached AS (
    SELECT e.run_id, min(e.step) AS step FROM eval AS e, target
    WHERE e.probe = 'main' AND e.val_loss <= target.loss GROUP BY e.run_id
)
SELECT r.variant, r.seed, round(target.loss, 4) AS loss, reached.step, coalesce(s.tokens, 0) AS tokens,
       round((SELECT sum(ms) / 1000 FROM step WHERE run_id = r.id AND step <= reached.step), 1) AS seconds,
       substr(r.key, 1, 8) AS key
FROM target, reached JOIN run AS r ON r.id = reached.run_id
LEFT JOIN step AS s ON s.run_id = r.id AND s.step = reached.step
ORDER BY tokens, r.variant, r.seed;
