-- How abrupt is the emergence of the sink?
-- Width: log10 t90 - log10 t10, t10 and t90 the first updates at which the mean over heads of the first mass, averaged over
-- the 20 updates that end there, is past 10 and 90 % of its way from the first 20 updates to the last 100. 0.3 is a doubling.
-- Runs that rise by less than 0.05 have none.
WITH ends AS MATERIALIZED (
    SELECT r.id AS run_id, avg(h.first_mass) FILTER (WHERE h.step <= 20) AS low,
           avg(h.first_mass) FILTER (WHERE h.step > l.step - 100) AS high
    FROM run AS r JOIN (SELECT run_id, max(step) AS step FROM step GROUP BY run_id) AS l ON l.run_id = r.id
    CROSS JOIN step_head AS h ON h.run_id = r.id AND (h.step <= 20 OR h.step > l.step - 100)
    WHERE l.step >= 20 GROUP BY r.id
), past (share) AS (
    VALUES (0.1), (0.9)
), timed AS ( -- read along the table's key up to the first update past the share, so that a large database is not sorted
    SELECT run_id, share, (
               SELECT step FROM (
                   SELECT step, avg(mass) OVER (ORDER BY step ROWS BETWEEN 19 PRECEDING AND CURRENT ROW) AS mass
                   FROM (SELECT step, avg(first_mass) AS mass FROM step_head AS h WHERE h.run_id = e.run_id GROUP BY step))
               WHERE step >= 20 AND mass - low >= share * (high - low) ORDER BY step LIMIT 1) AS step
    FROM ends AS e CROSS JOIN past WHERE high - low >= 0.05
), width AS (
    SELECT run_id, min(step) FILTER (WHERE share = 0.1) AS t10, min(step) FILTER (WHERE share = 0.9) AS t90 FROM timed GROUP BY run_id
)
SELECT a.arm, r.seed, round(e.low, 3) AS mass_from, round(e.high, 3) AS mass_to, t.t10, t.t90, round(log10(1.0 * t.t90 / t.t10), 3) AS width,
       substr(r.key, 1, 8) AS key
FROM ends AS e JOIN run AS r ON r.id = e.run_id JOIN arm AS a USING (run_id) LEFT JOIN width AS t USING (run_id)
ORDER BY a.arm, r.seed, r.key;
