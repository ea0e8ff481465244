-- Which runs are not done, how far did they come, and what was the last thing that happened to them?
SELECT a.arm, r.seed, r.status, (SELECT max(step) FROM step WHERE run_id = r.id) AS step, r.steps,
       (SELECT kind || iif(detail = '', '', ': ' || detail) FROM event WHERE run_id = r.id
        ORDER BY rowid DESC LIMIT 1) AS last_event,
       r.heartbeat, substr(r.key, 1, 8) AS key
FROM run AS r JOIN arm AS a ON a.run_id = r.id WHERE r.status <> 'done' ORDER BY r.status, r.id;
