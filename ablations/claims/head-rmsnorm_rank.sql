-- By how much does the norm raise the effective rank of the stacked rows of the stream, mean over layers?
SELECT own.seed, avg(l.effective_rank_stacked) FILTER (WHERE side = 'head_out=rmsnorm')
                 - avg(l.effective_rank_stacked) FILTER (WHERE side = 'head_out=none')
FROM own JOIN run AS r ON r.id = own.run_id
JOIN eval_layer AS l ON l.run_id = r.id AND l.probe = 'main' AND l.step = r.steps
GROUP BY own.seed HAVING count(DISTINCT side) = 2;
