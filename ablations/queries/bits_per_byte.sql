-- Which runs predict their text best, whatever the tokenizer?
-- Bits per byte may be compared between tokenizers where the same bytes are predicted after the same text: within one
-- corpus and one data.bos (rows with BOS have no context at their first target).
SELECT r.corpus, r.config ->> '$.data.bos' AS bos, round(f.bits_per_byte, 4) AS bits_per_byte,
       round(f.val_loss, 4) AS val_loss, a.arm, f.seed, r.config ->> '$.data.tokenizer' AS tokenizer,
       r.config ->> '$.data.vocab' AS vocab, r.parameters, substr(f.key, 1, 8) AS key
FROM final AS f JOIN run AS r ON r.id = f.run_id JOIN arm AS a USING (run_id)
WHERE f.bits_per_byte IS NOT NULL ORDER BY r.corpus, r.corpus_hash, bos, f.bits_per_byte;
