#include "ablations/page/figure_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Texts stand in JSON as they are: without quotes and backslashes. */
const DrawnFigure figure_table[] = {
    {"loss", "Training loss", "nats a token", "mean over the batch", .log = true, .rule = NAN},
    {"val_loss_16k", "Validation loss", "nats a token", "one set of 16,384 targets", .log = true,
     .rule = NAN},
    {"val_loss_late", "Validation loss, late targets", "nats a token",
     "targets from the middle of a row on, by which rows with and without BOS may be compared", .log = true,
     .rule = NAN},
    {"sink_rate_03", "Sink rate", "share of (sequence, layer, head), eps = 0.3",
     "share of (sequence, layer, head) with a first-key mass above eps = 0.3; dashed: threshold 0.1; uniform "
     "attention: 0 where T > 9",
     .rule = 0.1},
    {"sink_mass", "First-key mass", "share of attention, mean over heads",
     "what the first token gets of all attention; dashed: uniform attention", .rule = NAN,
     .control = "uniform_mass"},
    {"first_mass", "First-key mass by head", "share of attention", "over a training batch's rows", .top = 1,
     .rule = NAN},
    {"onset", "Onset of the sink", "step", "evaluation by which the sink rate had passed 0.1", .rule = NAN},
    {"value_drain", "Value drain", "ratio of lengths",
     "length of the first value over the others'; dashed: threshold 0.5; no drain: 1", .rule = 0.5},
    {"norm_ratio", "Norm ratio of token 0", "ratio of lengths",
     "length of its residual vector over the others'; dashed: threshold 3; no difference: 1", .log = true,
     .rule = 3},
    {"entropy_norm_min", "Entropy H / ln min(T,d)", "share of the largest",
     "of the stream, smallest over layers; dashed: threshold 0.5; dotted: upper bound from token 0 alone",
     .rule = 0.5},
    {"entropy_norm", "H / ln min(T,d)", "share of the largest", "below 0.5: compress", .top = 1, .rule = 0.5},
    {"mixing", "Mixing score", "0 to 1", "above 0.7: mix; uniform attention: 1", .top = 1, .rule = 0.7},
    {"out_variance_ratio", "Output variance at 0", "ratio of variances",
     "over that of later positions; dashed: 1, no difference; probe random", .log = true, .rule = 1},
    {"super_ratio", "Super neuron", "ratio of activations",
     "strongest MLP unit at token 0 over the median unit; dashed: 1, like any", .log = true, .rule = 1},
    {"dom_ratio_first", "DomRatio of token 0", "ratio of channels",
     "largest channel over the mean channel; dotted: median of the other tokens", .log = true, .rule = NAN},
    {.column = NULL},
};

const DrawnFigure *figure_of(const char *column) {
    for (const DrawnFigure *f = figure_table; f->column; f++)
        if (!strcmp(f->column, column)) return f;
    return NULL;
}

/* ---- colours ---- */

const char *const palette_light[PALETTE] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                            "#a87900", "#7a68c8", "#3f93c4", "#7d7d7d"};
const char *const palette_dark[PALETTE] = {"#5ab4f0", "#ff8c42", "#2fcf9d", "#ee9fcb",
                                           "#e0b03c", "#b3a4f5", "#9ad2f2", "#b5b5b5"};

int palette_of_verdict(const char *word) {
    return *word == 's' ? 2 : *word == 'r' ? 1 : 7;
}

const RampStop ramp[RAMP] = {
    {0.00, {244, 243, 240}, {29, 29, 32}}, {0.13, {250, 229, 203}, {58, 43, 28}},
    {0.35, {243, 176, 99}, {124, 67, 17}}, {0.60, {214, 106, 16}, {206, 115, 32}},
    {0.80, {156, 62, 0}, {255, 178, 91}},  {1.00, {79, 24, 0}, {255, 240, 208}},
};

void ramp_colour(double place, bool dark, char text[8]) {
    const RampStop *s = ramp;
    place = fmin(fmax(place, 0), 1);
    while (s < ramp + RAMP - 2 && place > s[1].at) s++;
    const int *from = dark ? s[0].dark : s[0].light, *to = dark ? s[1].dark : s[1].light;
    double share = (place - s[0].at) / (s[1].at - s[0].at);
    int rgb[3];
    for (int c = 0; c < 3; c++) rgb[c] = (int)lround(from[c] + share * (to[c] - from[c])) & 255;
    snprintf(text, 8, "#%02x%02x%02x", rgb[0], rgb[1], rgb[2]);
}

/* ---- for the page ---- */

static void write_number(FILE *out, const char *name, double value) {
    if (isnan(value))
        fprintf(out, "\"%s\":null,", name);
    else
        fprintf(out, "\"%s\":%g,", name, value);
}

static void write_colours(FILE *out, const char *name, const char *const colours[PALETTE]) {
    fprintf(out, "\"%s\":[", name);
    for (int i = 0; i < PALETTE; i++) fprintf(out, "%s\"%s\"", i ? "," : "", colours[i]);
    fputs("],", out);
}

void figure_table_json(FILE *out) {
    fputs("{\"figures\":[", out);
    for (const DrawnFigure *f = figure_table; f->column; f++) {
        fprintf(out, "%s{\"column\":\"%s\",\"name\":\"%s\",\"unit\":\"%s\",\"said\":\"%s\",\"log\":%s,",
                f == figure_table ? "" : ",\n", f->column, f->name, f->unit, f->said,
                f->log ? "true" : "false");
        write_number(out, "top", f->top > 0 ? f->top : NAN);
        write_number(out, "rule", f->rule);
        fprintf(out, "\"control\":%s%s%s}", f->control ? "\"" : "", f->control ? f->control : "null",
                f->control ? "\"" : "");
    }
    fputs("],\n", out);
    write_colours(out, "light", palette_light);
    write_colours(out, "dark", palette_dark);
    fputs("\"ramp\":[", out);
    for (int i = 0; i < RAMP; i++) {
        char light[8], dark[8];
        ramp_colour(ramp[i].at, false, light);
        ramp_colour(ramp[i].at, true, dark);
        fprintf(out, "%s{\"at\":%g,\"light\":\"%s\",\"dark\":\"%s\"}", i ? "," : "", ramp[i].at, light, dark);
    }
    fputs("]}", out);
}
