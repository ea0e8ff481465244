/* Owns: the command `sample`: text continued by a checkpoint, with what is kept of a text longer
 * than the window (arXiv 2309.17453: the first few tokens, and the last ones).
 * Does not own: the model, the tokenizer. */
#include "data/base/number.h"
#include "data/base/printable.h"
#include "data/base/rng.h"
#include "data/data.h"
#include "data/own_tokenizer.h"
#include "model/kernels/gemm.h"
#include "train/checkpoint/checkpoint.h"
#include "train/checkpoint/find_model.h"
#include "train/commands/command.h"
#include "train/host.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct SampleOptions {
    const char *prompt, *cache, *db, *temperature_text, *top_p_text;
    int64_t tokens, top_k, window, keep, seed;
    double temperature, top_p;
} SampleOptions;

typedef struct Choice {
    int32_t token;
    double p;
} Choice;

typedef struct Sampler {
    const SampleOptions *o;
    Config c;
    Model *m;
    Dataset *data;  /* NULL: */
    char own[1024]; /* folder of the model's own tokenizer */
    Tape *tape;
    int32_t *text; /* BOS where rows begin with it, the prompt, what was drawn */
    int64_t n;
    float *logits;   /* (V) of the last token */
    Choice *choices; /* (V) */
    Rows row;        /* (window) */
} Sampler;

/* The last token's logits, as they pass. */
static void see_logits(void *self, const View *v) {
    Sampler *s = self;
    int64_t last = (int64_t)v->rows * v->T - 1 - v->first;
    if (last < v->tokens) memcpy(s->logits, v->data + last * v->ld, (size_t)v->width * sizeof(float));
}

/* The window: the first `keep` tokens of the text and the last of the rest. */
static void next_logits(Sampler *s) {
    int64_t window = s->o->window, T = s->n < window ? s->n : window, keep = s->o->keep < T ? s->o->keep : T;
    for (int64_t t = 0; t < T; t++) {
        s->row.x[t] = s->text[t < keep ? t : s->n - T + t];
        s->row.y[t] = -1;
    }
    Batch b = {.rows = 1, .T = (int)T, .x = s->row.x, .y = s->row.y, .doc_start = s->row.doc_start};
    model_forward(s->m, s->tape, &b);
}

static int more_likely(const void *a, const void *b) {
    const Choice *x = a, *y = b;
    if (x->p != y->p) return x->p < y->p ? 1 : -1;
    return x->token - y->token;
}

/* Probabilities at the temperature, cut to the k likeliest and to the fewest that hold top_p. */
static int64_t candidates(Sampler *s, double *total) {
    int64_t V = s->m->config.vocab, kept = 0;
    double top = s->logits[0];
    for (int64_t i = 1; i < V; i++) top = s->logits[i] > top ? s->logits[i] : top;
    double sum = 0;
    for (int64_t i = 0; i < V; i++) {
        s->choices[i] = (Choice){(int32_t)i, exp((s->logits[i] - top) / s->o->temperature)};
        sum += s->choices[i].p;
    }
    qsort(s->choices, (size_t)V, sizeof *s->choices, more_likely);
    int64_t most = s->o->top_k && s->o->top_k < V ? s->o->top_k : V;
    for (*total = 0; kept < most && (kept == 0 || *total < s->o->top_p * sum); kept++)
        *total += s->choices[kept].p;
    return kept;
}

/* Temperature 0 takes the likeliest. */
static int32_t draw(Sampler *s, int64_t at) {
    if (s->o->temperature <= 0) {
        int32_t best = 0;
        for (int32_t i = 1; i < s->m->config.vocab; i++)
            if (s->logits[i] > s->logits[best]) best = i;
        return best;
    }
    double total, u = rng_uniform((uint64_t)s->o->seed, RNG_SAMPLE, 0, (uint64_t)at);
    int64_t kept = candidates(s, &total), i = 0;
    for (double left = u * total; i < kept - 1 && left >= s->choices[i].p; i++) left -= s->choices[i].p;
    return s->choices[i].token;
}

static bool begin_text(Sampler *s, Error *e) {
    int32_t *prompt = NULL;
    int64_t n = 0;
    int32_t first = -1;
    const char *text = s->o->prompt;
    if (!s->data && !own_tokenizer_encode(s->own, s->m->config.vocab, text, (int64_t)strlen(text), &prompt,
                                          &n, &first, e))
        return false;
    if (s->data && !dataset_encode(s->data, text, strlen(text), &prompt, &n, e)) return false;
    bool bos = first >= 0 || s->c.data.bos == BOS_ROW || s->c.data.bos == BOS_DOCUMENT;
    if (s->data && bos) first = dataset_info(s->data)->bos;
    s->text = calloc((size_t)(n + 1 + s->o->tokens), sizeof *s->text);
    if (s->text && bos) s->text[s->n++] = first;
    if (s->text && n) memcpy(s->text + s->n, prompt, (size_t)n * sizeof *prompt);
    s->n += n;
    free(prompt);
    if (!s->text) return fail(e, EXIT_FAILED, "sample: out of memory");
    if (s->n) return true;
    return fail(e, EXIT_USAGE,
                "--prompt: empty, and this model's rows do not begin with BOS (give it a word)");
}

static bool allocate(Sampler *s, Error *e) {
    size_t V = (size_t)s->m->config.vocab, T = (size_t)s->o->window;
    s->logits = calloc(V, sizeof *s->logits);
    s->choices = calloc(V, sizeof *s->choices);
    s->row = (Rows){calloc(T, 4), calloc(T, 4), calloc(T, 4), NULL};
    if (!s->logits || !s->choices || !s->row.x || !s->row.y || !s->row.doc_start)
        return fail(e, EXIT_FAILED, "sample: out of memory");
    return tape_create(&s->tape, s->m, 1,
                       (int)(s->n + s->o->tokens < s->o->window ? s->n + s->o->tokens : s->o->window), false,
                       e);
}

/* What a model draws must not steer the terminal. */
static void show(char *text) {
    for (char *line = text; *line;) {
        size_t length = strcspn(line, "\n\t"), room = 4 * length + 1;
        char end = line[length], *safe = malloc(room);
        if (!safe) out_of_memory();
        line[length] = 0;
        printable(line, safe, room);
        fputs(safe, stdout);
        if (end) putchar(end);
        free(safe);
        line += length + (end != 0);
    }
}

static bool print_text(const Sampler *s, int64_t from, Error *e) {
    char *text = NULL;
    const int32_t *tokens = s->text + from;
    if (!(s->data ? dataset_decode(s->data, tokens, s->n - from, &text, e)
                  : own_tokenizer_decode(s->own, tokens, s->n - from, &text, e)))
        return false;
    isatty(STDOUT_FILENO) ? show(text) : (void)fputs(text, stdout);
    fflush(stdout);
    free(text);
    return true;
}

static bool run(Sampler *s, Error *e) {
    if (!begin_text(s, e) || !allocate(s, e)) return false;
    Observer eye = {1u << TAP_LOGITS, s, see_logits, NULL};
    tape_observe(s->tape, (Observers){&eye, 1});
    int64_t from = s->n;
    printf("%s", s->o->prompt);
    for (int64_t i = 0; i < s->o->tokens; i++) {
        next_logits(s);
        s->text[s->n] = draw(s, i);
        s->n++;
    }
    bool ok = print_text(s, from, e);
    printf("\n");
    return ok;
}

static void close_sampler(Sampler *s) {
    free(s->text);
    free(s->logits);
    free(s->choices);
    free(s->row.x);
    free(s->row.y);
    free(s->row.doc_start);
    tape_free(s->tape);
    model_free(s->m);
    if (s->data) dataset_close(s->data);
}

static bool number(const char *flag, const char *text, double least, double most, double *out, Error *e) {
    if (number_read(text, out) && *out >= least && *out <= most) return true;
    return fail(e, EXIT_USAGE, "command line: %s: expected a number from %g to %g, not \"%s\"", flag, least,
                most, text);
}

static bool check(SampleOptions *o, const Config *c, Error *e) {
    if (config_routes(&c->model))
        return fail(e, EXIT_USAGE,
                    "model.depth_capacity: %g: which tokens a block computes depends on later ones of the "
                    "row (such a "
                    "model cannot be sampled)",
                    c->model.depth_capacity);
    if (!o->window) o->window = c->model.context;
    if (o->window < 1 || o->window > c->model.context)
        return fail(e, EXIT_USAGE, "--window: %lld: this model was trained on %lld tokens (choose 1 to %lld)",
                    (long long)o->window, (long long)c->model.context, (long long)c->model.context);
    if (o->keep < 0 || o->keep >= o->window)
        return fail(e, EXIT_USAGE, "--keep: %lld: must be below the window, %lld", (long long)o->keep,
                    (long long)o->window);
    if (o->tokens < 0 || o->tokens > 1000000 || o->top_k < 0)
        return fail(e, EXIT_USAGE, "command line: --tokens must be 0 to 1000000, --top-k not negative");
    return number("--temperature", o->temperature_text, 0, 100, &o->temperature, e) &&
           number("--top-p", o->top_p_text, 0, 1, &o->top_p, e);
}

static bool open_data(Sampler *s, const char *path, Error *e) {
    return checkpoint_takes_text(path, e) && dataset_open(&s->data, &s->c.data, s->o->cache, NULL, e) &&
           checkpoint_fits_data(path, dataset_info(s->data), e);
}

static int sample(int argc, char **argv, Error *e) {
    SampleOptions o = {.prompt = "",
                       .cache = "data/cache",
                       .db = "results.db",
                       .temperature_text = "1",
                       .top_p_text = "1",
                       .tokens = 100};
    bool quiet; /* taken by every command; this one says nothing but the text */
    int words, threads;
    int64_t step;
    const Flag flags[] = {{"--prompt", FLAG_TEXT, &o.prompt},
                          {"--cache", FLAG_TEXT, &o.cache},
                          {"--db", FLAG_TEXT, &o.db},
                          {"--tokens", FLAG_INT, &o.tokens},
                          {"--temperature", FLAG_TEXT, &o.temperature_text},
                          {"--top-k", FLAG_INT, &o.top_k},
                          {"--top-p", FLAG_TEXT, &o.top_p_text},
                          {"--window", FLAG_INT, &o.window},
                          {"--keep", FLAG_INT, &o.keep},
                          {"--seed", FLAG_INT, &o.seed},
                          {"--quiet", FLAG_BOOL, &quiet},
                          {NULL, FLAG_BOOL, NULL}};
    if (!flags_read(flags, argc, argv, &words, e)) return e->code;
    if (words != 1) {
        fail(e, EXIT_USAGE,
             "sample: expected one CHECKPOINT, a folder step-NNNNNNNN or its model.safetensors, or a RUN, "
             "the start of its key");
        return e->code;
    }
    Sampler s = {.o = &o};
    FoundModel found = {0};
    gemm_start();
    if (host_threads(0, &threads, e) && find_model(argv[0], o.db, &found, e) &&
        checkpoint_open(found.path, &s.c, &s.m, &step, e) && check(&o, &s.c, e) &&
        checkpoint_own_tokenizer(found.path, s.own, e) && (*s.own || open_data(&s, found.path, e)))
        run(&s, e);
    close_sampler(&s);
    found_model_free(&found);
    return e->code;
}

const Command sample_command = {
    .name = "sample",
    .usage = "CHECKPOINT|RUN --prompt TEXT",
    .summary = "text continued by a model, beyond its context with a sliding window",
    .options =
        "  --prompt TEXT    what it goes on from\n"
        "  --tokens N       how many to draw (default 100)\n"
        "  --temperature X  0 takes the likeliest (default 1)\n"
        "  --top-k K        of the K likeliest only (default: all)\n"
        "  --top-p P        of the fewest that hold P (default 1)\n"
        "  --window W       tokens it sees (default: its training context)\n"
        "  --keep K         of those, the first K of the text, always (default 0)\n"
        "  --seed N         of the draw (default 0)\n"
        "  --db PATH        where RUN, the start of a run's key, is looked for (default results.db): its\n"
        "                   newest checkpoint\n"
        "  --cache DIR      prepared tokens (default data/cache)\n"
        "  --quiet          nothing but the text, as always\n\n"
        "A model of the demo's size has its text's words and layout and no sense; a lower --temperature\n"
        "keeps to what is likely. Products are in fp32, in whatever precision it was trained.\n",
    .run = sample,
};
