-- Is it the variant that matters, or the seed?
-- A variant here is also a side of a sweep over any other key: an arm.
-- Losses: val_loss_late, of the runs of the largest group whose losses may be compared. Standard deviations of the variants' means and of the seeds within a variant, and the share of the whole
-- variance that the variant explains: of V variants of S seeds without any effect about (V - 1) / (V S - 1), and with
-- one seed a variant nothing can be said.
WITH largest AS (
    SELECT late FROM final JOIN loss_scope USING (run_id) WHERE late IS NOT NULL GROUP BY late ORDER BY count(*) DESC, late LIMIT 1
), figure AS (
    SELECT arm, 'val_loss_late' AS metric, val_loss_late AS value
    FROM final JOIN arm USING (run_id) JOIN loss_scope USING (run_id) JOIN largest USING (late)
    UNION ALL SELECT arm, 'sink_rate_03', sink_rate_03 FROM final JOIN arm USING (run_id)
    UNION ALL SELECT arm, 'value_drain', value_drain FROM final JOIN arm USING (run_id)
    UNION ALL SELECT arm, 'norm_ratio', norm_ratio FROM final JOIN arm USING (run_id)
), centred AS (
    SELECT *, avg(value) OVER (PARTITION BY metric, arm) AS own,
           avg(value) OVER (PARTITION BY metric) AS grand
    FROM figure WHERE value IS NOT NULL
), squares AS (
    SELECT metric, count(*) AS runs, count(DISTINCT arm) AS variants,
           sum((own - grand) * (own - grand)) AS between_sq, sum((value - own) * (value - own)) AS within_sq
    FROM centred GROUP BY metric
)
SELECT metric, variants, runs, round(sqrt(between_sq / runs), 4) AS sd_of_variants,
       round(sqrt(within_sq / nullif(runs - variants, 0)), 4) AS sd_of_seeds,
       CASE WHEN runs > variants
            THEN round(between_sq / nullif(between_sq + within_sq, 0), 3) END AS share_of_variant
FROM squares ORDER BY metric;
