#include "tests/fuzz/targets.h"

const FuzzTarget fuzz_targets[] = {
    {"yaml", fuzz_yaml},
    {"config", fuzz_config},
    {"words", fuzz_words},
    {"sweep", fuzz_sweep},
    {"interventions", fuzz_interventions},
    {"text_file", fuzz_text_file},
    {"gzip", fuzz_gzip},
    {"zstd", fuzz_zstd},
    {"corpus", fuzz_corpus},
    {"dictd", fuzz_dictd},
    {"json_lines", fuzz_json_lines},
    {"tokenizer_model", fuzz_tokenizer_model},
    {"tokens", fuzz_tokens},
    {"shards", fuzz_shards},
    {"seal", fuzz_seal},
    {"safetensors", fuzz_safetensors},
    {"hugging_face", fuzz_hugging_face},
    {"results", fuzz_results},
    {"results_files", fuzz_results_files},
    {0},
};
