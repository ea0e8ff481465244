/* YAML and JSON as data/base/yaml.c reads them: places, aliases, merges, escapes, and what it refuses. */
#include "data/base/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static Yaml *tree_of(const char *text) {
    Error e = {0};
    Yaml *y = yaml_parse(text, strlen(text), "t", &e);
    if (!y) fail_msg("refused: %s", e.text);
    return y;
}

static void assert_json(const char *text, const char *expected) {
    Yaml *y = tree_of(text);
    char *json = yaml_json(y);
    assert_string_equal(json, expected);
    free(json);
    yaml_free(y);
}

static void assert_refused(const char *text, size_t length, const char *expected) {
    Error e = {0};
    assert_null(yaml_parse(text, length, "t", &e));
    assert_string_equal(e.text, expected);
    assert_int_equal(e.code, EXIT_USAGE);
}

static void a_tree_knows_kinds_quotes_and_places(void **state) {
    (void)state;
    Yaml *y = tree_of("a: 1\nb:\n  c: 'x y'\n  d: [p, \"q\"]\n");
    assert_int_equal(y->kind, YAML_MAP);
    assert_int_equal(y->n, 2);
    const Yaml *c = yaml_get(yaml_get(y, "b"), "c"), *d = yaml_get(yaml_get(y, "b"), "d");
    assert_string_equal(c->text, "x y");
    assert_true(c->quoted);
    assert_int_equal(c->line, 3);
    assert_int_equal(c->column, 6);
    assert_int_equal(d->kind, YAML_LIST);
    assert_int_equal(d->n, 2);
    assert_false(d->value[0]->quoted);
    assert_true(d->value[1]->quoted);
    assert_int_equal(d->value[1]->line, 4);
    assert_int_equal(d->value[1]->column, 10);
    assert_null(yaml_get(y, "c"));
    assert_null(yaml_get(c, "c"));
    yaml_free(y);
}

static void scalars_stay_text(void **state) {
    (void)state;
    assert_json("[1e-3, no, on, 0x10, ~, 1_000, .nan]",
                "[\"1e-3\",\"no\",\"on\",\"0x10\",\"~\",\"1_000\",\".nan\"]");
}

static void an_empty_text_is_an_empty_map(void **state) {
    (void)state;
    assert_json("", "{}");
    assert_json("# nothing but this\n", "{}");
}

static void aliases_are_copies(void **state) {
    (void)state;
    assert_json("a: &x [1, 2]\nb: *x\n", "{\"a\":[\"1\",\"2\"],\"b\":[\"1\",\"2\"]}");
    assert_json("a: &k key\n*k : 2\n", "{\"a\":\"key\",\"key\":\"2\"}");
}

static void merge_keys_yield_to_a_maps_own(void **state) {
    (void)state;
    /* A map's own keys win wherever << stands, the first of several merged maps after them. */
    assert_json("d: &d {x: 1, y: 2}\nm: {<<: *d, y: 3}\n",
                "{\"d\":{\"x\":\"1\",\"y\":\"2\"},\"m\":{\"y\":\"3\",\"x\":\"1\"}}");
    assert_json("m: {y: 3, <<: [{x: 4}, {x: 5, z: 6, y: 7}]}\n",
                "{\"m\":{\"y\":\"3\",\"x\":\"4\",\"z\":\"6\"}}");
    /* Merged maps may have merged themselves. */
    assert_json("a: &a {p: 1}\nb: &b {<<: *a, q: 2}\nc: {<<: *b}\n",
                "{\"a\":{\"p\":\"1\"},\"b\":{\"q\":\"2\",\"p\":\"1\"},\"c\":{\"q\":\"2\",\"p\":\"1\"}}");
    /* A quoted "<<" is a key like any other. */
    assert_json("{\"<<\": 1}", "{\"<<\":\"1\"}");
    assert_refused("a:\n  <<: 3\n", 11, "t:2:7: a merge key << takes a map or a list of maps");
    assert_refused("<<: [{a: 1}, 2]\n", 16, "t:1:5: a merge key << takes a map or a list of maps");
}

static void escapes_of_json_are_read(void **state) {
    (void)state;
    Yaml *y =
        tree_of("{\"a\\/b\":\"\\u00e9 \\uD83D\\uDE00 \\\"\\\\ \\n\\t\\u2028\",\"n\":[-1.5e-3,true,null]}");
    assert_string_equal(y->key[0]->text, "a/b");
    assert_string_equal(y->value[0]->text, "\u00e9 \U0001F600 \"\\ \n\t\u2028");
    assert_string_equal(yaml_get(y, "n")->value[0]->text, "-1.5e-3");
    yaml_free(y);
    /* An escaped backslash before u is no escape of a character. */
    y = tree_of("[\"\\\\uD83D\\\\uDE00\"]");
    assert_string_equal(y->value[0]->text, "\\uD83D\\uDE00");
    yaml_free(y);
    /* In YAML that is not JSON a backslash outside of quotes stands for itself. */
    y = tree_of("a: \\uD83D\\uDE00\n");
    assert_string_equal(y->value[0]->text, "\\uD83D\\uDE00");
    yaml_free(y);
    assert_refused("[\"\\uD83D\"]", 10, "t:1:5: found invalid Unicode character escape code");
}

static void strings_written_as_json_come_back(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "plain",
        "\"quotes\" and \\ and /",
        "\x01\x1f\x7f",
        "\xc2\x80\xc2\x9f\xc2\xa0",
        "caf\u00e9 \U0001F600",
        "\ufeff\uffff",
        "# no comment: [x]",
        " spaces  ",
        "line\nline\ttab\r",
        "\u2028line\u2029line",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *json = NULL;
        size_t length;
        FILE *out = open_memstream(&json, &length);
        fputc('[', out);
        json_string(out, texts[i]);
        fputc(']', out);
        fclose(out);
        Yaml *y = tree_of(json);
        assert_string_equal(y->value[0]->text, texts[i]);
        yaml_free(y);
        free(json);
    }
    /* Bytes that are not UTF-8: stray continuation, overlong form, surrogate, cut sequence. */
    char *json = NULL;
    size_t length;
    FILE *out = open_memstream(&json, &length);
    json_string(out, "\x80|\xc0\xaf|\xed\xa0\x80|\xe2\x82");
    fclose(out);
    assert_string_equal(json, "\"\\ufffd|\\ufffd\\ufffd|\\ufffd\\ufffd\\ufffd|\\ufffd\\ufffd\"");
    free(json);
}

static void what_is_no_tree_is_refused_with_its_place(void **state) {
    (void)state;
#define REFUSED(text, why) assert_refused(text, sizeof(text) - 1, why)
    REFUSED("a: 1\nb: 2\na: 3\n", "t:3:1: duplicate key a (first on line 1)");
    REFUSED("{\"a\":1,\"a\":2}", "t:1:8: duplicate key a (first on line 1)");
    REFUSED("a: \"b\n", "t:2:1: the file ends within a text in quotation marks");
    REFUSED("a: [1, 2\nb: 3\n", "t:2:2: a list that is not closed: , or ] is missing");
    REFUSED("a: *nowhere\n", "t:1:4: an alias of nothing before it, or within itself");
    REFUSED("a: &x [*x]\n", "t:1:8: an alias of nothing before it, or within itself");
    REFUSED("a:\n\tb: 1\n", "t:2:1: a tab: YAML indents with blanks");
    REFUSED("? [1, 2]\n: 3\n", "t:1:3: a key must be a text");
    REFUSED("a: 1\n---\nb: 2\n", "t:2:1: a second document: one a file");
    REFUSED("a: \"x\\0y\"\n", "t:1:4: a NUL byte in a text");
    REFUSED("a: 1\nb: \xff\n", "t:2:4: invalid leading UTF-8 octet");
    REFUSED("a: 1\nb: x\0y\n", "t:2:5: control characters (is it a text file?)");
#undef REFUSED
}

static void deep_nesting_is_bounded(void **state) {
    (void)state;
    char text[2 * YAML_DEPTH + 3];
    size_t deep = YAML_DEPTH;
    memset(text, '[', deep);
    memset(text + deep, ']', deep);
    Error e = {0};
    Yaml *y = yaml_parse(text, 2 * deep, "t", &e);
    assert_non_null(y);
    yaml_free(y);
    deep++;
    memset(text, '[', deep);
    memset(text + deep, ']', deep);
    assert_refused(text, 2 * deep, "t:1:65: nested too deep");
}

/* 200 kB of brackets, which a scanner that looks at every open one again takes hours for. */
static void nesting_is_refused_where_it_begins(void **state) {
    (void)state;
    size_t n = 200000;
    char *text = malloc(n + 1);
    memset(text, '[', n);
    assert_refused(text, n, "t:1:65: nested too deep");
    free(text);
}

/* Anchors in what << took stay what they were. */
static void an_anchor_in_a_merged_map_can_be_used(void **state) {
    (void)state;
    assert_json("a: {<<: &x {p: &y [1], q: 2}, q: 3}\nb: *x\nc: *y\n",
                "{\"a\":{\"q\":\"3\",\"p\":[\"1\"]},\"b\":{\"p\":[\"1\"],\"q\":\"2\"},\"c\":[\"1\"]}");
}

/* Nine lists of nine aliases each: a billion values, from some hundred bytes. */
static void a_bomb_of_aliases_is_bounded(void **state) {
    (void)state;
    char text[2048] = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 9; i++) {
        char line[128];
        int n = snprintf(line, sizeof line, "a%d: &a%d [", i, i);
        for (int j = 0; j < 9; j++)
            n += snprintf(line + n, sizeof line - (size_t)n, "%s*a%d", j ? ", " : "", i - 1);
        strcat(strcat(text, line), "]\n");
    }
    Error e = {0};
    assert_null(yaml_parse(text, strlen(text), "t", &e));
    assert_non_null(strstr(e.text, "too many values once aliases are resolved"));
}

static void files_longer_than_a_buffer_are_read(void **state) {
    (void)state;
    Error e = {0};
    assert_null(yaml_load("/nonexistent/x.yaml", &e));
    assert_string_equal(e.text, "file: /nonexistent/x.yaml: No such file or directory");
    assert_null(yaml_load("/", &e));
    assert_string_equal(e.text, "file: /: is a folder (a regular file is needed)");
    assert_null(yaml_load("/dev/zero", &e));
    assert_string_equal(e.text, "file: /dev/zero: is a device (a regular file is needed)");
    char path[] = "/tmp/sinklab-yaml-XXXXXX";
    FILE *out = fdopen(mkstemp(path), "w");
    for (int i = 0; i < 5000; i++) fprintf(out, "key%d: %d\n", i, i); /* longer than one buffer */
    fclose(out);
    Yaml *y = yaml_load(path, &e);
    assert_non_null(y);
    assert_int_equal(y->n, 5000);
    assert_string_equal(yaml_get(y, "key4999")->text, "4999");
    assert_string_equal(yaml_get(y, "key0")->text, "0");
    assert_null(yaml_get(y, "key5000"));
    yaml_free(y);
    remove(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_knows_kinds_quotes_and_places),
        cmocka_unit_test(scalars_stay_text),
        cmocka_unit_test(an_empty_text_is_an_empty_map),
        cmocka_unit_test(aliases_are_copies),
        cmocka_unit_test(merge_keys_yield_to_a_maps_own),
        cmocka_unit_test(escapes_of_json_are_read),
        cmocka_unit_test(strings_written_as_json_come_back),
        cmocka_unit_test(what_is_no_tree_is_refused_with_its_place),
        cmocka_unit_test(deep_nesting_is_bounded),
        cmocka_unit_test(a_bomb_of_aliases_is_bounded),
        cmocka_unit_test(files_longer_than_a_buffer_are_read),
        cmocka_unit_test(nesting_is_refused_where_it_begins),
        cmocka_unit_test(an_anchor_in_a_merged_map_can_be_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
