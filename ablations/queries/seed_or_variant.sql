-- Is it the variant that matters, or the seed?
-- Standard deviations of the variants' means and of the seeds within a variant, and the share of the whole
-- variance that the variant explains.
WITH figure AS (
    SELECT variant, 'val_loss' AS metric, val_loss AS value FROM final
    UNION ALL SELECT variant, 'sink_rate_03', sink_rate_03 FROM final
    UNION ALL SELECT variant, 'value_drain', value_drain FROM final
    UNION ALL SELECT variant, 'norm_ratio', norm_ratio FROM final
), centred AS (
    SELECT *, avg(value) OVER (PARTITION BY metric, variant) AS own,
           avg(value) OVER (PARTITION BY metric) AS grand
    FROM figure WHERE value IS NOT NULL
), squares AS (
    SELECT metric, count(*) AS runs, count(DISTINCT variant) AS variants,
           sum((own - grand) * (own - grand)) AS between_sq, sum((value - own) * (value - own)) AS within_sq
    FROM centred GROUP BY metric
)
SELECT metric, variants, runs, round(sqrt(between_sq / runs), 4) AS sd_of_variants,
       round(sqrt(within_sq / nullif(runs - variants, 0)), 4) AS sd_of_seeds,
       round(between_sq / nullif(between_sq + within_sq, 0), 3) AS share_of_variant
FROM squares ORDER BY metric;
