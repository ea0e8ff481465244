-- How much further from their mean are the rows of the last layer after the first one without BOS, over their length (below 0:
-- collapsed)? With BOS the first row is long, and stands apart from the others by that alone.
SELECT own.seed, avg(m.value) FILTER (WHERE side = 'variant=no_bos') - avg(m.value) FILTER (WHERE side = 'variant=baseline')
FROM own JOIN run AS r ON r.id = own.run_id
JOIN metric AS m ON m.run_id = r.id AND m.step = r.steps
     AND m.name = 'main.layer.' || ((r.config ->> '$.model.layers') - 1) || '.rank_collapse_rest'
GROUP BY own.seed HAVING count(*) FILTER (WHERE side = 'variant=no_bos') = count(*) FILTER (WHERE side = 'variant=baseline');
