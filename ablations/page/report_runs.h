/* Owns: which runs a report shows, as the beginning of a query.
 * Does not own: what is asked of them. */
#ifndef SINKLAB_REPORT_RUNS_H
#define SINKLAB_REPORT_RUNS_H

/* report_runs (run, label, place): a sweep's runs by cell, or all runs by label or variant, baselines first,
 * as on the page; runs of one place differ in the seed. ?1 is the sweep's name or NULL. */
#define REPORT_RUNS                                                                                          \
    "WITH report_runs AS (SELECT s.run, c.label, c.cell AS place FROM sweep AS w"                            \
    " JOIN sweep_cell AS c ON c.sweep = w.id JOIN sweep_run AS s USING (sweep, \"index\") WHERE w.name = ?1" \
    " UNION ALL SELECT id, name, dense_rank() OVER (ORDER BY later, first) - 1 FROM (SELECT id, name,"       \
    " min(variant <> 'baseline') OVER named AS later, min(id) OVER named AS first"                           \
    " FROM (SELECT id, variant, iif(label = '', variant, label) AS name FROM run WHERE ?1 IS NULL)"          \
    " WINDOW named AS (PARTITION BY name))) "

#endif
