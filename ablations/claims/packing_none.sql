-- Under the mask: by how much is the sink rate with BOS where `bos` puts it above that without any?
SELECT own.seed, max(e.sink_rate_03) FILTER (WHERE own.label = 'mask=' || :mask || ' bos=' || :bos)
                 - max(e.sink_rate_03) FILTER (WHERE own.label = 'mask=' || :mask || ' bos=none')
FROM own JOIN run AS r ON r.id = own.run_id JOIN eval AS e ON e.run_id = r.id AND e.step = r.steps AND e.probe = 'main'
WHERE own.label IN ('mask=' || :mask || ' bos=' || :bos, 'mask=' || :mask || ' bos=none')
GROUP BY own.seed HAVING count(*) = 2;
