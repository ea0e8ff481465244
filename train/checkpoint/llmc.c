#include "train/checkpoint/llmc.h"

#include "data/base/files.h"
#include "model/model.h"
#include "train/checkpoint/hugging_face_classes.h"
#include "train/config/conflicts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum {
    HEADER = 256,
    MAGIC = 20240326,
    FP32 = 3,
    BF16 = 5,
    PADDED = 128,
    PARTS = 3,
    SIZE_MAX_OF_ANY = 1 << 24
};
/* What stands where in the header. */
enum { AT_VERSION = 1, AT_CONTEXT, AT_VOCAB, AT_LAYERS, AT_HEADS, AT_WIDTH, AT_PADDED_VOCAB };

#define IN "model.layers.%d."
/* The file's tensors in their order, by ours; of a block's, those of all layers stand together. */
static const char *const tensors[][PARTS] = {
    {"model.embed_tokens.weight"},
    {"model.embed_positions.weight"},
    {IN "input_layernorm.weight"},
    {IN "input_layernorm.bias"},
    {IN "self_attn.q_proj.weight", IN "self_attn.k_proj.weight", IN "self_attn.v_proj.weight"},
    {IN "self_attn.q_proj.bias", IN "self_attn.k_proj.bias", IN "self_attn.v_proj.bias"},
    {IN "self_attn.o_proj.weight"},
    {IN "self_attn.o_proj.bias"},
    {IN "post_attention_layernorm.weight"},
    {IN "post_attention_layernorm.bias"},
    {IN "mlp.up_proj.weight"},
    {IN "mlp.up_proj.bias"},
    {IN "mlp.down_proj.weight"},
    {IN "mlp.down_proj.bias"},
    {"model.norm.weight"},
    {"model.norm.bias"},
};
enum { TENSORS = sizeof tensors / sizeof *tensors };

/* What every model of such a file has. */
static const struct {
    const char *key, *value;
} gpt2[] = {{"model.position", "learned"}, {"model.norm_kind", "layernorm"},
            {"model.mlp", "gelu"},         {"model.bias", "true"},
            {"model.tie", "true"},         {"model.norm_eps", "1e-05"}};

bool llmc_is_file(const char *path) {
    struct stat st;
    return !stat(path, &st) && S_ISREG(st.st_mode);
}

/* ---- the order of the file ---- */

/* Is given a tensor of ours, in the file's order; `tail`: how many numbers of the file stand behind it. */
typedef bool (*TakeTensor)(void *self, const Tensor *t, int64_t tail);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static bool each_tensor(const Model *m, int64_t padding, TakeTensor take, void *self) {
    for (int i = 0; i < TENSORS; i++)
        for (int l = 0; l < (strchr(tensors[i][0], '%') ? (int)m->config.layers : 1); l++)
            for (int p = 0; p < PARTS && tensors[i][p]; p++) {
                char name[128];
                snprintf(name, sizeof name, tensors[i][p], l);
                if (!take(self, model_find(m, name), i ? 0 : padding)) return false;
            }
    return true;
}
#pragma GCC diagnostic pop

static int64_t padding_of(const Model *m, int64_t padded) {
    return (padded - m->config.vocab) * m->config.width;
}

/* ---- reading ---- */

typedef struct Reading {
    const char *at;
    int bytes; /* of a number */
    Model *m;
} Reading;

static bool read_tensor(void *self, const Tensor *t, int64_t tail) {
    Reading *r = self;
    float *out = r->m->params + t->offset;
    int64_t n = t->rows * t->cols;
    bool finite = true;
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits = 0;
        memcpy((char *)&bits + sizeof bits - r->bytes, r->at + i * r->bytes, (size_t)r->bytes);
        memcpy(out + i, &bits, sizeof bits);
        finite = finite && isfinite(out[i]);
    }
    r->at += (n + tail) * r->bytes;
    return finite;
}

static bool set_sizes(Config *c, const int32_t *header, const char *path, Error *e) {
    static const struct {
        const char *key;
        int at;
    } sizes[] = {{"model.context", AT_CONTEXT},
                 {"model.layers", AT_LAYERS},
                 {"model.heads", AT_HEADS},
                 {"model.width", AT_WIDTH}};
    char text[32];
    config_defaults(c);
    for (size_t i = 0; i < sizeof gpt2 / sizeof *gpt2; i++)
        if (!config_set(c, gpt2[i].key, gpt2[i].value, path, e)) return false;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        snprintf(text, sizeof text, "%d", header[sizes[i].at]);
        if (!config_set(c, sizes[i].key, text, path, e)) return false;
    }
    c->data.bos = BOS_NONE;
    c->model.vocab = header[AT_VOCAB];
    c->train.batch_tokens = c->model.context;
    if (c->probe.length > c->model.context) c->probe.length = c->model.context;
    return config_check(c, e);
}

/* Sizes that a model can have, before memory is asked for. */
static bool check_header(const int32_t *h, int64_t bytes, const char *path, Error *e) {
    if (bytes < (int64_t)(HEADER * sizeof *h) || h[0] != MAGIC)
        return fail(e, EXIT_USAGE, "import: %s: is no model of llm.c (its first number is not %d)", path,
                    MAGIC);
    if (h[AT_VERSION] != FP32 && h[AT_VERSION] != BF16)
        return fail(e, EXIT_USAGE, "import: %s: version %d is not known (3, fp32, and 5, bf16, are)", path,
                    h[AT_VERSION]);
    for (int i = AT_CONTEXT; i <= AT_PADDED_VOCAB; i++)
        if (h[i] < 1 || h[i] > SIZE_MAX_OF_ANY)
            return fail(e, EXIT_USAGE, "import: %s: header: number %d is %d, no size of a model", path, i,
                        h[i]);
    bool fits = h[AT_VOCAB] > 1 && h[AT_PADDED_VOCAB] >= h[AT_VOCAB];
    return fits || fail(e, EXIT_USAGE, "import: %s: header: a vocabulary of %d padded to %d", path,
                        h[AT_VOCAB], h[AT_PADDED_VOCAB]);
}

static bool read_model(const int32_t *h, int64_t bytes, const char *path, Config *c, Model **m, Error *e) {
    if (!check_header(h, bytes, path, e) || !set_sizes(c, h, path, e) ||
        !model_create(m, &c->model, false, e))
        return false;
    int width = h[AT_VERSION] == FP32 ? 4 : 2;
    int64_t numbers = (*m)->parameters + padding_of(*m, h[AT_PADDED_VOCAB]);
    if (numbers * width + (int64_t)(HEADER * sizeof *h) != bytes)
        return fail(e, EXIT_USAGE,
                    "import: %s: %lld bytes, but its header tells of %lld numbers (is it cut short?)", path,
                    (long long)bytes, (long long)numbers);
    Reading r = {(const char *)(h + HEADER), width, *m};
    (*m)->params = model_arena(*m);
    if (!(*m)->params) return fail(e, EXIT_FAILED, "import: %s: out of memory", path);
    return each_tensor(*m, padding_of(*m, h[AT_PADDED_VOCAB]), read_tensor, &r) ||
           fail(e, EXIT_USAGE, "import: %s: holds a NaN or an infinity", path);
}

bool llmc_import(const char *path, Config *c, Model **m, Error *e) {
    const void *data = NULL;
    int64_t bytes = 0;
    *m = NULL;
    if (!file_map(path, &data, &bytes, e)) return false;
    bool ok = read_model(data, bytes, path, c, m, e);
    if (data) munmap((void *)data, (size_t)bytes);
    if (!ok) model_free(*m);
    if (!ok) *m = NULL;
    return ok;
}

/* ---- writing ---- */

typedef struct Writing {
    FILE *out;
    const Model *m;
} Writing;

static bool write_tensor(void *self, const Tensor *t, int64_t tail) {
    const Writing *w = self;
    size_t n = (size_t)(t->rows * t->cols);
    bool ok = fwrite(w->m->params + t->offset, sizeof(float), n, w->out) == n;
    for (; ok && tail; tail--) ok = fwrite(&(float){0}, sizeof(float), 1, w->out) == 1;
    return ok;
}

static bool check_model(const Config *c, Error *e) {
    char have[64] = "";
    const HuggingFaceClass *h = hugging_face_class_for(c, e);
    if (!h) return false;
    if (strcmp(h->name, "GPT2LMHeadModel"))
        return fail(e, EXIT_USAGE, "export: a %s is none of llm.c's, which are GPT-2 (a folder takes it)",
                    h->name);
    for (size_t i = 0; i < sizeof gpt2 / sizeof *gpt2; i++)
        if (config_get(c, gpt2[i].key, have, sizeof have) && strcmp(have, gpt2[i].value))
            return fail(e, EXIT_USAGE, "export: %s: %s, and llm.c has %s (a folder takes it)", gpt2[i].key,
                        have, gpt2[i].value);
    int64_t f = config_mlp_width(&c->model);
    return f == 4 * c->model.width ||
           fail(e, EXIT_USAGE,
                "export: model.mlp_width: %lld, and llm.c has four times the width (a folder takes it)",
                (long long)f);
}

static bool write_model(FILE *out, const Model *m) {
    const ModelConfig *c = &m->config;
    int64_t padded = (c->vocab + PADDED - 1) / PADDED * PADDED;
    const int32_t header[HEADER] = {[0] = MAGIC,
                                    [AT_VERSION] = FP32,
                                    [AT_CONTEXT] = (int32_t)c->context,
                                    [AT_VOCAB] = (int32_t)c->vocab,
                                    [AT_LAYERS] = (int32_t)c->layers,
                                    [AT_HEADS] = (int32_t)c->heads,
                                    [AT_WIDTH] = (int32_t)c->width,
                                    [AT_PADDED_VOCAB] = (int32_t)padded};
    Writing w = {out, m};
    return fwrite(header, sizeof header, 1, out) == 1 &&
           each_tensor(m, padding_of(m, padded), write_tensor, &w);
}

bool llmc_export(const char *path, const Config *c, const Model *m, Error *e) {
    if (!check_model(c, e)) return false;
    Path beside = path_of("%s.tmp", path);
    FILE *out = fopen(beside.s, "wb");
    if (!out) return fail(e, exit_code_of(errno), "export: %s: %s", path, strerror(errno));
    bool ok = write_model(out, m);
    ok = !fclose(out) && ok && !rename(beside.s, path);
    if (ok) return true;
    fail(e, EXIT_FAILED, "export: %s: cannot write: %s (is the disk full?)", path, strerror(errno));
    remove(beside.s);
    return false;
}
