/* data/own_tokenizer.c: SentencePiece models as another program trains them, and a tokenizer.json. */
#include "tests/data/fixture.h"

#include "data/base/process.h"
#include "data/own_tokenizer.h"

#include <stdio.h>
#include <stdlib.h>

enum { PIECES = 330, BYTE_A = 0x0A };

/* Words of which "ab" and "cd" are the usual ones. */
static void train(const char *folder, const char *rule, const char *extra) {
    Path text = path_of("%s/text", folder);
    FILE *f = fopen(text.s, "w");
    for (int i = 0; i < 400; i++)
        fprintf(f, "ab cd%s abcd %c%c\n", i % 3 ? " ab" : "", 'a' + i % 7, 'e' + i % 11);
    fclose(f);
    const char *const argv[] = {"spm_train",
                                "--input=text",
                                "--model_prefix=tokenizer",
                                "--model_type=bpe",
                                "--vocab_size=300",
                                "--byte_fallback=true",
                                "--hard_vocab_limit=false",
                                rule,
                                extra,
                                NULL};
    Error e = {0};
    check(process_run(argv, folder, "log", "sentencepiece", &e), &e);
}

typedef struct Encoded {
    int32_t *id;
    int64_t n;
    int32_t bos;
} Encoded;

static Encoded encode(const char *folder, const char *text) {
    Encoded x = {0};
    Error e = {0};
    check(own_tokenizer_encode(folder, PIECES, text, (int64_t)strlen(text), &x.id, &x.n, &x.bos, &e), &e);
    return x;
}

/* Llama's kind: a space before the text, none before later lines, the newline a byte, <s> before it all. */
static void lines_stand_behind_each_other_as_in_one_text(void **state) {
    const char *folder = ((Path *)*state)->s;
    train(folder, "--normalization_rule_name=identity", "--remove_extra_whitespaces=false");
    Encoded ab = encode(folder, "ab"), both = encode(folder, "ab\ncd\n"), led = encode(folder, "\ncd");
    Encoded spaced = encode(folder, "cd"), empty = encode(folder, "");
    const int32_t newline = 3 + BYTE_A; /* behind <unk> <s> </s> */
    assert_int_equal(ab.n, 1);          /* " ab" is a piece */
    assert_int_equal(spaced.n, 1);
    assert_int_equal(empty.n, 0);
    assert_int_equal(ab.bos, 1);
    assert_true(both.n >= 4);
    assert_int_equal(both.id[0], ab.id[0]);
    assert_int_equal(both.id[1], newline);
    assert_int_equal(both.id[both.n - 1], newline);
    for (int64_t i = 2; i < both.n - 1; i++)
        assert_int_not_equal(both.id[i], spaced.id[0]); /* "cd", not " cd" */
    assert_int_equal(led.id[1], newline);               /* behind the space alone */
    assert_int_equal(led.n, both.n - 1);
    assert_memory_equal(led.id + 1, both.id + 1, (size_t)(both.n - 2) * sizeof *led.id);

    char *text;
    Error e = {0};
    check(own_tokenizer_decode(folder, both.id, both.n, &text, &e), &e);
    assert_string_equal(text, " ab\ncd\n");
    free(text);
    Encoded *all[] = {&ab, &both, &led, &spaced, &empty};
    for (int i = 0; i < 5; i++) free(all[i]->id);
}

static void the_folder_says_whether_a_text_begins_with_bos(void **state) {
    const char *folder = ((Path *)*state)->s;
    train(folder, "--normalization_rule_name=identity", "--remove_extra_whitespaces=false");
    write_text(path_of("%s/tokenizer_config.json", folder).s, "{\"add_bos_token\": false}");
    Encoded x = encode(folder, "ab");
    assert_int_equal(x.bos, -1);
    free(x.id);
}

static void expect_refused(const char *folder, int64_t vocab, const char *text, int64_t size,
                           const char *why) {
    int32_t *ids, bos;
    int64_t n;
    Error e = {0};
    if (own_tokenizer_encode(folder, vocab, text, size, &ids, &n, &bos, &e)) fail_msg("not refused: %s", why);
    if (!strstr(e.text, why)) fail_msg("%s", e.text);
    assert_null(ids);
}

static void a_text_that_cannot_be_handed_over_as_it_is_is_refused(void **state) {
    const char *folder = ((Path *)*state)->s;
    train(folder, "--normalization_rule_name=nmt_nfkc", "--remove_extra_whitespaces=true");
    expect_refused(folder, PIECES, "ab\ncd", 5, "one line at a time");
    expect_refused(folder, PIECES, "a\0b", 3, "UTF-8 without NUL");
    expect_refused(folder, PIECES, "a\xFF", 2, "UTF-8 without NUL");
    expect_refused(folder, 5, "ab cd", 5, "to a model of 5");
    write_text(path_of("%s/tokenizer.model", folder).s, "no model");
    expect_refused(folder, PIECES, "ab", 2, "not a SentencePiece model");
}

/* By @huggingface/tokenizers where Node finds it, else refused by its name. */
static void a_tokenizer_json_is_read_by_its_library_or_refused_by_name(void **state) {
    const char *folder = ((Path *)*state)->s;
    write_text(path_of("%s/tokenizer.json", folder).s,
               "{\"version\": \"1.0\", \"truncation\": null, \"padding\": null, \"added_tokens\": [{\"id\": "
               "0, \"content\": "
               "\"<b>\", \"special\": true, \"single_word\": false, \"lstrip\": false, \"rstrip\": false, "
               "\"normalized\": "
               "false}], \"normalizer\": null, \"pre_tokenizer\": {\"type\": \"Whitespace\"}, "
               "\"post_processor\": {\"type\": "
               "\"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"<b>\", \"type_id\": 0}}, "
               "{\"Sequence\": "
               "{\"id\": \"A\", \"type_id\": 0}}], \"pair\": [], \"special_tokens\": {\"<b>\": {\"id\": "
               "\"<b>\", \"ids\": [0], "
               "\"tokens\": [\"<b>\"]}}}, \"decoder\": null, \"model\": {\"type\": \"WordLevel\", \"vocab\": "
               "{\"<b>\": 0, "
               "\"one\": 1, \"two\": 2, \"<unk>\": 3}, \"unk_token\": \"<unk>\"}}");
    int32_t *ids = NULL, bos;
    int64_t n;
    Error e = {0};
    if (own_tokenizer_encode(folder, 4, "two one\ntwo", 11, &ids, &n, &bos, &e)) {
        const int32_t want[] = {2, 1, 2};
        assert_int_equal(n, 3);
        assert_memory_equal(ids, want, sizeof want);
        assert_int_equal(bos, 0);
        free(ids);
    } else if (!strstr(e.text, "@huggingface/tokenizers") && !strstr(e.text, "node")) {
        fail_msg("%s", e.text);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_folder, teardown_folder)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(lines_stand_behind_each_other_as_in_one_text),
                                       TEST(the_folder_says_whether_a_text_begins_with_bos),
                                       TEST(a_text_that_cannot_be_handed_over_as_it_is_is_refused),
                                       TEST(a_tokenizer_json_is_read_by_its_library_or_refused_by_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
