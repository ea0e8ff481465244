-- How abrupt is the emergence of the sink?
-- Width: log10 t90 - log10 t10, t10 and t90 the first updates at which the mean over heads of the first mass, averaged over
-- the 20 updates that end there, is past 10 and 90 % of its way from the first 20 updates to the last 100. 0.3 is a doubling.
-- Runs that rise by less than 0.05 have none.
WITH mass AS (
    SELECT run_id, step, avg(first_mass) AS mass FROM step_head GROUP BY run_id, step
), smooth AS (
    SELECT run_id, step, avg(mass) OVER past20 AS mass, count(*) OVER past20 AS n, max(step) OVER (PARTITION BY run_id) AS last,
           avg(mass) OVER (PARTITION BY run_id ORDER BY step ROWS BETWEEN 99 PRECEDING AND CURRENT ROW) AS late
    FROM mass WINDOW past20 AS (PARTITION BY run_id ORDER BY step ROWS BETWEEN 19 PRECEDING AND CURRENT ROW)
), ends AS (
    SELECT run_id, min(mass) FILTER (WHERE step = 20) AS low, min(late) FILTER (WHERE step = last) AS high FROM smooth GROUP BY run_id
), timed AS (
    SELECT run_id, low, high, min(step) FILTER (WHERE mass - low >= 0.1 * (high - low)) AS t10,
           min(step) FILTER (WHERE mass - low >= 0.9 * (high - low)) AS t90
    FROM smooth JOIN ends USING (run_id) WHERE n = 20 AND high - low >= 0.05 GROUP BY run_id
)
SELECT a.arm, r.seed, round(e.low, 3) AS mass_from, round(e.high, 3) AS mass_to, t.t10, t.t90, round(log10(1.0 * t.t90 / t.t10), 3) AS width,
       substr(r.key, 1, 8) AS key
FROM ends AS e JOIN run AS r ON r.id = e.run_id JOIN arm AS a USING (run_id) LEFT JOIN timed AS t USING (run_id)
WHERE e.low IS NOT NULL ORDER BY a.arm, r.seed, r.key;
