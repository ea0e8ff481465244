/* Options and words as the commands read them. */
#include "train/commands/command.h"
#include "train/config/did_you_mean.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct Options {
    const char *db, *out;
    int64_t jobs;
    bool json, quiet;
    TextList changes;
    char room[256]; /* the words that the texts above point into */
} Options;

enum { WORDS = 8 };

/* Reads a line of words, cut at its single spaces; returns how many stayed, or -1. */
static int read_line(const char *line, Options *o, char *words[WORDS], Error *e) {
    const Flag flags[] = {{"--db", FLAG_TEXT, &o->db},
                          {"-o", FLAG_TEXT, &o->out},
                          {"--jobs", FLAG_INT, &o->jobs},
                          {"--json", FLAG_BOOL, &o->json},
                          {"--quiet", FLAG_BOOL, &o->quiet},
                          {"--do", FLAG_LIST, &o->changes},
                          {0}};
    int n = 0, kept = 0;
    strcpy(o->room, line);
    for (char *word = o->room; word && *line;) words[n++] = strsep(&word, " ");
    return flags_read(flags, n, words, &kept, e) ? kept : -1;
}

static void assert_words(const char *line, Options *o, const char *expected) {
    char joined[256] = "";
    char *words[WORDS];
    Error e = {0};
    int n = read_line(line, o, words, &e);
    if (n < 0) fail_msg("refused: %s", e.text);
    for (int i = 0; i < n; i++) strcat(strcat(joined, i ? "|" : ""), words[i]);
    assert_string_equal(joined, expected);
}

static void assert_refused(const char *line, const char *expected) {
    Options o = {0};
    char *words[WORDS];
    Error e = {0};
    assert_int_equal(read_line(line, &o, words, &e), -1);
    assert_string_equal(e.text, expected);
    assert_int_equal(e.code, EXIT_USAGE);
}

static void options_are_told_from_words(void **state) {
    (void)state;
    Options o = {.db = "results.db", .jobs = 1};
    assert_words("", &o, "");
    assert_words("a.yaml --json x=1 --db y.db b", &o, "a.yaml|x=1|b");
    assert_true(o.json);
    assert_false(o.quiet);
    assert_string_equal(o.db, "y.db");
    assert_int_equal(o.jobs, 1);
    assert_words("--db=z=1.db -o out.html --jobs=-3", &o, "");
    assert_string_equal(o.db, "z=1.db");
    assert_string_equal(o.out, "out.html");
    assert_int_equal(o.jobs, -3);
    assert_words("--jobs 4 --jobs 5 --db=", &o, "");
    assert_int_equal(o.jobs, 5);
    assert_string_equal(o.db, "");
}

static void an_option_given_again_makes_a_list(void **state) {
    (void)state;
    Options o = {0};
    char long_text[256] = "--do=";
    assert_words("--do a,b x --do=c", &o, "x");
    assert_int_equal(o.changes.n, 2);
    assert_string_equal(o.changes.at[0], "a,b");
    assert_string_equal(o.changes.at[1], "c");
    memset(long_text + 5, 'a', 200);
    assert_words(long_text, &o, "");
    assert_int_equal(strlen(o.changes.at[2]), 200);
    assert_refused("--do=", "command line: --do: empty");
}

static void negative_numbers_and_what_follows_two_dashes_are_words(void **state) {
    (void)state;
    Options o = {0};
    assert_words("-5 -.5 - key=-1", &o, "-5|-.5|-|key=-1");
    assert_words("--jobs -2 a", &o, "a");
    assert_int_equal(o.jobs, -2);
    assert_words("a -- --json -o --", &o, "a|--json|-o|--");
    assert_false(o.json);
}

static void options_that_cannot_be_are_refused(void **state) {
    (void)state;
    assert_refused("a --jsno", "command line: unknown option --jsno (did you mean --json?)");
    assert_refused("--zzzzzzzz=3", "command line: unknown option --zzzzzzzz (--help lists them)");
    assert_refused("--js", "command line: unknown option --js (did you mean --json?)");
    assert_refused("-x", "command line: unknown option -x (--help lists them)");
    assert_refused("--db", "command line: --db needs a value (--db=VALUE)");
    assert_refused("--db --json", "command line: --db needs a value (--db=VALUE)");
    assert_refused("--json=1", "command line: --json takes no value");
    assert_refused("--jobs x", "command line: --jobs: expected an integer, not \"x\"");
    assert_refused("--jobs 1.5", "command line: --jobs: expected an integer, not \"1.5\"");
    assert_refused("--jobs=", "command line: --jobs: expected an integer, not \"\"");
    assert_refused("--jobs 99999999999999999999",
                   "command line: --jobs: expected an integer, not \"99999999999999999999\"");
}

static const char *guess(const char *text, const char *const *words) {
    DidYouMean n = {.text = text};
    for (; *words; words++) did_you_mean_offer(&n, *words);
    return n.best ? n.best : "none";
}

static void a_mistyped_word_is_guessed(void **state) {
    (void)state;
    static const char *const words[] = {"model.width", "model.window", "optim.lr", "train", "sweep", NULL};
    assert_string_equal(guess("trian", words), "train"); /* a swap is one edit */
    assert_string_equal(guess("swep", words), "sweep");
    assert_string_equal(guess("width", words), "model.width");
    assert_string_equal(guess("model.widow", words), "model.window");
    assert_string_equal(guess("optim", words), "optim.lr"); /* a beginning */
    assert_string_equal(guess("--tran", words), "train");
    assert_string_equal(guess("xyz", words), "none");
    assert_string_equal(guess("", words), "none");
    static const char *const rates[] = {"sink_rate_02", "sink_mass", "sink_rate_03", "sink_rate_02", NULL};
    char hint[64];
    DidYouMean n = {.text = "sink_rate"};
    for (const char *const *word = rates; *word; word++) did_you_mean_offer(&n, *word);
    assert_string_equal(did_you_mean_hint(&n, hint, sizeof hint),
                        " (did you mean sink_rate_02 or sink_rate_03?)");
    char longest[256];
    memset(longest, 'a', 255);
    longest[255] = 0;
    assert_string_equal(guess(longest, words), "none");
}

/* Each command of the table, with a word that is no configuration, checkpoint or database. */
static void every_command_takes_quiet(void **state) {
    (void)state;
    assert_int_equal(
        system("set -- $(./sinklab --help | sed -n 's/^  \\([a-z]*\\) .*/\\1/p'); [ $# = 14 ] || exit 1;"
               " for c; do ./sinklab $c --help | grep -q -e '--quiet' &&"
               " ! ./sinklab $c --quiet nowhere 2>&1 | grep 'unknown option' || exit 1; done"),
        0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_told_from_words),
        cmocka_unit_test(an_option_given_again_makes_a_list),
        cmocka_unit_test(negative_numbers_and_what_follows_two_dashes_are_words),
        cmocka_unit_test(options_that_cannot_be_are_refused),
        cmocka_unit_test(a_mistyped_word_is_guessed),
        cmocka_unit_test(every_command_takes_quiet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
