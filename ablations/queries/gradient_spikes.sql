-- Which runs had spikes in the gradient, and did the loss jump with them?
-- A spike: a gradient norm above four times the mean of the 20 steps before it.
WITH watched AS (
    SELECT run_id, step, loss, grad_norm, avg(grad_norm) OVER before AS usual,
           avg(loss) OVER before AS usual_loss, count(*) OVER before AS n
    FROM step
    WINDOW before AS (PARTITION BY run_id ORDER BY step ROWS BETWEEN 20 PRECEDING AND 1 PRECEDING)
)
SELECT a.arm, r.seed, r.status, count(*) AS spikes, min(w.step) AS first, max(w.step) AS last,
       round(max(w.grad_norm / w.usual), 1) AS largest,
       round(max(w.loss - w.usual_loss), 4) AS largest_jump_of_loss, substr(r.key, 1, 8) AS key
FROM watched AS w JOIN run AS r ON r.id = w.run_id JOIN arm AS a ON a.run_id = r.id
WHERE w.n = 20 AND w.grad_norm > 4 * w.usual GROUP BY w.run_id ORDER BY spikes DESC, r.id;
