/* data/tokenizer_json.c against a byte-pair encoder by the format's own rules: a text cut into words, each of
 * which starts as its characters (or bytes, for characters that have no piece) and merges the pair of lowest
 * rank, leftmost first, until none is listed. What it gives must be what we trained on. */
#include "tests/data/fixture.h"

#include "data/own_tokenizer.h"
#include "data/tokenizer_json.h"
#include "data/utf8.h"

#include <jansson.h>

enum { VOCAB = 420, WORD = 4096 };

typedef struct File {
    json_t *all, *vocab, *ranks;
    bool words;
} File;

static int64_t number_of(const File *f, const char *text, int n) {
    json_t *id = json_object_getn(f->vocab, text, (size_t)n);
    return id ? json_integer_value(id) : -1;
}

static File read_file(const char *folder) {
    File f = {.all = json_load_file(path_of("%s/tokenizer.json", folder).s, 0, NULL), .ranks = json_object()};
    assert_non_null(f.all);
    json_t *model = json_object_get(f.all, "model"), *merges = json_object_get(model, "merges"), *pair;
    f.vocab = json_object_get(model, "vocab");
    f.words = json_is_object(json_object_get(f.all, "pre_tokenizer"));
    size_t rank;
    json_array_foreach(merges, rank, pair) {
        json_t *a = json_array_get(pair, 0), *b = json_array_get(pair, 1);
        int64_t left = number_of(&f, json_string_value(a), (int)json_string_length(a));
        int64_t right = number_of(&f, json_string_value(b), (int)json_string_length(b));
        assert_true(left >= 0 && right >= 0);
        Path name = path_of("%lld %lld", (long long)left, (long long)right);
        if (!json_object_get(f.ranks, name.s))
            json_object_set_new(f.ranks, name.s, json_integer((json_int_t)rank));
    }
    return f;
}

static void free_file(File *f) {
    json_decref(f->all);
    json_decref(f->ranks);
}

typedef struct Symbol {
    const char *text;
    int n;
    int64_t id;
} Symbol;

/* The pair that merges next, -1: none. */
static int next_merge(const File *f, const Symbol *s, int n) {
    int best = -1;
    json_int_t lowest = 0;
    for (int i = 0; i + 1 < n; i++) {
        json_t *rank =
            json_object_get(f->ranks, path_of("%lld %lld", (long long)s[i].id, (long long)s[i + 1].id).s);
        if (!rank || (best >= 0 && json_integer_value(rank) >= lowest)) continue;
        best = i;
        lowest = json_integer_value(rank);
    }
    return best;
}

static void encode_word(const File *f, const char *text, int length, Tokens *out) {
    Symbol s[WORD];
    int n = 0;
    Error e = {0};
    for (int at = 0, k; at < length; at += k) {
        k = utf8_length((const unsigned char *)text + at, length - at);
        int64_t id = number_of(f, text + at, k);
        if (id >= 0) s[n++] = (Symbol){text + at, k, id};
        for (int b = 0; id < 0 && b < k; b++) {
            Path byte = path_of("<0x%02X>", (unsigned char)text[at + b]);
            s[n++] = (Symbol){"", 0, number_of(f, byte.s, 6)};
        }
    }
    for (int i; (i = next_merge(f, s, n)) >= 0; n--) {
        s[i].n += s[i + 1].n;
        s[i].id = number_of(f, s[i].text, s[i].n);
        memmove(s + i + 1, s + i + 2, (size_t)(n - i - 2) * sizeof *s);
    }
    for (int i = 0; i < n; i++) check(tokens_push(out, (int32_t)s[i].id, &e), &e);
}

/* Words are " ?[^ ]+| ". */
static void encode(const File *f, const char *text, int length, Tokens *out) {
    for (int at = 0, end; at < length; at = end) {
        for (end = at + 1; end < length && text[end] != ' ';) end++;
        if (end < length && text[at] == ' ' && end == at + 1) {
            encode_word(f, text + at, 1, out); /* of several spaces all but the last stand alone */
            continue;
        }
        if (!f->words) end = length;
        encode_word(f, text + at, end - at, out);
    }
}

static void check_equal(const Codec *c, const File *f, const char *folder, const char *text) {
    Tokens ours = {0}, theirs = {0};
    Error e = {0};
    Span span = {0, (int64_t)strlen(text)};
    check(codec_encode(c, folder, text, &span, 1, &ours, NULL, &e), &e);
    encode(f, text, (int)span.end, &theirs);
    if (ours.n != theirs.n || memcmp(ours.id, theirs.id, (size_t)ours.n * sizeof *ours.id))
        fail_msg("other tokens of \"%s\"", text);
    free(ours.id);
    free(theirs.id);
}

static const char *const texts[] = {"a\n",
                                    "\n",
                                    " ",
                                    "the first word",
                                    " two  three   spaces ",
                                    "lines\n\n\nand\tmore\r\n lines",
                                    "<s></s><unk><0x41><0x0A>",
                                    "na\xC3\xAFve \xE6\x97\xA5\xE6\x9C\xAC \xF0\x9F\x98\x80",
                                    "\xEE\x80\x80 a\xEE\x80\x80"
                                    "b \xE2\x96\x81under\xE2\x96\x81score",
                                    "aa aaa aaaa aaaaa aaaaaa aaaaaaa aba ababa abababab baab"};

static void learn(const char *folder, const char *more, Codec *c) {
    Error e = {0};
    Bytes text = made_text(5000, 7);
    for (int i = 0; i < 300; i++) check(bytes_append(&text, more, (int64_t)strlen(more), &e), &e);
    check(sentencepiece_train(folder, text.data, &(Span){0, text.size}, 1, VOCAB, &e), &e);
    bytes_free(&text);
    check(codec_open(c, TOKENIZER_BPE, folder, &e), &e);
}

static void equal_tokens_for_any_text(void **state) {
    const char *folder = ((Path *)*state)->s;
    Error e = {0};
    Codec c;
    learn(folder, "aba ababa aa aaa abab na\xC3\xAFve ", &c);
    check(tokenizer_json_write(&c, true, folder, &e), &e);
    File f = read_file(folder);
    assert_true(f.words);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) check_equal(&c, &f, folder, texts[i]);
    Bytes text = made_text(2000, 11);
    check(bytes_append(&text, "", 1, &e), &e);
    check_equal(&c, &f, folder, text.data);
    bytes_free(&text);
    char mixed[61] = "";
    for (int i = 0; i < 40; i++) {
        for (int k = 0; k < 60; k++)
            mixed[k] = "aabb nv\n"[rng_below(5, RNG_TEST, (uint64_t)i, (uint64_t)k, 8)];
        check_equal(&c, &f, folder, mixed);
    }
    free_file(&f);
    codec_close(&c);
}

static void bytes_are_a_tokenizer_without_merges(void **state) {
    const char *folder = ((Path *)*state)->s;
    Error e = {0};
    Codec c;
    check(codec_open(&c, TOKENIZER_BYTES, folder, &e), &e);
    check(tokenizer_json_write(&c, false, folder, &e), &e);
    File f = read_file(folder);
    assert_int_equal(json_object_size(f.ranks), 0);
    assert_int_equal(number_of(&f, "<s>", 3), 256);
    assert_true(json_is_null(json_object_get(f.all, "post_processor")));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) check_equal(&c, &f, folder, texts[i]);
    free_file(&f);
    codec_close(&c);
}

/* What the library that imports are read by makes of the file, where Node finds it. */
static void the_library_gives_the_same_with_bos(void **state) {
    const char *folder = ((Path *)*state)->s, *text = "the first\nna\xC3\xAFve  word";
    Error e = {0}, none = {0};
    Codec c;
    Tokens ours = {0};
    Path alone = path_of("%s/alone", folder);
    int32_t *ids = NULL, bos;
    int64_t n;
    learn(folder, "the word ", &c);
    check(folder_make(alone.s, &e) && tokenizer_json_write(&c, true, alone.s, &e), &e);
    check(codec_encode(&c, folder, text, &(Span){0, (int64_t)strlen(text)}, 1, &ours, NULL, &e), &e);
    if (own_tokenizer_encode(alone.s, VOCAB, text, (int64_t)strlen(text), &ids, &n, &bos, &none)) {
        assert_int_equal(bos, c.pieces.bos);
        assert_int_equal(n, ours.n);
        for (int64_t i = 0; i < n; i++) assert_int_equal(ids[i], ours.id[i]);
    } else if (!strstr(none.text, "@huggingface/tokenizers") && !strstr(none.text, "node")) {
        fail_msg("%s", none.text);
    }
    free(ids);
    free(ours.id);
    codec_close(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_folder, teardown_folder)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(equal_tokens_for_any_text),
                                       TEST(bytes_are_a_tokenizer_without_merges),
                                       TEST(the_library_gives_the_same_with_bos)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
