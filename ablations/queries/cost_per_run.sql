-- What did each run cost, and how much of it was measuring rather than training?
-- The first evaluation, before any update, is in no row.
SELECT a.arm, r.seed, r.status, max(s.tokens) AS tokens, r.parameters,
       round(sum(s.ms) / 1000, 1) AS train_s, round(total(s.probe_ms) / 1000, 1) AS probe_s,
       round(total(s.save_ms) / 1000, 1) AS save_s,
       round(100 * total(s.probe_ms) / (sum(s.ms) + total(s.probe_ms) + total(s.save_ms)), 1)
           AS probe_percent,
       round(1000 * max(s.tokens) / sum(s.ms)) AS tokens_per_s,
       round(max(s.tokens) * r.flops_per_token / 1e12, 3) AS tflop, r.threads, r.cpu,
       substr(r.key, 1, 8) AS key
FROM run AS r JOIN arm AS a ON a.run_id = r.id JOIN step AS s ON s.run_id = r.id
GROUP BY r.id ORDER BY sum(s.ms) + total(s.probe_ms) + total(s.save_ms) DESC, r.id;
