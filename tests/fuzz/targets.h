/* Owns: the names of the targets' functions.
 * Does not own: what they read: their files. */
#ifndef SINKLAB_FUZZ_TARGETS_H
#define SINKLAB_FUZZ_TARGETS_H

#include "tests/fuzz/fuzz.h"

typedef void FuzzRun(const char *data, int64_t size);

/* tests/fuzz/configuration.c */
FuzzRun fuzz_yaml, fuzz_config, fuzz_words, fuzz_sweep, fuzz_interventions;
/* tests/fuzz/texts.c */
FuzzRun fuzz_text_file, fuzz_gzip, fuzz_zstd, fuzz_corpus, fuzz_dictd, fuzz_json_lines;
/* tests/fuzz/prepared.c */
FuzzRun fuzz_tokenizer_model, fuzz_tokens, fuzz_shards, fuzz_seal;
/* tests/fuzz/weights.c */
FuzzRun fuzz_safetensors, fuzz_hugging_face, fuzz_llmc;
/* tests/fuzz/database.c */
FuzzRun fuzz_results, fuzz_results_files;

#endif
