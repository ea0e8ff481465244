-- Before training: the variance of the first output of layer 0 over random tokens, over that of later positions.
SELECT own.seed, l.out_variance_ratio FROM own
JOIN eval_layer AS l ON l.run_id = own.run_id AND l.probe = 'random' AND l.step = 0 AND l.layer = 0;
