-- How much larger is what BOS takes from mixing at layers = 8 than at 4, mean over the pairs of a seed?
WITH gap AS (
    SELECT own.seed, (r.config ->> '$.model.layers') AS size,
           avg(e.mixing) FILTER (WHERE side = 'variant=no_bos') - avg(e.mixing) FILTER (WHERE side = 'variant=baseline') AS gap
    FROM own JOIN run AS r ON r.id = own.run_id JOIN eval AS e ON e.run_id = r.id AND e.probe = 'main' AND e.step = r.steps
    GROUP BY own.seed, size HAVING count(*) = 4
)
SELECT seed, max(gap) FILTER (WHERE size = 8) - max(gap) FILTER (WHERE size = 4) FROM gap
GROUP BY seed HAVING count(*) = 2;
