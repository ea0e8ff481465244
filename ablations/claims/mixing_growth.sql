-- How much larger is what BOS takes from mixing where the key is `large` than where it is `small`, mean over the pairs of a
-- seed, of as many runs as the sweep has of each?
WITH gap AS (
    SELECT own.seed, r.config ->> ('$.' || :key) AS size,
           avg(e.mixing) FILTER (WHERE side = 'variant=no_bos') - avg(e.mixing) FILTER (WHERE side = 'variant=baseline') AS gap
    FROM own JOIN run AS r ON r.id = own.run_id JOIN eval AS e ON e.run_id = r.id AND e.probe = 'main' AND e.step = r.steps
    GROUP BY own.seed, size HAVING count(*) = :runs
)
SELECT seed, max(gap) FILTER (WHERE size = :large) - max(gap) FILTER (WHERE size = :small) FROM gap
WHERE size IN (:small, :large) GROUP BY seed HAVING count(*) = 2;
