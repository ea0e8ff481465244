#include "ablations/sweep/results.h"
#include "ablations/sweep/sweep_metrics.h"
#include "ablations/sweep/sweep_parts.h"
#include "data/base/files.h"
#include "data/base/number.h"

#include <math.h>
#include <string.h>

static bool read_metric(SweepReader *p, const Yaml *metric, Expectation *out) {
    char hint[96] = "";
    out->metric = metric->kind == YAML_SCALAR ? metric->text : "";
    return sweep_metric_known(&p->figures, out->metric, hint, sizeof hint) ||
           reader_refuse(p, metric, "expect: unknown metric %s%s", out->metric,
                         *hint ? hint
                               : " (such as val_loss, sink_rate_03, onset: sinklab query sweep_metrics)");
}

static bool read_by(SweepReader *p, const Yaml *by, Expectation *out) {
    if (by->kind == YAML_SCALAR && number_read(by->text, &out->by) && out->by >= 0 && out->by < 1e300)
        return true;
    return reader_refuse(p, by, "expect: by: expected a number from 0 on (direction: says the sign)");
}

/* A number that a query's answers are held to, of either sign. */
static bool read_bound(SweepReader *p, const Yaml *at, double *out) {
    return (at->kind == YAML_SCALAR && number_read(at->text, out) && fabs(*out) < 1e300) ||
           reader_refuse(p, at, "expect: at_least, at_most: expected a number");
}

/* The text of a query's file, named relative to the sweep's. */
static bool read_sql(SweepReader *p, const Yaml *at, const char *key, SqlFile *out) {
    Bytes text = {0};
    Error why = {0};
    if (!reader_text(p, at, key, &out->name)) return false;
    const char *path = reader_beside(p, out->name);
    if (!path) return false;
    bool ok = file_read(path, &text, &why) && bytes_append(&text, "", 1, &why);
    if (why.code == EXIT_USAGE)
        reader_refuse(p, at, "%s: %s (the path is relative to this file)", key, why.text);
    if (why.code == EXIT_FAILED) *p->e = why;
    out->text = ok ? reader_own(p, text.data) : NULL;
    if (!ok) bytes_free(&text);
    return out->text;
}

/* What a query is asked with; its name says so, since it may be asked twice. */
static bool read_with(SweepReader *p, const Yaml *with, Expectation *out) {
    if (!with) return true;
    if (with->kind != YAML_MAP || !with->n)
        return reader_refuse(p, with, "expect: with: expected {NAME: VALUE, ...}");
    for (int i = 0; i < with->n; i++) {
        if (with->value[i]->kind != YAML_SCALAR)
            return reader_refuse(p, with->value[i], "expect: with: %s: expected a value", with->key[i]->text);
        out->metric = reader_print(p, "%s%s%s=%s", out->metric, i ? ", " : "(", with->key[i]->text,
                                   with->value[i]->text);
        if (!out->metric) return false;
    }
    out->with = with;
    return (out->metric = reader_print(p, "%s)", out->metric));
}

static bool read_query(SweepReader *p, const Yaml *value, Expectation *out) {
    static const char *const known[] = {"query", "with", "asks", "at_least", "at_most", NULL};
    const Yaml *least = yaml_get(value, "at_least"), *most = yaml_get(value, "at_most"),
               *asks = yaml_get(value, "asks");
    SqlFile file;
    if (!reader_only_keys(p, value, "expect", known)) return false;
    if (!least == !most)
        return reader_refuse(p, value, "expect: a query needs at_least or at_most, one of them");
    if (!read_sql(p, yaml_get(value, "query"), "expect: query", &file)) return false;
    *out = (Expectation){.metric = file.name, .query = file.text, .lower = most};
    if (!read_with(p, yaml_get(value, "with"), out) || !read_bound(p, least ? least : most, &out->by))
        return false;
    if (most) out->by = -out->by;
    return !asks || reader_text(p, asks, "expect: asks", &out->asks);
}

static bool read_expectation(SweepReader *p, const Yaml *value, Expectation *out) {
    static const char *const known[] = {"metric", "direction", "by", NULL};
    if (value->kind == YAML_MAP && yaml_get(value, "query")) return read_query(p, value, out);
    if (!reader_only_keys(p, value, "expect", known)) return false;
    const Yaml *metric = yaml_get(value, "metric"), *direction = yaml_get(value, "direction"),
               *by = yaml_get(value, "by");
    *out = (Expectation){0};
    if (!metric || !direction) return reader_refuse(p, value, "expect: needs metric and direction");
    bool scalar = direction->kind == YAML_SCALAR;
    out->lower = scalar && !strcmp(direction->text, "lower");
    if (!out->lower && !(scalar && !strcmp(direction->text, "higher")))
        return reader_refuse(p, direction, "expect: direction: lower or higher");
    return read_metric(p, metric, out) && (!by || read_by(p, by, out));
}

bool sweep_read_expect(SweepReader *p, const Yaml *value) {
    Sweep *s = p->s;
    if (value->kind != YAML_LIST) return reader_refuse(p, value, "expect: expected a list of expectations");
    for (int i = 0; i < value->n; i++) {
        if (!reader_grow(p, &s->expect, i, sizeof *s->expect) ||
            !read_expectation(p, value->value[i], &s->expect[i]))
            return false;
        if (!s->expect[i].query && s->side < 0)
            return reader_refuse(p, value, "expect: needs compare: (whose sides it is about)");
        s->expectations++;
        for (int k = 0; k < i; k++)
            if (!strcmp(s->expect[k].metric, s->expect[i].metric))
                return reader_refuse(p, value->value[i], "expect: %s is there twice", s->expect[i].metric);
    }
    return true;
}

static bool read_need(SweepReader *p, const Yaml *value) {
    Sweep *s = p->s;
    const char *need = value->kind == YAML_SCALAR ? value->text : "";
    char hint[96] = "", table[32];
    if (!sweep_column_known(&p->figures, need, hint, sizeof hint))
        return reader_refuse(p, value, "needs: unknown column %s%s", need,
                             *hint ? hint : " (TABLE.COLUMN of results.db)");
    const char *dot = strchr(need, '.');
    snprintf(table, sizeof table, "%.*s", (int)(dot - need), need);
    if (!results_keep(table, dot + 1))
        return reader_refuse(p, value, "needs: %s is not kept in results files (ablations/README.md)", need);
    if (!reader_grow(p, &s->need, s->needs, sizeof *s->need)) return false;
    s->need[s->needs++] = need;
    return true;
}

bool sweep_read_tables(SweepReader *p, const Yaml *value) {
    Sweep *s = p->s;
    if (value->kind != YAML_LIST) return reader_refuse(p, value, "tables: expected a list of files");
    for (int i = 0; i < value->n; i++)
        if (!reader_grow(p, &s->table, i, sizeof *s->table) ||
            !read_sql(p, value->value[i], "tables", &s->table[s->tables++]))
            return false;
    return true;
}

static bool read_term(SweepReader *p, const Yaml *at, Fit *out) {
    if (out->terms == FIT_TERMS) return reader_refuse(p, at, "fits: on: more than %d columns", FIT_TERMS);
    return reader_text(p, at, "fits: on", &out->on[out->terms++]);
}

static bool read_fit(SweepReader *p, const Yaml *value, Fit *out) {
    static const char *const known[] = {"query", "of", "on", NULL};
    if (!reader_only_keys(p, value, "fits", known)) return false;
    const Yaml *query = yaml_get(value, "query"), *of = yaml_get(value, "of"), *on = yaml_get(value, "on");
    *out = (Fit){0};
    if (!query || !of || !on || on->kind != YAML_LIST || !on->n)
        return reader_refuse(p, value, "fits: expected {query: FILE.sql, of: COLUMN, on: [COLUMN, ...]}");
    bool ok = read_sql(p, query, "fits: query", &out->query) && reader_text(p, of, "fits: of", &out->of);
    for (int i = 0; ok && i < on->n; i++) ok = read_term(p, on->value[i], out);
    return ok;
}

bool sweep_read_fits(SweepReader *p, const Yaml *value) {
    Sweep *s = p->s;
    if (value->kind != YAML_LIST) return reader_refuse(p, value, "fits: expected a list of fits");
    for (int i = 0; i < value->n; i++)
        if (!reader_grow(p, &s->fit, i, sizeof *s->fit) || !read_fit(p, value->value[i], &s->fit[s->fits++]))
            return false;
    return true;
}

bool sweep_read_needs(SweepReader *p, const Yaml *value) {
    if (value->kind != YAML_LIST) return reader_refuse(p, value, "needs: expected a list of columns");
    for (int i = 0; i < value->n; i++)
        if (!read_need(p, value->value[i])) return false;
    return true;
}
