/* What is read of weights: a safetensors file, also as a checkpoint; a folder in Hugging Face's form; a file
 * of llm.c's. */
#include "tests/fuzz/targets.h"

#include "train/checkpoint/hugging_face.h"
#include "train/checkpoint/llmc.h"

#include <string.h>

void fuzz_safetensors(const char *data, int64_t size) {
    Error e = {0};
    StFile *f;
    Path folder = fuzz_folder(), path = path_of("%s/model.safetensors", folder.s);
    MUST(file_write(path.s, data, size, &e));
    if (safetensors_open(&f, path.s, &e)) {
        Config c;
        int64_t step;
        safetensors_find(f, "model.embed_tokens.weight");
        safetensors_meta(f, "config");
        if (!safetensors_verify(f, path.s, &e)) fuzz_refused(&e);
        e = (Error){0};
        if (!checkpoint_config(f, path.s, &c, &step, &e)) fuzz_refused(&e);
        safetensors_close(f);
    } else {
        fuzz_refused(&e);
    }
    Config c;
    Model *m;
    int64_t step;
    e = (Error){0};
    if (checkpoint_open(folder.s, &c, &m, &step, &e))
        model_free(m);
    else
        fuzz_refused(&e);
}

void fuzz_hugging_face(const char *data, int64_t size) {
    Error e = {0};
    Config c;
    Model *m;
    Imported from;
    Path folder = fuzz_folder();
    fuzz_files(folder.s, data, size);
    if (hugging_face_import(folder.s, NULL, &c, &m, &from, &e))
        model_free(m);
    else
        fuzz_refused(&e);
}

void fuzz_llmc(const char *data, int64_t size) {
    Error e = {0};
    Config c;
    Model *m;
    Path path = path_of("%s/model.bin", fuzz_folder().s);
    MUST(file_write(path.s, data, size, &e));
    if (llmc_import(path.s, &c, &m, &e))
        model_free(m);
    else
        fuzz_refused(&e);
}
