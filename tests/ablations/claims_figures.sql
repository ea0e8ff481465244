-- What planted runs of the claims measured (tests/ablations/claims_test.c): sections by claim.

-- section valley
INSERT INTO eval_layer (run_id, step, probe, layer, norm_ratio, entropy_norm, sink_rate_03)
    SELECT run.id, 100, 'main', value, exp(0.05 * value * value), 0.9 - 0.01 * value * value, 0.02 * value * value
    FROM run, json_each('[0, 1, 2, 3, 4, 5, 6, 7]');
INSERT INTO eval (run_id, step, probe, norm_ratio, entropy_norm_min, sink_rate_03)
    SELECT run.id, value, 'main', exp(0.02 * value), CASE value WHEN 0 THEN 0.8 WHEN 50 THEN 0.7 ELSE 0.4 END,
        iif(value = 100, 0.4, 0)
    FROM run, json_each('[0, 50, 100]');

-- section gradient: The norm ratio passes 3 and the sink rate 0.1 between steps 10 and 20. Update 10 is none that is kept.
INSERT INTO eval (run_id, step, probe, norm_ratio, sink_rate_03)
    SELECT run.id, value, 'main', iif(value < 15, 1, 4), iif(value < 15, 0, 0.2)
    FROM run, json_each('[0, 10, 20, 100]');
INSERT INTO step_layer (run_id, step, layer, gradient_sink)
    SELECT run.id, value, 0, CASE value WHEN 1 THEN 2 WHEN 8 THEN 3 WHEN 10 THEN 100 ELSE 9 END
    FROM run, json_each('[1, 8, 10, 16]');
INSERT INTO step_layer (run_id, step, layer, gradient_sink) SELECT run.id, value, 1, 1 FROM run, json_each('[1, 8]');
INSERT INTO eval_layer (run_id, step, probe, layer, gradient_sink)
    SELECT run.id, value, 'main', 0, CASE value WHEN 0 THEN 1 WHEN 10 THEN 4 WHEN 20 THEN 5 ELSE 6 END
    FROM run, json_each('[0, 10, 20, 100]');

-- section mixing: What BOS takes: 0.1, twice as much with eight layers, three times as much at a context of 128.
INSERT INTO eval (run_id, step, probe, mixing)
    SELECT run.id, 100, 'main', 0.2 + 0.01 * seed + 0.1 * (variant = 'no_bos')
        * iif(config ->> '$.model.layers' = 8, 2, 1) * iif(config ->> '$.model.context' = 128, 3, 1)
    FROM run;
INSERT INTO metric
    SELECT run.id, 100, 'main.layer.' || ((config ->> '$.model.layers') - 1) || '.rank_collapse',
        0.8 - 0.1 * (variant = 'no_bos')
    FROM run;
INSERT INTO metric SELECT run.id, 100, 'main.layer.0.rank_collapse', 7 * (variant = 'no_bos') FROM run;

-- section open/mixing-size
INSERT INTO eval (run_id, step, probe, mixing)
    SELECT run.id, 100, 'main', 0.2 + 0.001 * (variant = 'no_bos') * (config ->> '$.model.width') FROM run;
INSERT INTO metric
    SELECT run.id, 100, 'main.layer.' || ((config ->> '$.model.layers') - 1) || '.rank_collapse_rest',
        0.5 - 0.2 * (variant = 'no_bos')
    FROM run;
INSERT INTO metric SELECT run.id, 100, 'main.layer.0.rank_collapse_rest', 7 * (variant = 'no_bos') FROM run;

-- section head-rmsnorm: The better cell has a lower loss; what the norm does stands in figures of its own.
INSERT INTO eval (run_id, step, probe, val_loss)
    SELECT run.id, 100, 'main',
        3 + 0.1 * seed + (config ->> '$.optim.lr') - 0.25 * (config ->> '$.model.head_out' = 'rmsnorm')
    FROM run;
INSERT INTO eval_layer (run_id, step, probe, layer, effective_rank_stacked, dom_ratio_first)
    SELECT run.id, 100, 'main', value, 10 + 2 * value * (config ->> '$.model.head_out' = 'rmsnorm'),
        20 - 4 * value * (config ->> '$.model.head_out' = 'rmsnorm')
    FROM run, json_each('[0, 1]');

-- section weight-decay
INSERT INTO eval (run_id, step, probe, sink_rate_03)
    SELECT run.id, 100, 'main',
        CASE config ->> '$.optim.weight_decay' WHEN 0 THEN 0.125 WHEN 0.1 THEN 0.25 WHEN 0.5 THEN 0.75 ELSE 0 END
    FROM run;

-- section late-outliers
INSERT INTO eval (run_id, step, probe, massive_ratio) SELECT run.id, 100, 'main', 9 FROM run;
INSERT INTO eval_layer (run_id, step, probe, layer, kurtosis)
    SELECT run.id, 100, 'main', value, 3 + value * (config ->> '$.optim.schedule' = 'cosine') FROM run, json_each('[0, 1]');

-- section bos
INSERT INTO eval (run_id, step, probe, sink_rate_03, bos_cost_late)
    SELECT run.id, 100, value, iif(value = 'main', 0.5, 0.125) + (variant = 'no_bos'), iif(value = 'main', NULL, 0.0625)
    FROM run, json_each('["main", "other_bos"]');

-- section seeds: Shared weights: one head, one channel; units of layer 0 alone. A shared text: none.
INSERT INTO eval_head (run_id, step, probe, layer, head, sink_mass)
    SELECT run.id, 100, 'main', value, 0, value = iif(config ->> '$.seeds.init' = 0, 1, seed)
    FROM run, json_each('[0, 1, 2, 3, 4, 5, 6, 7, 8]');
INSERT INTO eval_layer (run_id, step, probe, layer, massive_channel, super_unit)
    SELECT run.id, 100, 'main', value, iif(config ->> '$.seeds.init' = 0, 59, seed),
        iif(config ->> '$.seeds.init' = 0 AND value = 0, 7, seed)
    FROM run, json_each('[0, 1]');

-- section exclusive
INSERT INTO eval (run_id, step, probe, sink_rate_03) SELECT run.id, 100, 'main', 0.03 + (variant = 'baseline') FROM run;
INSERT INTO eval_head (run_id, step, probe, layer, head, diagonal)
    SELECT run.id, 100, 'main', value, 0, 0.1 + 0.5 * value * (variant = 'exclusive') FROM run, json_each('[0, 1]');

-- section value-scale
INSERT INTO eval (run_id, step, probe, sink_rate_03, massive_ratio)
    SELECT run.id, 100, 'main', 0.5 - 0.125 * (variant <> 'baseline'), 9 FROM run;
INSERT INTO eval_layer (run_id, step, probe, layer, gradient_sink)
    SELECT run.id, 100, 'main', value, 7 - 4 * value * (variant <> 'baseline') FROM run, json_each('[0, 1]');

-- section depth: Of twelve layers the lens loss rises after the sixth, the norm falls after the last, the valley is at the sixth.
INSERT INTO eval_layer (run_id, step, probe, layer, mixing, entropy_norm, norm_ratio, lens_loss)
    SELECT run.id, 100, 'main', value, 1 - 0.05 * value, 0.5 + 0.1 * abs(value - 5), iif(value = 11, 2.75, value + 1),
        iif(value = 5, 0, -value)
    FROM run, json_each('[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]');

-- section packing
INSERT INTO eval (run_id, step, probe, sink_rate_03)
    SELECT run.id, 100, value,
        CASE config ->> '$.data.bos' WHEN 'none' THEN 0.125 WHEN 'row' THEN iif(value = 'main', 0.5, 0.25) ELSE 0.375 END
            + 0.25 * (config ->> '$.data.mask' = 'document' AND value = 'main')
    FROM run, json_each('["main", "other_bos"]');

-- section chain
INSERT INTO eval_layer (run_id, step, probe, layer, out_variance_ratio)
    SELECT run.id, value, 'random', 0, 7 + value FROM run, json_each('[0, 100]');
INSERT INTO eval_layer (run_id, step, probe, layer, entropy_norm, super_ratio, dom_ratio_first, sink_rate_03)
    SELECT run.id, value, 'main', 0, 0.5, exp(0.02 * value), exp(CASE value WHEN 0 THEN 0 WHEN 50 THEN 1 ELSE 4 END),
        iif(value = 100, 0.4, 0)
    FROM run, json_each('[0, 50, 100]');

-- section noop
INSERT INTO metric SELECT run.id, 100, 'main.layer.0.head.' || value || '.dormant_other', 0.9 - 0.4 * value
    FROM run, json_each('[0, 1]');
INSERT INTO metric SELECT run.id, 100, 'main.layer.0.head.' || value || '.dormant_trigger', 0.2 + 0.2 * value
    FROM run, json_each('[0, 1]');
INSERT INTO metric SELECT run.id, 50, 'main.layer.0.head.0.dormant_other', 5 FROM run;

-- section rows rows-large: After 8,192 to 212,992 rows.
WITH x AS (SELECT run.id, config ->> '$.model.context' AS context, config ->> '$.train.batch_tokens' AS tokens, value AS seen
    FROM run, json_each('[8192, 16384, 53248, 65536, 212992]'))
INSERT INTO eval (run_id, step, probe, sink_rate_03, sink_mass)
    SELECT id, seen * context / tokens, 'main', context * (1 + seen / 65536.0) / 1024, 0 FROM x;

-- section law: The first mass of those evaluations as a law of rows, context and rows a step; runs are tuned by a loss of 1.
UPDATE eval SET val_loss = 1, sink_mass = (SELECT 0.3 + 0.01 * log2(step * tokens / context) + 0.02 * log2(context)
        - 0.03 * log2(tokens / context) + 0.004 * log2(context) * log2(tokens / context)
    FROM (SELECT config ->> '$.model.context' AS context, config ->> '$.train.batch_tokens' AS tokens FROM run WHERE id = run_id));

-- section chain-do: Of four heads two go to key 10 where it sees only itself, none where it is scaled, else one.
INSERT INTO eval_head (run_id, step, probe, layer, head, sink_position, sink_position_mass)
    SELECT run.id, 100, 'main', l.value, h.value,
        iif(l.value + 2 * h.value < CASE config ->> '$.model.interventions' WHEN '["self_only(pos=10)"]' THEN 2
                WHEN '["scale(pos=10,lambda=4)"]' THEN 0 ELSE 1 END, 10, 0), 0.5
    FROM run, json_each('[0, 1]') AS l, json_each('[0, 1]') AS h;

-- section chain-eval: Under one all heads go to key 10, untouched half of them do.
INSERT INTO eval_head (run_id, step, probe, layer, head, sink_position, sink_position_mass)
    SELECT run.id, 100, p.value, 0, h.value, iif(p.value LIKE '%self_only%' OR p.value = 'main' AND h.value, 10, 0), 0.5
    FROM run, json_each('["main", "main do self_only(pos=10)", "main do scale(pos=10,lambda=4)"]') AS p, json_each('[0, 1]') AS h;
