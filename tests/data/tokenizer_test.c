/* Round trips through both tokenizers, and what SentencePiece's own decoder says. */
#include "tests/data/fixture.h"

#include "data/base/listing.h"
#include "data/base/process.h"
#include "data/tokenizer.h"

#include <math.h>
#include <omp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

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

/* ---- hostile models: a good one and one piece more ---- */

typedef struct Extra {
    const char *text;
    int64_t length;
    float score;
    int type;
    const char *fault; /* what the refusal says; NULL: taken */
} Extra;

/* ModelProto.pieces { piece, score, type }. */
static void append_piece(Bytes *model, const Extra *x) {
    Error e = {0};
    Bytes piece = {0};
    unsigned char text[] = {0x0A, (unsigned char)(x->length & 0x7F) | 0x80, (unsigned char)(x->length >> 7)};
    unsigned char type[] = {0x18, (unsigned char)x->type};
    check(bytes_append(&piece, text, 3, &e) && bytes_append(&piece, x->text, x->length, &e), &e);
    check(bytes_append(&piece, "\x15", 1, &e) && bytes_append(&piece, &x->score, 4, &e), &e);
    check(bytes_append(&piece, type, 2, &e), &e);
    unsigned char field[] = {0x0A, (unsigned char)(piece.size & 0x7F) | 0x80,
                             (unsigned char)(piece.size >> 7)};
    check(bytes_append(model, field, 3, &e) && bytes_append(model, piece.data, piece.size, &e), &e);
    bytes_free(&piece);
}

static Bytes good_model(const char *folder) {
    Error e = {0};
    Codec c;
    Bytes model = {0};
    train_small(folder, 400, &c);
    check(file_read(c.model, &model, &e), &e);
    codec_close(&c);
    return model;
}

/* `tail` behind the model, copied so that a read past the end is seen by a checker of memory. */
static void expect_model(const Bytes *model, const void *tail, int64_t size, const char *fault) {
    char *copy = malloc((size_t)(model->size + size));
    Pieces p;
    Error e = {0};
    memcpy(copy, model->data, (size_t)model->size);
    memcpy(copy + model->size, tail, (size_t)size);
    bool ok = pieces_parse(&p, copy, model->size + size, "x.model", &e);
    if (ok != !fault) fail_msg("%s", ok ? fault : e.text);
    if (fault && (!strstr(e.text, fault) || !strstr(e.text, "x.model"))) fail_msg("%s: %s", fault, e.text);
    if (fault) assert_int_equal(e.code, EXIT_USAGE);
    if (ok) pieces_free(&p);
    free(copy);
}

static void a_piece_no_model_has_is_refused(void **state) {
    static char longest[PIECE_MAX + 1];
    memset(longest, 'q', sizeof longest);
    static const char not_a_byte[] = "a byte piece that is not";
    const Extra rows[] = {{"qqq", 3, -1, 1, NULL},
                          {"q\0q", 3, -1, 1, NULL},
                          {longest, PIECE_MAX, -1, 4, NULL},
                          {longest, PIECE_MAX + 1, -1, 4, "more than 4096 bytes"},
                          {"", 0, -1, 1, "without a text"},
                          {"qqq", 3, NAN, 1, "no number"},
                          {"qqq", 3, INFINITY, 1, "no number"},
                          {"qqq", 3, -1, 0, "unknown type"},
                          {"qqq", 3, -1, 7, "unknown type"},
                          {"<0x-1>", 6, -1, 6, not_a_byte},
                          {"<0x 1>", 6, -1, 6, not_a_byte},
                          {"<0xab>", 6, -1, 6, not_a_byte},
                          {"<0x1>", 5, -1, 6, not_a_byte},
                          {"<0x100>", 7, -1, 6, not_a_byte},
                          {"<0xG0>", 6, -1, 6, not_a_byte},
                          {"<0x41", 5, -1, 6, not_a_byte},
                          {"qqq", 3, -1, 6, not_a_byte},
                          {"<0x41>", 6, -1, 6, "twice"},
                          {"<s>", 3, -1, 3, "twice"},
                          {"\xEE\x80\x80", 3, -1, 4, "twice"}};
    Bytes model = good_model(((Path *)*state)->s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Bytes tail = {0};
        append_piece(&tail, &rows[i]);
        expect_model(&model, tail.data, tail.size, rows[i].fault);
        bytes_free(&tail);
    }
    bytes_free(&model);
}

static void a_message_that_lies_about_its_size_is_refused(void **state) {
    static const struct {
        const char *bytes;
        int64_t size;
        const char *fault;
    } rows[] = {
        {"\x0A\x7F", 2, "cut short"},                                          /* a length past the end */
        {"\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11, "cut short"},     /* of 2^64 - 1 bytes */
        {"\x0A\xFF\xFF\xFF\xFF\x07", 6, "cut short"},                          /* of 2^31 - 1 */
        {"\x0A\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02", 11, "cut short"},     /* more than 64 bits */
        {"\x0A\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 12, "cut short"}, /* more than ten bytes */
        {"\x02\x00", 2, "cut short"},                                          /* field 0 */
        {"\x0B", 1, "cut short"},                                              /* a group */
        {"\x08\x05", 2, "not understood"},                                     /* a piece that is a number */
        {"\x0A\x06\x0A\xFF\xFF\xFF\xFF\x0F", 8, "not understood"}, /* a text of 2^32 - 1 within six bytes */
        {"\x0A\x04\x18\xFF\xFF\xFF", 6, "not understood"},         /* a type without an end */
        {"\x0A\x02\x18\x01", 4, "without a text"},
        {"\x0A\x02\x08\x01", 4, "without a text"}, /* a text that is a number */
    };
    Bytes model = good_model(((Path *)*state)->s);
    expect_model(&model, "", 0, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_model(&model, rows[i].bytes, rows[i].size, rows[i].fault);
    bytes_free(&model);
}

/* At each of its bytes; a cut behind a whole field leaves a model that lacks pieces, or its settings alone.
 */
static void every_cut_of_a_model_can_be_read(void **state) {
    Bytes model = good_model(((Path *)*state)->s);
    for (int64_t size = 0; size < model.size; size++) {
        char *copy = malloc((size_t)size + !size);
        Pieces p;
        Error e = {0};
        memcpy(copy, model.data, (size_t)size);
        if (pieces_parse(&p, copy, size, "x.model", &e))
            pieces_free(&p);
        else
            assert_int_equal(e.code, EXIT_USAGE);
        free(copy);
    }
    bytes_free(&model);
}

static void more_pieces_than_ids_are_refused(void **state) {
    Bytes model = good_model(((Path *)*state)->s), tail = {0};
    for (int i = 400; i <= VOCAB_MAX; i++) {
        Path text = path_of("q%d", i);
        append_piece(&tail, &(Extra){text.s, (int64_t)strlen(text.s), -1, 1, NULL});
        if (i == VOCAB_MAX - 1) expect_model(&model, tail.data, tail.size, NULL);
    }
    expect_model(&model, tail.data, tail.size, "more pieces");
    bytes_free(&model), bytes_free(&tail);
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

/* Puts a program of that name and text first in PATH; returns the old PATH. */
static char *stand_in(const char *folder, const char *name, const char *script) {
    Path program = path_of("%s/bin/%s", folder, name);
    char *path = strdup(getenv("PATH"));
    Error e = {0};
    check(folder_make(path_of("%s/bin", folder).s, &e), &e);
    write_text(program.s, script);
    assert_int_equal(chmod(program.s, 0755), 0);
    setenv("PATH", path_of("%s/bin:%s", folder, path).s, 1);
    return path;
}

/* Of a text that several processes encode, documents begin and end as in parts of it encoded alone; one is
 * longer than what a process gets. */
static void a_long_text_is_encoded_in_parts(void **state) {
    enum { DOCUMENTS = 5 };
    const char *folder = ((Path *)*state)->s;
    Error e = {0};
    Codec c;
    train_small(folder, 400, &c);
    Bytes text = made_text(320000, 3);
    assert_true(text.size > 3 * PART_BYTES / 2);
    Span span[DOCUMENTS] = {{0, 10},
                            {10, 10},
                            {10, text.size - 20},
                            {text.size - 20, text.size - 20},
                            {text.size - 20, text.size}};
    Tokens whole = {0}, alone = {0};
    int64_t start[DOCUMENTS + 1];
    int threads = omp_get_max_threads();
    omp_set_num_threads(3);
    check(tokens_push(&whole, 9, &e) && tokens_push(&alone, 9, &e), &e); /* they are added to what is there */
    check(codec_encode(&c, folder, text.data, span, DOCUMENTS, &whole, start, &e), &e);
    omp_set_num_threads(1);
    for (int i = 0; i < DOCUMENTS; i++) {
        assert_int_equal(start[i], alone.n);
        check(codec_encode(&c, folder, text.data, &span[i], 1, &alone, NULL, &e), &e);
    }
    omp_set_num_threads(threads);
    assert_int_equal(start[DOCUMENTS], alone.n);
    assert_int_equal(whole.n, alone.n);
    assert_memory_equal(whole.id, alone.id, (size_t)whole.n * sizeof *whole.id);
    FileList left;
    check(files_list(&left, folder, NULL, &e), &e);
    assert_int_equal(left.files, 1); /* the model */
    files_free(&left);
    free(whole.id);
    free(alone.id);
    bytes_free(&text);
    codec_close(&c);
}

/* Both of SentencePiece's programs end with status 0 on a full disk. */
static void a_full_disk_is_called_one(void **state) {
    const char *folder = ((Path *)*state)->s, *text = "some words\n";
    const Span span = {0, 11};
    Error e = {0};
    Codec c;
    Tokens tokens = {0};
    train_small(folder, 400, &c);
    codec_close(&c);
    char *path = stand_in(folder, "spm_train",
                          "#!/bin/sh\nhead -c 999 tokenizer.model > cut\nmv cut tokenizer.model\n");
    assert_false(sentencepiece_train(folder, text, &span, 1, 300, &e));
    assert_string_equal(e.text, "tokenizer: spm_train left a broken tokenizer.model: is the disk full?");
    assert_int_equal(e.code, EXIT_FAILED);
    setenv("PATH", path, 1), free(path);
    train_small(folder, 400, &c);
    path = stand_in(folder, "spm_encode", "#!/bin/sh\n: > spm-ids-0\n");
    assert_false(codec_encode(&c, folder, text, &span, 1, &tokens, NULL, &e));
    assert_string_equal(e.text, "tokenizer: spm_encode: output cut short: is the disk full?");
    assert_int_equal(e.code, EXIT_FAILED);
    setenv("PATH", path, 1), free(path);
    codec_close(&c);
}

/* A limit on the size of files stands in for a disk that is full at that place. */
static void no_room_for_our_own_file_is_said(void **state) {
    const char *folder = ((Path *)*state)->s;
    Bytes text = made_text(5000, 7);
    struct rlimit was, little = {1000, 1000};
    Error e = {0};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    little.rlim_max = was.rlim_max;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    bool ok = sentencepiece_train(folder, text.data, &(Span){0, text.size}, 1, 400, &e);
    setrlimit(RLIMIT_FSIZE, &was), signal(SIGXFSZ, handler);
    assert_false(ok);
    assert_int_equal(e.code, EXIT_FAILED);
    assert_non_null(strstr(e.text, "spm-train: File too large"));
    bytes_free(&text);
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
        IN_FOLDER(a_piece_no_model_has_is_refused),
        IN_FOLDER(a_message_that_lies_about_its_size_is_refused),
        IN_FOLDER(every_cut_of_a_model_can_be_read),
        IN_FOLDER(more_pieces_than_ids_are_refused),
        IN_FOLDER(ids_outside_the_vocabulary_are_refused),
        IN_FOLDER(a_missing_program_is_told_by_its_package),
        IN_FOLDER(a_long_text_is_encoded_in_parts),
        IN_FOLDER(a_full_disk_is_called_one),
        IN_FOLDER(no_room_for_our_own_file_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
