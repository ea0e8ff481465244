-- A database of schema 1 (without the comments of its columns) with one run, for the test that migrates it.
PRAGMA application_id = 1936616300;
PRAGMA user_version = 1;
CREATE TABLE run ( id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, variant TEXT NOT NULL, label TEXT NOT NULL
    DEFAULT '', seed INTEGER NOT NULL, config TEXT NOT NULL CHECK (json_valid(config)), status TEXT NOT NULL CHECK
    (status IN ('queued', 'running', 'done', 'interrupted', 'failed', 'diverged')), host TEXT, cpu TEXT, blas_arch
    TEXT, threads INTEGER, git TEXT, corpus TEXT, licence TEXT, checkpoint TEXT, steps INTEGER, parameters INTEGER,
    flops_per_token REAL, created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ')), started TEXT, finished
    TEXT, heartbeat TEXT, note TEXT ) STRICT;
CREATE TABLE sweep ( id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, file TEXT NOT NULL, claim TEXT, source
    TEXT, created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ')) ) STRICT;
CREATE TABLE sweep_run ( sweep INTEGER NOT NULL REFERENCES sweep (id) ON DELETE CASCADE, "index" INTEGER NOT
    NULL, run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, PRIMARY KEY (sweep, "index") ) STRICT, WITHOUT
    ROWID;
CREATE INDEX sweep_run_by_run ON sweep_run (run);
CREATE TABLE step ( run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, step INTEGER NOT NULL, tokens
    INTEGER, loss REAL, grad_norm REAL, lr REAL, ms REAL, probe_ms REAL, save_ms REAL, PRIMARY KEY (run_id, step) )
    STRICT, WITHOUT ROWID;
CREATE TABLE step_head ( run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, step INTEGER NOT NULL,
    layer INTEGER NOT NULL, head INTEGER NOT NULL, first_mass REAL, value_ratio REAL, PRIMARY KEY (run_id, step,
    layer, head) ) STRICT, WITHOUT ROWID;
CREATE TABLE eval ( run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, step INTEGER NOT NULL, probe
    TEXT NOT NULL, T INTEGER, sequences INTEGER, val_loss REAL, val_loss_1 REAL, bits_per_byte REAL, sink_rate_02
    REAL, sink_rate_03 REAL, sink_rate_05 REAL, sink_rate_08 REAL, sink_mass REAL, uniform_mass REAL, max_mass REAL,
    mixing REAL, value_drain REAL, norm_ratio REAL, massive_ratio REAL, entropy_norm_min REAL, PRIMARY KEY (run_id,
    step, probe) ) STRICT, WITHOUT ROWID;
CREATE TABLE eval_layer ( run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, step INTEGER NOT NULL,
    probe TEXT NOT NULL, layer INTEGER NOT NULL, sink_rate_02 REAL, sink_rate_03 REAL, sink_rate_05 REAL,
    sink_rate_08 REAL, sink_mass REAL, mixing REAL, norm_ratio REAL, massive_top REAL, massive_median REAL,
    massive_ratio REAL, massive_channel INTEGER, massive_position INTEGER, massive_sun REAL, dom_ratio_first REAL,
    dom_ratio_rest REAL, kurtosis REAL, entropy REAL, entropy_norm REAL, anisotropy REAL, effective_rank REAL,
    effective_rank_stacked REAL, sigma1_sq REAL, sigma_ratio REAL, bound_sigma1 REAL, bound_ratio REAL,
    bound_anisotropy REAL, bound_entropy REAL, lens_loss REAL, out_variance_first REAL, out_variance_ratio REAL,
    tau_wo REAL, super_unit INTEGER, super_ratio REAL, super_energy8 REAL, super_sparsity4 REAL, super_cos REAL,
    PRIMARY KEY (run_id, step, probe, layer) ) STRICT, WITHOUT ROWID;
CREATE TABLE eval_head ( run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, step INTEGER NOT NULL,
    probe TEXT NOT NULL, layer INTEGER NOT NULL, head INTEGER NOT NULL, sink_mass REAL, sink_rate_03 REAL,
    sink_position INTEGER, sink_position_mass REAL, mixing REAL, value_drain REAL, dormant REAL, diagonal REAL,
    previous REAL, positive REAL, row_sum REAL, PRIMARY KEY (run_id, step, probe, layer, head) ) STRICT, WITHOUT
    ROWID;
CREATE TABLE metric ( run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, step INTEGER NOT NULL, name
    TEXT NOT NULL, value REAL, PRIMARY KEY (run_id, step, name) ) STRICT, WITHOUT ROWID;
CREATE TABLE map ( run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, step INTEGER NOT NULL, probe
    TEXT NOT NULL, sequence INTEGER NOT NULL, layer INTEGER NOT NULL, head INTEGER NOT NULL, T INTEGER NOT NULL,
    data BLOB NOT NULL, PRIMARY KEY (run_id, step, probe, sequence, layer, head) ) STRICT;
CREATE TABLE map_token ( run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, probe TEXT NOT NULL,
    sequence INTEGER NOT NULL, position INTEGER NOT NULL, token INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY
    (run_id, probe, sequence, position) ) STRICT, WITHOUT ROWID;
CREATE TABLE event ( run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, step INTEGER NOT NULL, kind
    TEXT NOT NULL, detail TEXT NOT NULL DEFAULT '', at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ')) )
    STRICT;
CREATE INDEX event_by_run ON event (run_id, step);
CREATE UNIQUE INDEX event_figure ON event (run_id, step, kind, detail) WHERE kind IN ('nan', 'diverged');
CREATE TABLE sweep_cell ( sweep INTEGER NOT NULL REFERENCES sweep (id) ON DELETE CASCADE, "index" INTEGER NOT
    NULL, cell INTEGER NOT NULL, label TEXT NOT NULL, side TEXT NOT NULL, stratum TEXT NOT NULL, judges INTEGER NOT
    NULL CHECK (judges IN (0, 1)), PRIMARY KEY (sweep, "index") ) STRICT, WITHOUT ROWID;
CREATE TABLE sweep_orphan ( sweep INTEGER NOT NULL REFERENCES sweep (id) ON DELETE CASCADE, run INTEGER NOT NULL
    REFERENCES run (id) ON DELETE CASCADE, label TEXT NOT NULL, PRIMARY KEY (sweep, run) ) STRICT, WITHOUT ROWID;
CREATE TABLE sweep_expect ( sweep INTEGER NOT NULL REFERENCES sweep (id) ON DELETE CASCADE, place INTEGER NOT
    NULL, metric TEXT NOT NULL, direction TEXT NOT NULL CHECK (direction IN ('lower', 'higher')), beyond REAL NOT
    NULL, baseline TEXT NOT NULL, PRIMARY KEY (sweep, place) ) STRICT, WITHOUT ROWID;
CREATE TABLE t_quantile ( share INTEGER NOT NULL, df INTEGER NOT NULL, t REAL NOT NULL, PRIMARY KEY (share, df)
    ) STRICT, WITHOUT ROWID;
CREATE VIEW sink AS SELECT 1 AS of_another_form;
CREATE VIEW outcome AS SELECT run_id, 'val_loss' AS metric, val_loss AS value FROM eval;

INSERT INTO run (key, variant, seed, config, status, steps, parameters) VALUES ('aa', 'baseline', 7, '{}', 'done', 2, 9);
INSERT INTO step VALUES (1, 1, 10, 2.5, 0.1, 0.001, 7, 8, 9), (1, 2, 20, 2.25, NULL, 0.002, 7, NULL, NULL);
INSERT INTO step_head VALUES (1, 1, 0, 1, 0.1, 0.2);
INSERT INTO eval (run_id, step, probe, T, sequences, val_loss, sink_rate_03, entropy_norm_min) VALUES (1, 2, 'main', 64, 100, 0.1, 1, 0.5);
INSERT INTO eval_layer (run_id, step, probe, layer, mixing, massive_channel) VALUES (1, 2, 'main', 3, 0.3, 4);
INSERT INTO eval_head (run_id, step, probe, layer, head, row_sum) VALUES (1, 2, 'main', 3, 1, 1);
INSERT INTO metric VALUES (1, 2, 'main.odd', 1e-300);
INSERT INTO map VALUES (1, 2, 'main', 0, 3, 1, 1, x'ff');
INSERT INTO event (run_id, step, kind, detail) VALUES (1, 2, 'nan', 'step.grad_norm'), (1, 2, 'resumed', '');
