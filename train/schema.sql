-- results.db: what every run was and what it measured, at its natural grain. This text is the documentation: each
-- column's comment is its definition and stays in the database (`.schema eval`). It may be run again on a database
-- that has it: nothing changes. A column is named here alone: the views digest, eval_now and final_figure are made
-- from the columns (train/schema_views.sql). New columns stand last, as ALTER TABLE puts them. A column called ms
-- or ..._ms is a time: digest leaves it out.
--
-- Conventions. Steps count updates: step s of `step` is the s-th update (from 1), a row of `eval` at step s
-- was measured after s updates (0: untrained). "First" is key 0 of a row, or the first key that the query's
-- own document or window can see. Losses are nats a token. NULL: not measured, undefined, or NaN (then an
-- `event` of kind nan says so). Figures are per sequence, then averaged over sequences, unless said
-- otherwise.

PRAGMA application_id = 1936616300; -- 'snkl': tells this database from another program's
PRAGMA user_version = 3;            -- version of this schema: one more at any change, of a comment too

CREATE TABLE IF NOT EXISTS run ( -- One row a run, however often it was interrupted and gone on with.
    id INTEGER PRIMARY KEY, -- this database's number of the run; other databases number differently
    key TEXT NOT NULL UNIQUE, -- 32 hex digits: hash of the configuration outside run.*, the corpus, the
    -- tokenizer and the numerics version
    variant TEXT NOT NULL, -- name of the preset of slot and data keys; imported: a series that another program trained
    label TEXT NOT NULL DEFAULT '', -- name for people; not part of the key
    seed INTEGER NOT NULL, -- of initialisation, order of the text and probes, but where seeds.* of config say otherwise
    config TEXT NOT NULL CHECK (json_valid(config)), -- canonical JSON of the whole configuration, nested by
    -- dots, run.* included
    status TEXT NOT NULL -- running: was when last heard of; the lock of its folder tells whether it lives.
        -- interrupted: stopped, killed, or the disk or database failed it; failed: it would fail again
        CHECK (status IN ('queued', 'running', 'done', 'interrupted', 'failed', 'diverged')),
    host TEXT, -- name of the machine that ran it last
    cpu TEXT, -- model name of its processor
    blas_arch TEXT, -- the BLAS kernels used, in bf16 + the bf16 kernel (skx+amx): the bits depend on them
    threads INTEGER, -- OpenMP threads
    git TEXT, -- commit of the program, "-dirty" behind it when the tree was changed
    corpus TEXT, -- what text it was trained on
    licence TEXT, -- of that text
    checkpoint TEXT, -- path of the newest checkpoint
    steps INTEGER, -- updates of a whole run (train.steps)
    parameters INTEGER, -- trained numbers of the model
    flops_per_token REAL, -- nominal, forward and backward
    created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ')), -- UTC: first registered
    started TEXT, -- UTC: first claimed
    finished TEXT, -- UTC: last reached a status other than running
    heartbeat TEXT, -- UTC: last wrote anything
    note TEXT, -- a remark by a person
    corpus_hash TEXT, -- 32 hex digits: of the content of its text
    tokenizer_hash TEXT, -- 32 hex digits: of its tokenizer
    origin TEXT, -- results: read from results files, figures alone, thinned (sinklab merge DB FOLDER); NULL: of a database
    core_minutes REAL -- cores times minutes that it took where it was run, of origin results; NULL: step has the times
) STRICT;

CREATE TABLE IF NOT EXISTS sweep ( -- One row a sweep file, by its name.
    id INTEGER PRIMARY KEY, -- this database's number of the sweep
    name TEXT NOT NULL UNIQUE, -- as in the file
    file TEXT NOT NULL, -- text of the file as last run
    claim TEXT, -- what it is to put to the test, in the file's words
    source TEXT, -- where the claim comes from
    created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ')) -- UTC: first registered
) STRICT;

CREATE TABLE IF NOT EXISTS sweep_run ( -- Which runs a sweep consists of; sweeps share runs.
    sweep INTEGER NOT NULL REFERENCES sweep (id) ON DELETE CASCADE, -- sweep.id
    "index" INTEGER NOT NULL, -- place in the sweep's expansion, from 0
    run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, -- run.id
    PRIMARY KEY (sweep, "index")
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sweep_run_by_run ON sweep_run (run);

CREATE TABLE IF NOT EXISTS step ( -- One row an update.
    run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, -- run.id
    step INTEGER NOT NULL, -- the update, from 1
    tokens INTEGER, -- tokens seen after this update
    loss REAL, -- nats: mean over the batch, before this update; a sink penalty left out
    grad_norm REAL, -- global L2 norm of the gradient before clipping, that of a sink penalty in it
    lr REAL, -- learning rate of this update
    ms REAL, -- milliseconds of data, forward, backward and update
    probe_ms REAL, -- milliseconds of the evaluation after this update
    save_ms REAL, -- milliseconds of the checkpoint after this update
    PRIMARY KEY (run_id, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS step_head ( -- One row an update and head, over all rows of the training batch.
    run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, -- run.id
    step INTEGER NOT NULL, -- the update, from 1
    layer INTEGER NOT NULL, -- from 0
    head INTEGER NOT NULL, -- from 0
    first_mass REAL, -- mass of the first key: mean of A[q,0] over the queries q that see it; mean over rows
    value_ratio REAL, -- norm of the first value over the median norm of the others, mean over rows
    PRIMARY KEY (run_id, step, layer, head)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS step_layer ( -- One row a layer at the updates that probe.gradients names, of the pass that
    -- trains, over all rows of the training batch. g_t: the gradient, of what the update descends (the mean loss over the
    -- batch's scored targets and the sink penalty), at position t.
    run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, -- run.id
    step INTEGER NOT NULL, -- the update, from 1
    layer INTEGER NOT NULL, -- from 0
    gradient_sink REAL, -- |g_0| / mean_{t>0} |g_t| by the normed input of attention (where no norm stands, the stream as
    -- attention reads it), mean over rows; with several documents in a row the mean over their first tokens for |g_0|
    stream_gradient_sink REAL, -- gradient_sink by the residual stream that enters the block
    attn_write REAL, -- root mean square, over tokens and channels, of what attention adds to the residual stream
    mlp_write REAL, -- attn_write of what the MLP adds
    PRIMARY KEY (run_id, step, layer)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS step_tensor ( -- One row a tensor of the model at the same updates: L2 norms over its numbers.
    run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, -- run.id
    step INTEGER NOT NULL, -- the update, from 1
    tensor TEXT NOT NULL, -- name, as in the checkpoint: model.layers.0.self_attn.q_proj.weight
    gradient REAL, -- of its gradient, before clipping
    weight REAL, -- of the tensor, before the update
    "update" REAL, -- of the change that the update made: after minus before, weight decay included
    PRIMARY KEY (run_id, step, tensor)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS eval ( -- One row an evaluation and probe: the whole model.
    run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, -- run.id
    step INTEGER NOT NULL, -- updates done before it; 0: untrained
    probe TEXT NOT NULL, -- main, context, other_bos, random or, at the end, repeated: the fixed set of sequences measured on; with " do " and
    -- interventions behind it (main do drop_mlp(layer=0,pos=0); arguments at their default left out): on the model so
    -- changed, by probe.do or probe --store
    T INTEGER, -- tokens of a sequence of the probe
    sequences INTEGER, -- sequences of the probe
    val_loss REAL, -- nats: mean negative log-likelihood over a fixed held-out set: of main 16,384 targets, at the end
    -- 262,144; of other_bos 16,384 of another text; of an imported series the probe's own rows
    val_loss_1 REAL, -- nats: val_loss without the first target of every row
    bits_per_byte REAL, -- val_loss / (ln 2 * bytes per token of the held-out text)
    sink_rate_02 REAL, -- share of (sequence, layer, head) whose mass of the first key is above 0.2
    sink_rate_03 REAL, -- share of (sequence, layer, head) whose mass of the first key is above 0.3: the headline
    sink_rate_05 REAL, -- share of (sequence, layer, head) whose mass of the first key is above 0.5
    sink_rate_08 REAL, -- share of (sequence, layer, head) whose mass of the first key is above 0.8
    sink_mass REAL, -- mean over layers and heads of the mass of the first key, sum_q A[q,0] / T
    uniform_mass REAL, -- the control: sink_mass under uniform attention to the keys seen, (1/T) sum_q 1/(q+1) without a
    -- mask; what an intervention hides (zero_column) counts as seen
    max_mass REAL, -- largest over layers and heads of the mass of the first key
    mixing REAL, -- mean over layers and heads of the mixing score: mean over q >= 1 of H(A[q,:]) / ln(q+1)
    value_drain REAL, -- median over layers and heads of |v_0| / median_{t>0} |v_t|
    norm_ratio REAL, -- largest over layers of |x_0| / median_{t>0} |x_t| of the residual stream
    massive_ratio REAL, -- largest over layers of the largest |x| over the median |x|
    entropy_norm_min REAL, -- smallest over layers of entropy_norm
    val_loss_late REAL, -- nats: val_loss over the targets of inputs floor(T/2) .. T-1 alone: what runs with and without BOS
    -- may be compared by
    val_loss_16k REAL, -- nats: val_loss over one set of 16,384 targets at every evaluation, the last too: what a curve draws
    bos_cost REAL, -- nats, probe other_bos of a finished run: loss with the other choice of BOS minus that with the trained
    -- one, over the same targets of the same held-out rows; mean over rows. NULL where data.bos is document
    bos_cost_se REAL, -- nats: its standard error over the rows
    bos_cost_late REAL, -- nats: bos_cost over the targets of inputs floor(T/2) .. T-1 alone
    bos_cost_late_se REAL, -- nats: its standard error over the rows
    bos_cost_rows INTEGER, -- rows that both are over
    prefix_uniform REAL, -- the control of eval_head.prefix_matching: that weight under uniform attention to the keys seen
    PRIMARY KEY (run_id, step, probe)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS eval_layer ( -- One row an evaluation, probe and layer; X is the T x d residual
    -- stream after it, not centred.
    run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, -- run.id
    step INTEGER NOT NULL, -- updates done before it
    probe TEXT NOT NULL, -- as in eval
    layer INTEGER NOT NULL, -- from 0
    sink_rate_02 REAL, -- share of (sequence, head) of this layer whose mass of the first key is above 0.2
    sink_rate_03 REAL, -- share of (sequence, head) of this layer whose mass of the first key is above 0.3
    sink_rate_05 REAL, -- share of (sequence, head) of this layer whose mass of the first key is above 0.5
    sink_rate_08 REAL, -- share of (sequence, head) of this layer whose mass of the first key is above 0.8
    sink_mass REAL, -- mean over heads of the mass of the first key
    mixing REAL, -- mean over heads of the mixing score
    norm_ratio REAL, -- |x_0| / median_{t>0} |x_t|
    massive_top REAL, -- largest |x| over positions and channels
    massive_median REAL, -- median |x| over positions and channels
    massive_ratio REAL, -- massive_top / massive_median
    massive_channel INTEGER, -- channel of the largest |x|, from 0
    massive_position INTEGER, -- position of the largest |x|, from 0
    massive_sun REAL, -- share of sequences where |x| > 100 and >= 1000 x median (Sun's rule)
    dom_ratio_first REAL, -- max_j |x_tj| / mean_j |x_tj| at t = 0
    dom_ratio_rest REAL, -- median of dom_ratio_first over t > 0
    kurtosis REAL, -- m4 / m2^2 (not excess) over the channels of a token, mean over tokens
    entropy REAL, -- nats: H = -sum p ln p of p_j = sigma_j^2 / |X|_F^2
    entropy_norm REAL, -- H / ln min(T, d)
    anisotropy REAL, -- p_1, the share of the largest singular direction
    effective_rank REAL, -- exp(H of sigma / sum sigma) of one sequence
    effective_rank_stacked REAL, -- effective_rank of the stacked rows of all sequences of the probe
    sigma1_sq REAL, -- sigma_1^2, measured
    sigma_ratio REAL, -- sigma_1^2 / sum_{j>1} sigma_j^2, measured
    bound_sigma1 REAL, -- lower bound of sigma_1^2 from dot products with x_0
    bound_ratio REAL, -- lower bound of sigma_ratio; NULL where undefined
    bound_anisotropy REAL, -- lower bound of anisotropy; NULL where undefined
    bound_entropy REAL, -- nats: upper bound of entropy; NULL where undefined
    lens_loss REAL, -- nats: loss of final norm and head applied after this layer
    out_variance_first REAL, -- probe random: variance over sequences of o_0 before W_O, mean over dimensions
    out_variance_ratio REAL, -- out_variance_first over its mean for the second half of the positions
    tau_wo REAL, -- probe random: Kendall's tau between |w_j|, the weights of W_O's output neuron j, and the standard
    -- deviation over sequences of what W_O reads at position 0, by dimension; mean over j
    super_unit INTEGER, -- MLP hidden unit of the largest |mean activation| at position 0, from 0
    super_ratio REAL, -- super_unit's |mean activation| over the median of the units; NULL where the median is 0 (relu, reglu)
    super_energy8 REAL, -- share of the MLP's output energy at position 0 in its top 8 units
    super_sparsity4 REAL, -- share of that unit's down-projection column's squared norm in its top 4 channels
    super_cos REAL, -- cosine of the normed x_0 and the gate row of that unit
    gradient_sink REAL, -- |g_0| / mean_{t>0} |g_t|, g the gradient of the mean loss over scored targets by the normed input
    -- of attention (where no norm stands, the stream as attention reads it); a sink penalty left out. NULL on rows
    -- without targets (random)
    stream_gradient_sink REAL, -- gradient_sink by the residual stream that enters the block
    super_ratio_mean REAL, -- super_ratio over the mean of the units instead
    tau_variances REAL, -- Kendall's tau between the variances by dimension before W_O and of what is added to the stream:
    -- after W_O and, under model.norm: sandwich, its norm. Version 1 of tau_wo
    dom_ratio_normed REAL, -- DomRatio at t = 0 after the norm that follows the layer: of the next one's attention, or the final one
    dom_ratio_normed_rest REAL, -- median of dom_ratio_normed over t > 0
    dom_ratio_of_bound REAL, -- dom_ratio_normed / d, 1 where one channel holds all
    dom_ratio_random REAL, -- the control: E max |z| / E |z| of d normal numbers
    super_sparsity4_random REAL, -- the control of super_sparsity4: of a column of d normal numbers
    super_weight_unit INTEGER, -- hidden unit of the largest norm of gate and up rows, from 0
    super_weight_rank INTEGER, -- rank of super_unit by that norm, from 1
    super_weight_ratio REAL, -- norm of super_unit's gate and up rows over the median of the units
    super_selectivity REAL, -- |mean activation| of super_unit at position 0 over its mean |activation| at t > 0
    super_cos_rest REAL, -- mean cosine of the normed x_t, t > 0, and the gate row of super_unit
    attn_in_size REAL, -- root mean square, over all tokens and channels, of the normed input of attention
    attn_write REAL, -- attn_in_size of what attention adds to the residual stream
    mlp_in_size REAL, -- attn_in_size of the normed input of the MLP
    mlp_write REAL, -- attn_write of what the MLP adds
    stream_size REAL, -- attn_in_size of the residual stream after the layer
    gate_cv2 REAL, -- variance of eval_head.gate over the heads, divided by their number, over the square of its mean
    residual_sink REAL, -- largest over channels of the mean |x_tj| over all tokens, over the median channel's
    residual_sink_channel INTEGER, -- channel of residual_sink, from 0
    residual_sink_gain REAL, -- |gain| of the norm that follows at that channel over the median |gain|
    PRIMARY KEY (run_id, step, probe, layer)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS eval_head ( -- One row an evaluation, probe, layer and head; A is its T x T
    -- attention.
    run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, -- run.id
    step INTEGER NOT NULL, -- updates done before it
    probe TEXT NOT NULL, -- as in eval
    layer INTEGER NOT NULL, -- from 0
    head INTEGER NOT NULL, -- from 0
    sink_mass REAL, -- mass of the first key, sum_q A[q,0] / T
    sink_rate_03 REAL, -- share of sequences whose mass of the first key is above 0.3
    sink_position INTEGER, -- key k < T/2 of the largest mass: sum of A[q,k] over the queries that see k, by their number,
    -- T-k without a mask or a window
    sink_position_mass REAL, -- mass of the key at sink_position
    mixing REAL, -- mean over q >= 1 of H(A[q,:]) / ln(q+1)
    value_drain REAL, -- |v_0| / median_{t>0} |v_t|, v without what model.attention: v_bias adds
    dormant REAL, -- share of queries q >= 1 whose largest key is the first, larger than every other: a tie is none
    diagonal REAL, -- mean over q >= 1 of A[q,q]
    previous REAL, -- mean over q >= 1 of A[q,q-1]
    positive REAL, -- share of queries with q.k_0 > 0
    row_sum REAL, -- mean over queries of the raw row sum: 1 for softmax, less where a null key takes the rest; where
    -- rows need not sum to one at all, the A of every figure is the proxy |A| / sum |A| (sink.proxy)
    alignment REAL, -- |cos(u, k_0)|, u the first left singular direction of the head's rows of W_Q; mean over sequences
    out_size REAL, -- root mean square of o_t before W_O, over tokens and dimensions; mean over sequences
    out_variance REAL, -- probe random: variance over sequences of o_t before W_O, mean over dimensions and positions
    gate REAL, -- mean over q >= 1 of 1 - A[q,0]: what the head does not park on the first key
    sink_logit REAL, -- learned score of the head's null key; NULL where none is learned
    secondary_sinks REAL, -- number of keys 1 <= k < T/2 whose mass is above 0.3
    secondary_mass REAL, -- largest of their masses
    random_key_mass REAL, -- the null: mean of their masses, that of a key drawn evenly
    logit_max REAL, -- largest scale q.k over the keys seen, before what model.attention makes of scores
    q_norm REAL, -- mean over tokens of |q_t|, after norm and position
    k_norm REAL, -- of |k_t|
    v_norm REAL, -- of |v_t|
    update_rank REAL, -- stable rank |U|_F^2 / sigma_1^2 of the head's update U = y_h W_O^h, y after head_out
    sink_kind INTEGER, -- 0: sink_mass at most 0.3; 1 no-op: value_drain below 0.2; 2 broadcast: value_drain in [2/3, 3/2] and
    -- update_rank below 2; 3: between
    prefix_matching REAL, -- mean weight on keys k that follow an earlier occurrence of the query's token (x_{k-1} = x_q, k <= q),
    -- over the queries that have one; beside eval.prefix_uniform
    PRIMARY KEY (run_id, step, probe, layer, head)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS eval_mass ( -- Histogram of a head's masses of the first key over the sequences of a heavy evaluation,
    -- empty bins left out. The rate at any threshold is the view sink_rate_at.
    run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, -- run.id
    step INTEGER NOT NULL, -- updates done before it
    probe TEXT NOT NULL, -- as in eval
    layer INTEGER NOT NULL, -- from 0
    head INTEGER NOT NULL, -- from 0
    bin INTEGER NOT NULL, -- b: masses in (b/100, (b+1)/100]; a mass of 0 is in 0
    sequences INTEGER, -- how many
    PRIMARY KEY (run_id, step, probe, layer, head, bin)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS metric ( -- Figures that have no column; only such as come out equal when a run is
    -- repeated (no times).
    run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, -- run.id
    step INTEGER NOT NULL, -- updates done before it
    name TEXT NOT NULL, -- NAME, probe.NAME, probe.layer.L.NAME, probe.layer.L.head.H.NAME, or of the view control
    value REAL, -- in the unit that the name's writer states
    PRIMARY KEY (run_id, step, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS map ( -- Attention maps, the one figure kept as a blob.
    run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, -- run.id
    step INTEGER NOT NULL, -- updates done before it
    probe TEXT NOT NULL, -- as in eval
    sequence INTEGER NOT NULL, -- sequence of the probe, from 0
    layer INTEGER NOT NULL, -- from 0
    head INTEGER NOT NULL, -- from 0
    T INTEGER NOT NULL, -- rows (queries) and columns (keys)
    data BLOB NOT NULL, -- lower triangle, a byte a weight, round(255 A[q,k]): query q's keys 0 .. q follow
    -- those of query q - 1; kinds that do not sum to one as |A| / sum |A|
    PRIMARY KEY (run_id, step, probe, sequence, layer, head)
) STRICT;

CREATE TABLE IF NOT EXISTS map_token ( -- What a map's rows and columns stand for.
    run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, -- run.id
    probe TEXT NOT NULL, -- as in eval
    sequence INTEGER NOT NULL, -- as in map
    position INTEGER NOT NULL, -- from 0
    token INTEGER NOT NULL, -- the token's id
    text TEXT NOT NULL, -- the token's text, "<bos>", or one byte that is no character by itself as \xNN
    PRIMARY KEY (run_id, probe, sequence, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS event ( -- What happened to a run, in order of rowid.
    run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, -- run.id
    step INTEGER NOT NULL, -- updates done when it happened
    kind TEXT NOT NULL, -- nan, diverged (both follow from the figures), or anything about the process
    detail TEXT NOT NULL DEFAULT '', -- of nan: table and column of the figure (step.loss), or metric. and its
    -- name
    at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ')) -- UTC
) STRICT;
CREATE INDEX IF NOT EXISTS event_by_run ON event (run_id, step);
CREATE UNIQUE INDEX IF NOT EXISTS event_figure
    ON event (run_id, step, kind, detail) WHERE kind IN ('nan', 'diverged');

CREATE TABLE IF NOT EXISTS figure_version ( -- By which of its definitions every row of a run has a figure, where
    -- not by the first.
    run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, -- run.id
    figure TEXT NOT NULL, -- name of a column of eval, eval_layer and eval_head, or the NAME of a metric
    version INTEGER NOT NULL, -- as in figure_now when the run began
    PRIMARY KEY (run_id, figure)
) STRICT, WITHOUT ROWID;

CREATE VIEW IF NOT EXISTS figure_now AS -- Figures that are defined otherwise than at first, and the number of their
    -- definition: a row, SELECT 'mixing', 2, when what an instrument computes changes under a name that stays.
SELECT 'tau_wo' AS figure, 2 AS version;

CREATE VIEW IF NOT EXISTS outdated AS -- One row a run and figure that was measured by an older definition.
SELECT r.id AS run_id, n.figure
FROM figure_now AS n CROSS JOIN run AS r LEFT JOIN figure_version AS v ON v.run_id = r.id AND v.figure = n.figure
WHERE coalesce(v.version, 1) < n.version;

CREATE VIEW IF NOT EXISTS probe AS -- The probes, and what stands before the names of their figures in sweep_metrics.
SELECT 'main' AS probe, '' AS prefix UNION ALL SELECT 'context', 'context.'
UNION ALL SELECT 'other_bos', 'other_bos.' UNION ALL SELECT 'random', 'random.'
UNION ALL SELECT 'repeated', 'repeated.';

CREATE VIEW IF NOT EXISTS young_key (key, value) AS -- Configuration keys that were born after runs were done, and what those
    -- runs did: the default of every key with .since (train/config/config.c), but for run.*, what is null, and lists without items.
VALUES ('model.head_dim', 0), ('model.value_scale', 0), ('model.residual_clip', 0), ('model.rope_theta', 10000),
       ('model.rope_dims', 0), ('model.rope_scaling', 'none'), ('model.rope_factor', 1), ('model.rope_original', 0),
       ('model.rope_low', 1), ('model.rope_high', 4), ('model.norm_eps', 1e-05), ('model.parallel', 'none'),
       ('model.gate_rank', 16), ('train.gate_balance', 0), ('train.init_hash', ''),
       ('probe.gradients', 0), ('data.heldout', ''), ('data.separator', ''), ('data.noop', 0.5), ('train.shares', 1),
       ('train.replace', 0), ('data.eot', -1), ('model.depth_capacity', 1),
       ('model.logit_cap', 0), ('model.final_logit_cap', 0);

CREATE VIEW IF NOT EXISTS axis (name, key) AS -- Configuration keys that are columns of the views curve, head and result, and
    -- their names there: what runs are commonly made to differ in. Any other key of a run is in the view param.
VALUES ('layers', 'model.layers'), ('width', 'model.width'), ('heads', 'model.heads'), ('kv_heads', 'model.kv_heads'),
       ('head_dim', 'model.head_dim'), ('mlp_width', 'model.mlp_width'), ('context', 'model.context'), ('attention', 'model.attention'),
       ('window', 'model.window'), ('head_out', 'model.head_out'), ('qk', 'model.qk'), ('position', 'model.position'),
       ('norm', 'model.norm'), ('mlp', 'model.mlp'), ('value_scale', 'model.value_scale'),
       ('source', 'data.source'), ('tokenizer', 'data.tokenizer'),
       ('vocab', 'data.vocab'), ('bos', 'data.bos'), ('mask', 'data.mask'), ('steps', 'train.steps'),
       ('batch_tokens', 'train.batch_tokens'), ('precision', 'train.precision'), ('optimiser', 'optim.name'),
       ('lr', 'optim.lr'), ('schedule', 'optim.schedule'), ('warmup', 'optim.warmup'),
       ('weight_decay', 'optim.weight_decay'), ('beta2', 'optim.beta2'), ('clip', 'optim.clip');

CREATE VIEW IF NOT EXISTS param AS -- One row a configuration key of a run: run.id, dotted key, value.
SELECT r.id AS run_id, replace(substr(j.fullkey, 3), '"', '') AS key, j.atom AS value
FROM run AS r, json_tree(r.config) AS j
WHERE j.type NOT IN ('object', 'array')
UNION ALL SELECT r.id, y.key, y.value FROM run AS r, young_key AS y WHERE json_type(r.config, '$.' || y.key) IS NULL;

CREATE VIEW IF NOT EXISTS loss_scope AS -- One row a run: what its losses may be compared with. Two runs of equal `whole`
    -- predict the same targets after the same text: every loss and bits_per_byte. Of equal `late` alone: rows begin otherwise, and
    -- only val_loss_late may be compared. `late` is NULL where BOS stands before documents, which is then scored and shifts the text.
SELECT run_id, text || iif(bos = 'document', NULL, '') AS late, text || ' bos=' || bos || ' at=' || fixed AS whole
FROM (SELECT id AS run_id, coalesce(config ->> '$.data.bos', '') AS bos, coalesce(config ->> '$.data.fixed_token_at', '') AS fixed,
             printf('%s %s T=%s from=%s prefix=%s', coalesce(corpus_hash, corpus || ' ' || licence),
                    coalesce(tokenizer_hash, config ->> '$.data.tokenizer' || ' ' || (config ->> '$.data.vocab')),
                    config ->> '$.model.context', config ->> '$.train.loss_from', config ->> '$.model.prefix') AS text
      FROM run);

CREATE VIEW IF NOT EXISTS sink AS -- Sink rate and mass by run and step on probe main, with the uniform control; proxy 1:
    -- of |A| / sum |A|, since rows of this kind of attention need not sum to one; NULL: of A.
SELECT r.variant, r.seed, e.probe, e.step, e.sink_rate_02, e.sink_rate_03, e.sink_rate_05, e.sink_rate_08,
       e.sink_mass, e.uniform_mass, e.max_mass, e.T, m.value AS proxy, r.label, r.key, r.id AS run_id
FROM eval AS e JOIN run AS r ON r.id = e.run_id
LEFT JOIN metric AS m ON m.run_id = e.run_id AND m.step = e.step AND m.name = 'main.proxy'
WHERE e.probe = 'main';

CREATE VIEW IF NOT EXISTS sink_rate_at AS -- Sink rate of a head at every threshold eps = 0.01, 0.02 .. 0.99: share of the
    -- sequences whose mass of the first key is strictly above eps. The mean over heads, and over layers, is that of a
    -- layer, and of the model.
WITH RECURSIVE threshold (b) AS (SELECT 1 UNION ALL SELECT b + 1 FROM threshold WHERE b < 99)
SELECT m.run_id, m.step, m.probe, m.layer, m.head, b / 100.0 AS eps,
       CAST(sum(iif(m.bin >= b, m.sequences, 0)) AS REAL) / sum(m.sequences) AS sink_rate
FROM eval_mass AS m CROSS JOIN threshold GROUP BY m.run_id, m.step, m.probe, m.layer, m.head, b;

CREATE VIEW IF NOT EXISTS onset_eval AS -- Onsets of what probe main measures: the interval (last step before,
    -- first step past) of the first evaluation that is past the threshold together with the next one; NULLs
    -- where that never happens.
WITH quantity (quantity, threshold, way) AS (
    VALUES ('sink_rate_03', 0.1, 1), ('value_drain', 0.5, -1), ('norm_ratio', 3.0, 1), ('entropy_norm_min', 0.5, -1)
), reading AS NOT MATERIALIZED (
    SELECT e.run_id, e.step, q.quantity,
           iif((e.run_id, q.quantity) IN outdated, NULL,
               (CASE q.quantity WHEN 'sink_rate_03' THEN e.sink_rate_03 WHEN 'value_drain' THEN e.value_drain
                WHEN 'norm_ratio' THEN e.norm_ratio ELSE e.entropy_norm_min END - q.threshold) * q.way > 0) AS past
    FROM eval AS e, quantity AS q WHERE e.probe = 'main'
), dated AS ( -- by look-ups in the key of eval, run by run: as many as there are evaluations before the onset
    SELECT r.id AS run_id, q.quantity, q.threshold,
           (SELECT x.step FROM reading AS x WHERE x.run_id = r.id AND x.quantity = q.quantity AND x.past
            AND (SELECT y.past FROM reading AS y WHERE y.run_id = x.run_id AND y.quantity = x.quantity
                 AND y.step > x.step AND y.past IS NOT NULL ORDER BY y.step LIMIT 1)
            ORDER BY x.step LIMIT 1) AS first_after
    FROM run AS r, quantity AS q
)
SELECT run_id, quantity, threshold,
       (SELECT max(x.step) FROM reading AS x WHERE x.run_id = d.run_id AND x.quantity = d.quantity
        AND x.past IS NOT NULL AND x.step < d.first_after) AS last_before, first_after
FROM dated AS d
WHERE EXISTS (SELECT 1 FROM reading AS x
              WHERE x.run_id = d.run_id AND x.quantity = d.quantity AND x.past IS NOT NULL);

CREATE VIEW IF NOT EXISTS onset_step AS -- Onset to the step: from first_after to the end, the largest
    -- first_mass of a step's heads, averaged over the 20 steps that end there, is above 0.3.
WITH largest AS (
    SELECT run_id, step, max(first_mass) AS mass FROM step_head GROUP BY run_id, step
), smooth AS (
    SELECT run_id, step, avg(mass) OVER past20 AS mass, count(*) OVER past20 AS steps
    FROM largest
    WINDOW past20 AS (PARTITION BY run_id ORDER BY step ROWS BETWEEN 19 PRECEDING AND CURRENT ROW)
), dated AS (
    SELECT run_id, step, max(CASE WHEN mass > 0.3 THEN NULL ELSE step END) OVER (PARTITION BY run_id) AS low
    FROM smooth WHERE steps = 20
), found AS (
    SELECT run_id, low, min(step) FILTER (WHERE low IS NULL OR step > low) AS first_after
    FROM dated GROUP BY run_id
)
SELECT run_id, 'first_mass' AS quantity, 0.3 AS threshold,
       CASE WHEN first_after IS NOT NULL THEN low END AS last_before, first_after
FROM found;

CREATE VIEW IF NOT EXISTS onset AS -- When each quantity of a run passed its threshold: somewhere in
    -- (last_before, first_after]; onset_eval and onset_step say what counts as passed.
SELECT r.variant, r.seed, o.quantity, o.threshold, o.last_before, o.first_after, r.label, r.key, o.run_id
FROM (SELECT * FROM onset_eval UNION ALL SELECT * FROM onset_step) AS o JOIN run AS r ON r.id = o.run_id;

CREATE VIEW IF NOT EXISTS final AS -- One row a finished run: its last evaluation of probe main, the onset of
    -- its sink rate (step, NULL: none), its cost. seconds leave probes and saves out. NULL, too: a figure that is
    -- outdated.
WITH last AS (
    SELECT run_id, max(step) AS step FROM eval WHERE probe = 'main' GROUP BY run_id
), spent AS (
    SELECT run_id, max(tokens) AS tokens, sum(ms) / 1000 AS seconds FROM step GROUP BY run_id
)
SELECT r.variant, r.seed, r.label, e.val_loss, e.val_loss_1, e.val_loss_late, e.val_loss_16k, e.bits_per_byte,
       e.sink_rate_03, e.sink_mass, e.uniform_mass, e.value_drain, e.norm_ratio, o.first_after AS onset, spent.tokens, spent.seconds,
       spent.tokens / spent.seconds AS tokens_per_s, r.key, r.id AS run_id
FROM run AS r
LEFT JOIN last ON last.run_id = r.id
LEFT JOIN eval_now AS e ON e.run_id = r.id AND e.step = last.step AND e.probe = 'main'
LEFT JOIN onset_eval AS o ON o.run_id = r.id AND o.quantity = 'sink_rate_03'
LEFT JOIN spent ON spent.run_id = r.id
WHERE r.status = 'done';

CREATE VIEW IF NOT EXISTS control AS -- Interventions beside their matched random controls: one row a step at which
    -- probe --do 'random(of=..., n=20)' --store measured them, and figure; on the rows of probe main, loss too. untouched: of the
    -- model as it is; changed: under the intervention; random, sd: mean and standard deviation under n controls; sds_away:
    -- how many of these the intervention lies from their mean.
WITH named AS (
    SELECT run_id, step, value, substr(name, 9, instr(name, '.control.') - 9) AS intervention,
           substr(name, instr(name, '.control.') + 9) AS rest
    FROM metric WHERE name LIKE 'main do %.control.%'
), kept AS (
    SELECT *, substr(rest, 1, instr(rest, '.') - 1) AS figure, substr(rest, instr(rest, '.') + 1) AS statistic FROM named
), beside AS (
    SELECT run_id, step, intervention, figure, max(value) FILTER (WHERE statistic = 'untouched') AS untouched,
           max(value) FILTER (WHERE statistic = 'changed') AS changed, max(value) FILTER (WHERE statistic = 'random') AS random,
           max(value) FILTER (WHERE statistic = 'sd') AS sd, max(value) FILTER (WHERE statistic = 'n') AS n
    FROM kept GROUP BY run_id, step, intervention, figure
)
SELECT intervention, run_id, step, figure, untouched, changed, random, sd, n, iif(sd > 0, (changed - random) / sd, NULL) AS sds_away
FROM beside;

CREATE VIEW IF NOT EXISTS arm AS -- One row a run: what it is besides its seed. Its label, or else its variant, and
    -- every key in which runs of that name differ: two sides of a sweep over any axis have two names.
WITH fact AS MATERIALIZED (
    SELECT r.id AS run_id, iif(r.label = '', r.variant, r.label) AS name, p.key, p.value
    FROM run AS r JOIN param AS p ON p.run_id = r.id
    WHERE p.key NOT IN ('seed', 'label') AND p.key NOT LIKE 'run.%'
), telling AS ( -- an element of a list tells by being there, too
    SELECT name, key FROM fact GROUP BY name, key
    HAVING count(DISTINCT value) > 1 OR (key LIKE '%]' AND count(*) <
           (SELECT count(*) FROM run WHERE iif(run.label = '', run.variant, run.label) = fact.name))
), told AS (
    SELECT run_id, group_concat(key || '=' || value, ' ') AS text
    FROM (SELECT run_id, key, value FROM fact JOIN telling USING (name, key) ORDER BY run_id, key)
    GROUP BY run_id
)
SELECT r.id AS run_id, iif(r.label = '', r.variant, r.label) || coalesce(' ' || told.text, '') AS arm
FROM run AS r LEFT JOIN told ON told.run_id = r.id;

CREATE VIEW IF NOT EXISTS paired AS -- Final figures minus those of the baseline of the same seed whose
    -- configuration agrees in every key outside `aside`: those that variants choose (but optim.lr), and those that
    -- go with them. The baseline: of the runs of variant baseline the one that chooses the fewest things other than
    -- built-in, so that a side of a sweep over any of these keys is paired as a variant is; of several the one that
    -- agrees in most of what goes with choices, then the newest. `loss` names the loss that the two may be compared by (loss_scope),
    -- d_loss is its difference; those that may not be compared are NULL.
WITH aside (path, plain) AS ( -- plain NULL: no choice, but what goes with one
    VALUES ('$.data.bos', 'row'), ('$.data.mask', 'causal'), ('$.model.attention', 'softmax'),
           ('$.model.head_out', 'none'), ('$.model.qk', 'none'), ('$.model.position', 'rope'),
           ('$.model.norm', 'pre'), ('$.model.norm_kind', 'rmsnorm'), ('$.model.mlp', 'swiglu'),
           ('$.model.bias', 0), ('$.model.tie', 0), ('$.model.value_residual', 0),
           ('$.model.interventions', '[]'), ('$.optim.name', 'adamw'), ('$.model.window', 0),
           ('$.model.value_scale', 0), ('$.model.residual_clip', 0), ('$.model.depth_capacity', 1), ('$.train.gate_balance', 0), ('$.optim.decay_on', 'matrices'),
           ('$.model.head_out_scale', NULL), ('$.model.mlp_width', NULL), ('$.model.gate_rank', NULL)
), side AS MATERIALIZED (
    SELECT f.*, r.config, (SELECT count(*) FROM aside WHERE json_extract(r.config, path) <> plain) AS choices,
           (SELECT group_concat(p.key || '=' || p.value)
            FROM (SELECT key, value FROM param WHERE run_id = r.id ORDER BY key) AS p
            WHERE p.key NOT IN ('variant', 'label', 'seed') AND p.key NOT LIKE 'run.%'
                  AND NOT EXISTS (SELECT 1 FROM aside WHERE '$.' || p.key = path OR p.key LIKE substr(path, 3) || '[%')
           ) AS rest
    FROM final AS f JOIN run AS r ON r.id = f.run_id
), pair AS (
    SELECT v.run_id, b.run_id AS baseline, row_number() OVER (PARTITION BY v.run_id ORDER BY b.choices, (
               SELECT count(*) FROM aside
               WHERE plain IS NULL AND json_extract(v.config, path) IS NOT json_extract(b.config, path)
           ), b.run_id DESC) AS place
    FROM side AS v JOIN side AS b ON b.seed = v.seed AND b.rest IS v.rest AND b.variant = 'baseline'
)
SELECT v.variant, v.seed, v.label,
       CASE WHEN vl.whole = bl.whole THEN 'val_loss' WHEN vl.late = bl.late THEN 'val_loss_late' END AS loss,
       CASE WHEN vl.whole = bl.whole THEN v.val_loss - b.val_loss
            WHEN vl.late = bl.late THEN v.val_loss_late - b.val_loss_late END AS d_loss,
       CASE WHEN vl.whole = bl.whole THEN v.val_loss - b.val_loss END AS d_val_loss,
       CASE WHEN vl.whole = bl.whole THEN v.val_loss_1 - b.val_loss_1 END AS d_val_loss_1,
       CASE WHEN vl.late = bl.late THEN v.val_loss_late - b.val_loss_late END AS d_val_loss_late,
       CASE WHEN vl.whole = bl.whole THEN v.bits_per_byte - b.bits_per_byte END AS d_bits_per_byte,
       v.sink_rate_03 - b.sink_rate_03 AS d_sink_rate_03, v.sink_mass - b.sink_mass AS d_sink_mass,
       v.value_drain - b.value_drain AS d_value_drain, v.norm_ratio - b.norm_ratio AS d_norm_ratio,
       v.onset - b.onset AS d_onset, v.key, b.key AS baseline, v.run_id
FROM pair AS p JOIN side AS v ON v.run_id = p.run_id JOIN side AS b ON b.run_id = p.baseline
JOIN loss_scope AS vl ON vl.run_id = p.run_id JOIN loss_scope AS bl ON bl.run_id = p.baseline
WHERE p.place = 1 AND (v.variant <> 'baseline' OR v.choices > b.choices);

-- ---- sweeps: what was compared, and what came of it ----

CREATE TABLE IF NOT EXISTS sweep_cell ( -- What each place of a sweep stands for: all that the file plans, a row in sweep_run or not.
    sweep INTEGER NOT NULL REFERENCES sweep (id) ON DELETE CASCADE, -- sweep.id
    "index" INTEGER NOT NULL, -- as in sweep_run
    cell INTEGER NOT NULL, -- number of its combination of values, from 0; runs of one cell differ in the seed alone
    label TEXT NOT NULL, -- the combination: "head_out=rmsnorm lr=0.001"
    side TEXT NOT NULL, -- the value compared, "head_out=rmsnorm"; "all" where the sweep compares nothing
    stratum TEXT NOT NULL, -- the values that are neither compared nor tuned; sides are compared within one
    judges INTEGER NOT NULL CHECK (judges IN (0, 1)), -- 0: its seed tunes only
    PRIMARY KEY (sweep, "index")
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS sweep_orphan ( -- Runs that a sweep had by an earlier text of its file (or other words, another base) and has no more.
    sweep INTEGER NOT NULL REFERENCES sweep (id) ON DELETE CASCADE, -- sweep.id
    run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, -- run.id
    label TEXT NOT NULL, -- what it stood for, as in sweep_cell
    PRIMARY KEY (sweep, run)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS sweep_expect ( -- What a sweep's claim says: of every side but the baseline, against it.
    sweep INTEGER NOT NULL REFERENCES sweep (id) ON DELETE CASCADE, -- sweep.id
    place INTEGER NOT NULL, -- in the file's list, from 0
    metric TEXT NOT NULL, -- a metric of the view sweep_metrics, or the path of a query
    direction TEXT NOT NULL CHECK (direction IN ('lower', 'higher')), -- where the effect is expected
    beyond REAL NOT NULL, -- it must be more than this, in that direction
    baseline TEXT NOT NULL, -- side of the baseline, as in sweep_cell; '': of a query, whose numbers are judged as they are
    asks TEXT, -- a query's number in words; NULL: its metric serves
    PRIMARY KEY (sweep, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS sweep_answer ( -- What the query of an expectation gave: one number a judging seed.
    sweep INTEGER NOT NULL REFERENCES sweep (id) ON DELETE CASCADE, -- sweep.id
    place INTEGER NOT NULL, -- as in sweep_expect
    seed INTEGER NOT NULL, -- of the runs that the number is from
    value REAL, -- the number
    PRIMARY KEY (sweep, place, seed)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS t_quantile ( -- Student's t: |t| is above `t` with probability 0.05 / share.
    share INTEGER NOT NULL, -- 1: of a 95 % interval; k: of one of k comparisons (Bonferroni, Holm)
    df INTEGER NOT NULL, -- degrees of freedom; those beyond the largest take the largest
    t REAL NOT NULL, -- the quantile
    PRIMARY KEY (share, df)
) STRICT, WITHOUT ROWID;

CREATE VIEW IF NOT EXISTS sweep_metrics AS -- One row a finished run and figure, at its last evaluation of each probe: those of probe main under their own names, others as PROBE.NAME; onset is that of sink_rate_03. NULL where outdated. These are the names that an expectation may have.
SELECT run_id, metric, iif((run_id, figure) IN outdated, NULL, value) AS value FROM final_figure
UNION ALL SELECT o.run_id, 'onset', o.first_after FROM onset_eval AS o JOIN run AS r ON r.id = o.run_id
WHERE r.status = 'done' AND o.quantity = 'sink_rate_03';

CREATE VIEW IF NOT EXISTS summary AS -- One row a cell of a sweep: how many of its planned runs are done, and the medians of their final figures on probe main (T tokens a row). sink_mass is to be read beside uniform_mass; onset is over the runs that have one. Of cells whose rows begin otherwise val_loss_late may be compared, and not val_loss.
WITH reading AS (
    SELECT c.sweep, c.cell, o.metric, o.value,
           row_number() OVER (PARTITION BY c.sweep, c.cell, o.metric ORDER BY o.value) AS place,
           count(*) OVER (PARTITION BY c.sweep, c.cell, o.metric) AS n
    FROM sweep_cell AS c JOIN sweep_run AS s USING (sweep, "index") JOIN sweep_metrics AS o ON o.run_id = s.run
    WHERE o.value IS NOT NULL
), median AS (
    SELECT sweep, cell, metric, avg(value) AS value FROM reading
    WHERE place IN ((n + 1) / 2, n / 2 + 1) GROUP BY sweep, cell, metric
), wide AS (
    SELECT sweep, cell, max(value) FILTER (WHERE metric = 'val_loss') AS val_loss,
           max(value) FILTER (WHERE metric = 'val_loss_late') AS val_loss_late,
           max(value) FILTER (WHERE metric = 'sink_rate_03') AS sink_rate_03,
           max(value) FILTER (WHERE metric = 'sink_mass') AS sink_mass,
           max(value) FILTER (WHERE metric = 'uniform_mass') AS uniform_mass,
           max(value) FILTER (WHERE metric = 'onset') AS onset,
           max(value) FILTER (WHERE metric = 'value_drain') AS value_drain,
           max(value) FILTER (WHERE metric = 'norm_ratio') AS norm_ratio
    FROM median GROUP BY sweep, cell
), counted AS (
    SELECT c.sweep, c.cell, min(c.label) AS label, count(*) AS runs,
           count(*) FILTER (WHERE r.status = 'done') AS done,
           count(*) FILTER (WHERE r.status = 'diverged') AS diverged,
           max((SELECT max(T) FROM eval WHERE run_id = r.id AND probe = 'main')) FILTER (WHERE r.status = 'done') AS T
    FROM sweep_cell AS c LEFT JOIN sweep_run AS s USING (sweep, "index") LEFT JOIN run AS r ON r.id = s.run
    GROUP BY c.sweep, c.cell
)
SELECT n.label AS cell, n.done, n.runs, val_loss, val_loss_late, sink_rate_03, sink_mass, uniform_mass, onset, value_drain,
       norm_ratio, T, n.diverged, w.name AS sweep
FROM counted AS n JOIN sweep AS w ON w.id = n.sweep LEFT JOIN wide USING (sweep, cell)
ORDER BY w.id, n.cell;

CREATE VIEW IF NOT EXISTS sweep_choice AS -- One row a side of a stratum: its best cell by the mean val_loss of the seeds that tune (a diverged one counts as infinite), and how many of those are still to run or to be measured anew, be they in this database or not (while any is, the choice is open).
WITH score AS (
    SELECT c.sweep, c.stratum, c.side, c.cell, min(c.label) AS label,
           avg(CASE WHEN c.judges THEN NULL WHEN r.status = 'diverged' THEN 9e999 WHEN r.status = 'done' THEN
               (SELECT e.val_loss FROM eval_now AS e WHERE e.run_id = r.id AND e.probe = 'main'
                ORDER BY e.step DESC LIMIT 1) END) AS score,
           count(*) FILTER (WHERE NOT c.judges AND (coalesce(r.status, '') NOT IN ('done', 'diverged')
                                                    OR (r.id, 'val_loss') IN outdated)) AS waiting
    FROM sweep_cell AS c LEFT JOIN sweep_run AS s USING (sweep, "index") LEFT JOIN run AS r ON r.id = s.run
    GROUP BY c.sweep, c.stratum, c.side, c.cell
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY sweep, stratum, side
                              ORDER BY score IS NULL, score, cell) AS place,
           sum(waiting) OVER (PARTITION BY sweep, stratum, side) AS open
    FROM score
)
SELECT sweep, stratum, side, cell, label, score, open FROM ranked WHERE place = 1;

CREATE VIEW IF NOT EXISTS verdict_pair AS -- One row an expectation, side and judging seed whose run and whose baseline's run are both over: their figures and the difference. A run that diverged, its baseline not, counts as the worst of its side: the difference is the least favourable one that the side has among the seeds where both were measured. Where the baseline diverged there is no difference: nothing can be said of that seed, for or against. An onset that never came counts as the run's last step, which is later than any onset can be; where neither came there is no difference. apart: why the two may not be compared (loss: loss_scope; T: rows of another length; censored), then there is no difference either. resolution: the least difference that the figure can show (a rate: 1 / (sequences layers heads); an onset: the gap between evaluations; 0: none). Of a query: its number, in place of a difference, with no side.
WITH reading AS MATERIALIZED (
    SELECT run_id, metric, value, substr(metric, instr(metric, '.') + 1) AS name,
           iif(instr(metric, '.'), substr(metric, 1, instr(metric, '.') - 1), 'main') AS probe
    FROM sweep_metrics WHERE metric IN (SELECT metric FROM sweep_expect)
), judged AS ( -- CROSS JOIN keeps the order, in which every step is a look-up
    SELECT x.*, c.stratum, c.side, r.seed, r.id AS run_id, o.name, 0 AS diverged,
           o.metric = 'onset' AND o.value IS NULL AS censored,
           iif(o.metric = 'onset' AND o.value IS NULL, r.steps, o.value) AS figure,
           (SELECT e.T FROM eval AS e WHERE e.run_id = r.id AND e.probe = o.probe ORDER BY e.step DESC LIMIT 1) AS T,
           CASE WHEN o.name LIKE 'sink\_rate\_%' ESCAPE '\' THEN
                    (SELECT 1.0 / (e.sequences * (r.config ->> '$.model.layers') * (r.config ->> '$.model.heads'))
                     FROM eval AS e WHERE e.run_id = r.id AND e.probe = o.probe ORDER BY e.step DESC LIMIT 1)
                WHEN o.name = 'onset' THEN (SELECT n.first_after - coalesce(n.last_before, 0) FROM onset_eval AS n
                                            WHERE n.run_id = r.id AND n.quantity = 'sink_rate_03')
           END AS resolution
    FROM reading AS o CROSS JOIN run AS r ON r.id = o.run_id CROSS JOIN sweep_run AS s ON s.run = r.id
    CROSS JOIN sweep_cell AS c ON c.sweep = s.sweep AND c."index" = s."index"
    CROSS JOIN sweep_expect AS x ON x.sweep = c.sweep AND x.metric = o.metric
    WHERE c.judges AND (c.sweep, c.cell) IN (SELECT sweep, cell FROM sweep_choice WHERE open = 0)
    UNION ALL
    SELECT x.*, c.stratum, c.side, r.seed, r.id, '', 1, 0, NULL, NULL, NULL
    FROM run AS r CROSS JOIN sweep_run AS s ON s.run = r.id
    CROSS JOIN sweep_cell AS c ON c.sweep = s.sweep AND c."index" = s."index"
    CROSS JOIN sweep_expect AS x ON x.sweep = c.sweep
    WHERE r.status = 'diverged' AND c.judges
          AND (c.sweep, c.cell) IN (SELECT sweep, cell FROM sweep_choice WHERE open = 0)
), over AS MATERIALIZED (
    SELECT * FROM judged WHERE diverged OR figure IS NOT NULL
), scope AS MATERIALIZED (
    SELECT * FROM loss_scope
), pair AS (
    SELECT t.sweep, t.place, t.metric, t.direction, t.stratum, t.side, t.seed, t.figure,
           b.figure AS baseline_figure, t.figure - b.figure AS gap, t.diverged,
           b.diverged AS baseline_diverged, max(coalesce(t.resolution, 0), coalesce(b.resolution, 0)) AS resolution,
           CASE WHEN t.diverged OR b.diverged THEN NULL
                WHEN t.name = 'val_loss_late' THEN iif(ts.late = bs.late, NULL, 'loss')
                WHEN t.name LIKE 'val\_loss%' ESCAPE '\' OR t.name = 'bits_per_byte' THEN iif(ts.whole = bs.whole, NULL, 'loss')
                WHEN t.censored AND b.censored THEN 'censored' WHEN t.T <> b.T THEN 'T' END AS apart
    FROM over AS t JOIN over AS b
         ON b.sweep = t.sweep AND b.place = t.place AND b.stratum = t.stratum
            AND b.seed = t.seed AND b.side = t.baseline
    JOIN scope AS ts ON ts.run_id = t.run_id JOIN scope AS bs ON bs.run_id = b.run_id
    WHERE t.side <> t.baseline
), told AS (
    SELECT *, iif(apart IS NULL, gap, NULL) AS measured FROM pair
)
SELECT sweep, place, metric, stratum, side, seed, figure, baseline_figure,
       CASE WHEN baseline_diverged OR NOT diverged THEN measured
            WHEN direction = 'lower' THEN max(measured) OVER side_of
            ELSE min(measured) OVER side_of END AS difference,
       measured, diverged + baseline_diverged AS diverged, apart, resolution
FROM told WINDOW side_of AS (PARTITION BY sweep, place, stratum, side)
UNION ALL
SELECT a.sweep, a.place, x.metric, 'all', '', a.seed, a.value, NULL, a.value, a.value, 0, NULL, 0
FROM sweep_answer AS a JOIN sweep_expect AS x USING (sweep, place);

CREATE VIEW IF NOT EXISTS verdict AS -- One row an expectation and side: the mean paired difference to the baseline over seeds (of a query: the mean of its numbers, which are judged as they are) with its 95 % t interval, its effect in standard deviations of the differences, and one word. supported: the whole interval lies beyond `beyond` in the expected direction; refuted: the whole interval lies short of it, or every judging run of the side diverged and not every one of its baseline; else undecided. n: seeds that the mean is over. diverged: how many judging runs of the side and its baseline did. Those of the side move the mean as verdict_pair says, but bring no certainty: the interval has the spread, number and degrees of freedom of the pairs that were measured, so that no divergence supports what these alone do not. No spread is no certainty: the standard deviation is taken at the resolution of the figure at the least, and where all differences are 0, or equal in a figure without a resolution, nothing was seen. For the word, the comparisons that the sweep plans are corrected by Holm in the order of their p values: share is the divisor of 0.05 that this one met. more_seeds: how many more would settle it, were the effect as it looks now. note: what was left out of the mean, and why. expected: the expectation in words.
WITH planned AS (
    SELECT x.sweep, x.place, x.metric, x.direction, x.beyond, x.baseline, x.asks, c.stratum, c.side
    FROM sweep_expect AS x JOIN sweep_cell AS c ON c.sweep = x.sweep AND c.side <> x.baseline
    WHERE (x.sweep, x.baseline, c.stratum) IN (SELECT sweep, side, stratum FROM sweep_cell) -- exclude may have it
    GROUP BY x.sweep, x.place, c.stratum, c.side
    UNION ALL
    SELECT sweep, place, metric, direction, beyond, '', asks, 'all', '' FROM sweep_expect WHERE baseline = ''
), fate AS MATERIALIZED ( -- of the judging runs of a side's chosen cell
    SELECT c.sweep, c.stratum, c.side, count(*) AS runs, count(*) FILTER (WHERE r.status = 'diverged') AS diverged,
           count(*) FILTER (WHERE r.status = 'done') AS done
    FROM sweep_choice AS h JOIN sweep_cell AS c USING (sweep, cell)
    LEFT JOIN sweep_run AS s USING (sweep, "index") LEFT JOIN run AS r ON r.id = s.run
    WHERE h.open = 0 AND c.judges GROUP BY c.sweep, c.stratum, c.side
), centred AS (
    SELECT *, avg(measured) OVER (PARTITION BY sweep, place, stratum, side) AS centre FROM verdict_pair
), moment AS (
    SELECT sweep, place, stratum, side, count(difference) AS n, count(measured) AS pairs,
           avg(difference) AS mean, max(resolution) AS resolution, count(apart) AS apart, min(apart) AS why,
           max(abs(measured)) = 0 AS unseen,
           sqrt(sum((measured - centre) * (measured - centre)) / (count(measured) - 1)) AS spread
    FROM centred GROUP BY sweep, place, stratum, side
), measured AS (
    SELECT p.*, coalesce(m.n, 0) AS n, coalesce(m.pairs, 0) AS pairs, m.mean, m.apart, m.why, m.unseen,
           iif(m.unseen, 0, max(m.spread, m.resolution)) AS sd,
           coalesce(t.diverged, 0) + coalesce(b.diverged, 0) AS diverged,
           coalesce(t.diverged = t.runs AND b.done > 0, 0) AS lost,
           iif(p.direction = 'lower', -m.mean, m.mean) - p.beyond AS margin,
           min(m.pairs - 1, (SELECT max(df) FROM t_quantile)) AS df
    FROM planned AS p LEFT JOIN moment AS m USING (sweep, place, stratum, side)
    LEFT JOIN fate AS t ON t.sweep = p.sweep AND t.stratum = p.stratum AND t.side = p.side
    LEFT JOIN fate AS b ON b.sweep = p.sweep AND b.stratum = p.stratum AND b.side = p.baseline
), met AS MATERIALIZED ( -- shares: the largest divisor at which the interval leaves `beyond` out
    SELECT *, iif(pairs < 2 OR coalesce(sd, 0) = 0, 0, abs(margin) * sqrt(pairs) / sd) AS t FROM measured
), scored AS MATERIALIZED ( -- z: the normal deviate of about the same p as t has (Wallace 1959), which orders p across df
    SELECT *, coalesce((SELECT max(q.share) FROM t_quantile AS q WHERE q.df = met.df AND q.t < met.t), 0) AS shares,
           coalesce(sqrt(df * ln(1 + t * t / df)) * (8 * df + 1) / (8 * df + 3), 0) AS z
    FROM met
), ranked AS (
    SELECT *, count(*) OVER (PARTITION BY sweep) + 1 - rank() OVER (PARTITION BY sweep ORDER BY z DESC) AS share FROM scored
), tested AS (
    SELECT *, min(shares >= share) OVER (PARTITION BY sweep ORDER BY share DESC) AS settled FROM ranked
)
SELECT v.metric, v.direction, v.beyond, v.side, v.stratum, v.n, v.mean,
       v.mean - q.t * v.sd / sqrt(v.pairs) AS low, v.mean + q.t * v.sd / sqrt(v.pairs) AS high,
       CASE WHEN v.sd > 0 THEN v.mean / v.sd END AS effect_sd, v.share,
       CASE WHEN v.lost THEN 'refuted' WHEN v.settled AND v.margin > 0 THEN 'supported'
            WHEN v.settled THEN 'refuted' ELSE 'undecided' END AS verdict,
       CASE WHEN v.settled OR v.lost THEN 0 WHEN v.sd > 0 AND v.margin <> 0 THEN
           max(1, coalesce((SELECT min(k.df + 1) FROM t_quantile AS k WHERE k.share = v.share
                            AND k.t * v.sd < abs(v.margin) * sqrt(k.df + 1)),
                           (SELECT CAST(ceil(pow(min(k.t) * v.sd / v.margin, 2)) AS INTEGER)
                            FROM t_quantile AS k WHERE k.share = v.share)) - v.pairs) END AS more_seeds,
       v.diverged, w.name AS sweep,
       nullif(remark, '') AS note,
       iif(v.baseline = '', printf('%s: at %s %g', coalesce(v.asks, v.metric), iif(v.direction = 'lower', 'most', 'least'),
                                   iif(v.direction = 'lower', -v.beyond, v.beyond)),
           printf('%s %s%s', v.metric, v.direction, iif(v.beyond, printf(' by more than %g', v.beyond), ''))) AS expected
FROM (SELECT *, CASE WHEN apart THEN apart || CASE why
                     WHEN 'loss' THEN ' pairs apart: their losses are not over the same targets after the same text'
                     WHEN 'T' THEN ' pairs apart: measured at another T'
                     ELSE ' pairs apart: neither onset came' END
                     WHEN n = 0 AND baseline = '' THEN 'no number: no run is over, or the query finds nothing in those that are'
                     WHEN pairs > 1 AND sd = 0 AND baseline = '' THEN 'no spread: the same number of every seed is no certainty'
                     WHEN pairs > 1 AND unseen THEN 'nothing was seen: both sides have the same figures throughout'
                     WHEN pairs > 1 AND sd = 0 THEN 'no spread: the same difference throughout is no certainty'
                     ELSE '' END AS remark FROM tested) AS v JOIN sweep AS w ON w.id = v.sweep
LEFT JOIN t_quantile AS q ON q.share = 1 AND q.df = v.df AND v.sd > 0
ORDER BY w.id, v.place, v.stratum, v.side;
