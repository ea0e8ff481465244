/* Round trips through both tokenizers, and what SentencePiece's own decoder says. */
#include "tests/data/fixture.h"

#include "data/base/process.h"
#include "data/tokenizer.h"

enum { STRINGS = 400 };

static const char *const awkward[] = {
    "",
    "\n",
    "\n\n\n",
    " ",
    "   leading and trailing   ",
    "\t\ttabs\t",
    "carriage\r\nreturns\r",
    "<s>",
    "</s>",
    "<unk>",
    "<0x41>",
    "\xEE\x80\x80",
    "a\xEE\x80\x80"
    "b",
    "\xE2\x96\x81under\xE2\x96\x81score",
    "\xE2\x96\x85",
    "\xEF\xBF\xBD",
    "\xEF\xBB\xBF"
    "BOM",
    "\xC0\xAF",
    "\xED\xA0\x80",
    "\xF4\x90\x80\x80",
    "\xE2\x82",
    "\xF0\x9F\x98\x80 \xCC\x81",
    "\xC2\x85\xE2\x80\xA8\xE3\x80\x80",
    "no newline at the end",
    "\xFF\xFE\xFD",
};

/* A random byte string: any bytes, or mostly text with some of them. */
static void random_string(uint64_t number, Bytes *out) {
    Error e = {0};
    int64_t length = (int64_t)rng_below(0, RNG_TEST, number, 0, 120);
    for (int64_t i = 1; i <= length; i++) {
        uint64_t bits = rng_bits(0, RNG_TEST, number, (uint64_t)i);
        bool any = number % 2 || bits >> 60 == 0;
        char c = any ? (char)bits : "etaoin \n"[bits & 7];
        check(bytes_append(out, &c, 1, &e), &e);
    }
}

/* Encodes all strings as documents of one text and compares each one's tokens, decoded. */
static void check_round_trips(const Codec *c, const char *folder) {
    enum { AWKWARD = sizeof awkward / sizeof *awkward, ALL = STRINGS + AWKWARD };
    Error e = {0};
    Bytes text = {0};
    Span span[ALL];
    for (int i = 0; i < ALL; i++) {
        span[i].begin = text.size;
        if (i < AWKWARD)
            check(bytes_append(&text, awkward[i], (int64_t)strlen(awkward[i]), &e), &e);
        else
            random_string((uint64_t)i, &text);
        span[i].end = text.size;
    }
    Tokens tokens = {0};
    int64_t start[ALL + 1];
    check(codec_encode(c, folder, text.data, span, ALL, &tokens, start, &e), &e);
    assert_int_equal(start[ALL], tokens.n);
    for (int i = 0; i < ALL; i++) {
        Bytes back = {0};
        for (int64_t k = start[i]; k < start[i + 1]; k++) {
            assert_int_not_equal(tokens.id[k], c->pieces.bos);
            check(codec_decode(c, &(int32_t){tokens.id[k]}, 1, &back, &e), &e);
        }
        assert_int_equal(back.size, span[i].end - span[i].begin);
        if (back.size) assert_memory_equal(back.data, text.data + span[i].begin, back.size);
        bytes_free(&back);
    }
    free(tokens.id);
    bytes_free(&text);
}

static void bytes_decode_to_the_text(void **state) {
    Error e = {0};
    Codec c;
    check(codec_open(&c, TOKENIZER_BYTES, "", &e), &e);
    assert_int_equal(c.pieces.count, 257);
    assert_int_equal(c.pieces.bos, 256);
    check_round_trips(&c, ((Path *)*state)->s);
    codec_close(&c);
}

static void train_small(const char *folder, int64_t vocab, Codec *c) {
    Error e = {0};
    Bytes text = made_text(5000, 7);
    check(sentencepiece_train(folder, text.data, &(Span){0, text.size}, 1, vocab, &e), &e);
    bytes_free(&text);
    check(codec_open(c, TOKENIZER_BPE, folder, &e), &e);
}

static void pieces_decode_to_the_text(void **state) {
    Codec c;
    train_small(((Path *)*state)->s, 400, &c);
    assert_int_equal(c.pieces.count, 400);
    check_round_trips(&c, ((Path *)*state)->s);
    codec_close(&c);
}

static void the_same_text_trains_the_same_tokenizer(void **state) {
    Path other = fresh_folder();
    Codec a, b;
    train_small(((Path *)*state)->s, 350, &a);
    train_small(other.s, 350, &b);
    assert_string_equal(a.hash, b.hash);
    codec_close(&a);
    codec_close(&b);
    folder_remove(other.s);
}

/* A line longer than spm's limits, with and without newlines, loses nothing. */
static void very_long_documents_lose_nothing(void **state) {
    const char *folder = ((Path *)*state)->s;
    Error e = {0};
    Codec c;
    train_small(folder, 400, &c);
    Bytes text = made_text(60000, 3);
    int64_t middle = text.size;
    for (int64_t i = 0; i < 3 * SEGMENT_BYTES / 2; i++) check(bytes_append(&text, "\xC3\xA9", 2, &e), &e);
    Span span[] = {{0, middle}, {middle, text.size}};
    Tokens tokens = {0};
    check(codec_encode(&c, folder, text.data, span, 2, &tokens, NULL, &e), &e);
    Bytes back = {0};
    for (int64_t i = 0; i < tokens.n; i++)
        check(codec_decode(&c, &(int32_t){tokens.id[i]}, 1, &back, &e), &e);
    assert_int_equal(back.size, text.size);
    assert_memory_equal(back.data, text.data, text.size);
    bytes_free(&back);
    bytes_free(&text);
    free(tokens.id);
    codec_close(&c);
}

/* On text that spm_decode can carry it says what our decoding says. */
static void decoding_says_what_spm_decode_says(void **state) {
    const char *folder = ((Path *)*state)->s;
    static const char line[] = "some words, caf\xC3\xA9 and  spaces";
    Error e = {0};
    Codec c;
    Tokens tokens = {0};
    train_small(folder, 400, &c);
    check(codec_encode(&c, folder, line, &(Span){0, sizeof line - 1}, 1, &tokens, NULL, &e), &e);
    Bytes ids = {0}, said = {0};
    for (int64_t i = 0; i < tokens.n; i++) {
        Path number = path_of("%d ", tokens.id[i]);
        check(bytes_append(&ids, number.s, (int64_t)strlen(number.s), &e), &e);
    }
    check(file_write(path_of("%s/ids", folder).s, ids.data, ids.size, &e), &e);
    const char *const argv[] = {"spm_decode", "--model=tokenizer.model", "--input_format=id", "--input=ids",
                                NULL};
    check(process_run(argv, folder, "said", "sentencepiece", &e), &e);
    check(file_read(path_of("%s/said", folder).s, &said, &e), &e);
    assert_int_equal(said.size, sizeof line);
    assert_memory_equal(said.data, line, sizeof line - 1);
    bytes_free(&ids);
    bytes_free(&said);
    free(tokens.id);
    codec_close(&c);
}

static void a_vocabulary_out_of_bounds_is_told_what_is_in_them(void **state) {
    const char *folder = ((Path *)*state)->s, *text = "a small text of a few words\n";
    Error e = {0};
    Span span = {0, (int64_t)strlen(text)};
    assert_false(sentencepiece_train(folder, text, &span, 1, 4000, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    long long most = 0;
    assert_non_null(strstr(e.text, "data.vocab: 4000"));
    assert_int_equal(sscanf(strstr(e.text, "at most"), "at most %lld", &most), 1);
    check(sentencepiece_train(folder, text, &span, 1, most, &e), &e); /* the figure is the truth */
    assert_false(sentencepiece_train(folder, text, &span, 1, 262, &e));
    assert_non_null(strstr(e.text, "at least"));
}

static void a_broken_model_is_refused(void **state) {
    const char *folder = ((Path *)*state)->s;
    Error e = {0};
    Codec c;
    Path model = path_of("%s/tokenizer.model", folder);
    static const char *const texts[] = {"", "not a model", "\x0A\x7F short"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        write_text(model.s, texts[i]);
        assert_false(codec_open(&c, TOKENIZER_BPE, folder, &e));
        assert_int_equal(e.code, EXIT_USAGE);
    }
}

static void ids_outside_the_vocabulary_are_refused(void **state) {
    (void)state;
    Error e = {0};
    Codec c;
    Bytes out = {0};
    check(codec_open(&c, TOKENIZER_BYTES, "", &e), &e);
    assert_false(codec_decode(&c, &(int32_t){257}, 1, &out, &e));
    assert_false(codec_decode(&c, &(int32_t){-1}, 1, &out, &e));
    codec_close(&c);
}

static void a_missing_program_is_told_by_its_package(void **state) {
    char *path = strdup(getenv("PATH"));
    setenv("PATH", "/nowhere", 1);
    Error e = {0};
    assert_false(sentencepiece_train(((Path *)*state)->s, "text\n", &(Span){0, 5}, 1, 300, &e));
    setenv("PATH", path, 1);
    free(path);
    assert_int_equal(e.code, EXIT_USAGE);
    assert_non_null(strstr(e.text, "apt-get install sentencepiece"));
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup_folder, teardown_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(bytes_decode_to_the_text),
        IN_FOLDER(pieces_decode_to_the_text),
        IN_FOLDER(the_same_text_trains_the_same_tokenizer),
        IN_FOLDER(very_long_documents_lose_nothing),
        IN_FOLDER(decoding_says_what_spm_decode_says),
        IN_FOLDER(a_vocabulary_out_of_bounds_is_told_what_is_in_them),
        IN_FOLDER(a_broken_model_is_refused),
        IN_FOLDER(ids_outside_the_vocabulary_are_refused),
        IN_FOLDER(a_missing_program_is_told_by_its_package),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
