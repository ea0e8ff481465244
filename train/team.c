#include "train/team.h"

#include "train/host.h"
#include "train/replace_tokens.h"
#include "train/signals.h"
#include "train/when_due.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum OrderKind { ORDER_BEGIN, ORDER_STEP, ORDER_COLLECT, ORDER_END } OrderKind;

typedef struct Order {
    OrderKind kind;
    int code;
    int64_t step;
    char key[33], kernels[64];
} Order;

bool team_shares(Config *c, const Processes *p, Error *e) {
    if (p->size > 1 && c->train.shares == 1) {
        c->train.shares = p->size;
        if (!p->rank)
            fprintf(stderr,
                    "sinklab: train.shares: %d, one a process: a run of its own, not that of one process "
                    "(train.shares=%d there has its bits)\n",
                    p->size, p->size);
    }
    return c->train.shares % p->size == 0 ||
           fail(e, EXIT_USAGE, "train.shares: %lld cannot be shared out evenly to %d processes (mpirun -n)",
                (long long)c->train.shares, p->size);
}

bool team_agree(Processes *p, bool ok, Error *e) {
    int code[p->size], worst = 0;
    code[p->rank] = ok ? 0 : e->code;
    if (p->size > 1) processes_gather(p, code, sizeof *code);
    if (!ok && !code[0])
        fprintf(stderr, "sinklab: process %d: %s\n", p->rank, e->text); /* the first one cannot */
    for (int i = 0; i < p->size; i++) worst = code[i] > worst ? code[i] : worst;
    return !worst || (ok ? fail(e, worst, "processes: another process failed") : false);
}

void team_close(Processes *p, Error *e) {
    if (p->size > 1) {
        if (!p->rank && e->code && *e->text) fprintf(stderr, "sinklab: %s\n", e->text);
        *e->text = '\0';
    }
    processes_close(p);
}

StepFigures team_step(Trainer *t, const Dataset *d, int64_t step) {
    const Config *c = t->c;
    OwnRows own = trainer_rows(t);
    const DatasetInfo *info = dataset_info(d);
    int64_t first = (step - 1) * t->rows_per_step + own.first;
    uint64_t seed = config_seed(c, SEED_DATA);
    dataset_train_rows(d, seed, first, own.n, t->T, &own.at);
    if (c->train.replace)
        replace_tokens(&own.at, seed, first, own.n, t->T, c->train.replace, info->vocab, info->bos);
    t->gradients = when_due_gradients(step, c->train.steps, c->probe.gradients);
    return trainer_step(t, step);
}

/* ---- the first process ---- */

static void tell(Processes *p, Order *order) {
    processes_tell(p, order, sizeof *order);
}

/* From the first process to all: weights, and to each its part of what the optimiser keeps. */
static void tell_state(Trainer *t) {
    processes_tell(t->processes, t->model->params, t->model->arena * sizeof(float));
    optim_deal(&t->optim);
}

void team_begin(Trainer *t, const char *key) {
    Order order = {.kind = ORDER_BEGIN};
    if (!t->processes) return;
    memcpy(order.key, key, sizeof order.key);
    trainer_kernels(t->c, order.kernels);
    tell(t->processes, &order);
    tell_state(t);
}

void team_tell_step(Processes *p, int64_t step) {
    if (p) tell(p, &(Order){.kind = ORDER_STEP, .step = step});
}

void team_collect(Trainer *t) {
    if (!t->processes) return;
    tell(t->processes, &(Order){.kind = ORDER_COLLECT});
    optim_collect(&t->optim);
}

void team_end(Processes *p, int code) {
    if (p) tell(p, &(Order){.kind = ORDER_END, .code = code});
}

/* ---- the others ---- */

/* The same run, by the same kernels: sums of unlike ones would be nobody's. */
static bool is_same(const Config *c, const Dataset *d, const Order *order, Error *e) {
    const DatasetInfo *info = dataset_info(d);
    char key[33], kernels[64];
    config_key(c, info->corpus_hash, info->tokenizer_hash, key);
    trainer_kernels(c, kernels);
    if (strcmp(key, order->key))
        return fail(e, EXIT_FAILED,
                    "processes: run %.8s here, %.8s in the first one (another text or configuration)", key,
                    order->key);
    return !strcmp(kernels, order->kernels) ||
           fail(e, EXIT_FAILED, "processes: kernels %s here, %s in the first one (use machines of one kind)",
                kernels, order->kernels);
}

static bool take_steps(Trainer *t, const Dataset *d, Order *order, Error *e) {
    for (tell(t->processes, order); order->kind != ORDER_END; tell(t->processes, order)) {
        if (order->kind == ORDER_COLLECT) {
            optim_collect(&t->optim);
            continue;
        }
        if (!trainer_enter(t, order->step, e)) return false;
        team_step(t, d, order->step);
    }
    return true;
}

static bool take_part(Config *c, const char *cache, Processes *p, Order *order, Error *e) {
    Dataset *d = NULL;
    Trainer t = {0};
    int threads;
    bool ok =
        !e->code && host_threads(c->run.threads, &threads, e) && dataset_open(&d, &c->data, cache, NULL, e);
    if (ok) c->model.vocab = dataset_info(d)->vocab;
    ok = ok && is_same(c, d, order, e) && trainer_create(&t, c, p, e);
    if (ok) {
        tell_state(&t);
        ok = take_steps(&t, d, order, e);
    }
    trainer_free(&t);
    if (d) dataset_close(d);
    return ok;
}

int team_follow(const Config *c, const char *cache, Processes *p, Error *e) {
    Config own = *c;
    Order order;
    signals_watch(); /* the first process saves, and says when it is over */
    config_settle(&own);
    tell(p, &order);
    if (order.kind == ORDER_BEGIN && !take_part(&own, cache, p, &order, e)) {
        fprintf(stderr, "sinklab: %s\n", e->text);
        processes_abort(p, e->code);
    }
    return order.code;
}
