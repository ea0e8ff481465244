/* Owns: which runs a report shows, as the beginning of a query.
 * Does not own: what is asked of them. */
#ifndef SINKLAB_REPORT_RUNS_H
#define SINKLAB_REPORT_RUNS_H

/* placed (run, label, place): a sweep's runs by cell, or all runs by label or variant, baselines first,
 * as on the page; runs of one place differ in the seed. ?1 is the sweep's name or NULL. Figures of one text,
 * in a tokenizer's tokens, T of them a row, may not be held against those of another: report_runs are the
 * runs of the one that most have; report_apart (run) are the others. */
#define REPORT_RUNS                                                                                          \
    "WITH placed AS (SELECT s.run, c.label, c.cell AS place FROM sweep AS w"                                 \
    " JOIN sweep_cell AS c ON c.sweep = w.id JOIN sweep_run AS s USING (sweep, \"index\") WHERE w.name = ?1" \
    " UNION ALL SELECT id, name, dense_rank() OVER (ORDER BY later, first) - 1 FROM (SELECT id, name,"       \
    " min(variant <> 'baseline') OVER named AS later, min(id) OVER named AS first"                           \
    " FROM (SELECT id, variant, iif(label = '', variant, label) AS name FROM run WHERE ?1 IS NULL)"          \
    " WINDOW named AS (PARTITION BY name))),"                                                                \
    " ground AS (SELECT id, json_array(coalesce(corpus_hash, corpus), tokenizer_hash, coalesce((SELECT T"    \
    " FROM eval WHERE run_id = id AND probe = 'main' ORDER BY step DESC LIMIT 1),"                           \
    " config ->> '$.model.context')) AS text FROM run WHERE id IN (SELECT run FROM placed)),"                \
    " report_runs AS (SELECT placed.* FROM placed JOIN ground ON id = run WHERE text = (SELECT text"         \
    " FROM ground GROUP BY text ORDER BY count(*) DESC, min(id) LIMIT 1)),"                                  \
    " report_apart AS (SELECT id AS run FROM ground WHERE id NOT IN (SELECT run FROM report_runs)) "

#endif
