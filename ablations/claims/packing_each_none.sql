-- Document mask: by how much is the sink rate with BOS before every document above that without any?
SELECT own.seed, max(e.sink_rate_03) FILTER (WHERE own.label = 'mask=document bos=document') - max(e.sink_rate_03) FILTER (WHERE own.label = 'mask=document bos=none')
FROM own JOIN run AS r ON r.id = own.run_id JOIN eval AS e ON e.run_id = r.id AND e.step = r.steps AND e.probe = 'main'
WHERE own.label IN ('mask=document bos=document', 'mask=document bos=none') GROUP BY own.seed HAVING count(*) = 2;
