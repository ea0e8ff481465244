/* Which documents are held out. */
#include "tests/data/fixture.h"

#include "data/split.h"

static Corpus corpus_of(const char *const *documents, int n) {
    Error e = {0};
    Corpus c = {0};
    check(memory_grow((void **)&c.start, n + 1, sizeof *c.start, &e), &e);
    for (int i = 0; i < n; i++) {
        c.start[i] = c.text.size;
        check(bytes_append(&c.text, documents[i], (int64_t)strlen(documents[i]), &e), &e);
    }
    c.start[n] = c.text.size;
    c.documents = n;
    return c;
}

static void check_covers(const Split *s, const Corpus *c) {
    assert_int_equal(s->train.bytes + s->heldout.bytes, c->text.size);
    assert_true(s->train.documents > 0 && s->heldout.documents > 0);
}

static void equal_documents_fall_on_the_same_side(void **state) {
    (void)state;
    enum { N = 600, COPY = 50 };
    const char *documents[N];
    char text[N][16];
    for (int i = 0; i < N; i++) {
        snprintf(text[i], sizeof text[i], "%d\n", i % (N - COPY)); /* the last ones are copies of the first */
        documents[i] = text[i];
    }
    Error e = {0};
    Split s;
    Corpus c = corpus_of(documents, N);
    check(split_documents(&s, &c, "test", &e), &e);
    check_covers(&s, &c);
    int64_t next = 0;
    for (int i = 0; i < N; i++) {
        bool heldout = rng_below(0, RNG_HELDOUT, 0, (uint64_t)(i % (N - COPY)), 20) == 0;
        if (heldout) assert_int_equal(s.heldout.span[next++].begin, c.start[i]);
    }
    assert_int_equal(next, s.heldout.documents);
    split_free(&s);
    corpus_free(&c);
}

/* The last twentieth of 100 bytes: after the newline at 96 where there is one, else 95. */
static void one_document_is_cut_near_its_last_twentieth(void **state) {
    (void)state;
    char text[101];
    static const struct {
        const char *tail; /* bytes 93..99 */
        int64_t cut;
    } rows[] = {{"aaaaaaa", 95},       {"aaa\naaa", 97},      {"aaaaaa\n", 95},
                {"a\xC3\xA9zzzz", 94}, {"aa\xC3\xA9zzz", 95}, {"a\xE2\x82\xACzzz", 94}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        memset(text, 'x', 93);
        memcpy(text + 93, rows[i].tail, 8);
        Error e = {0};
        Split s;
        Corpus c = corpus_of((const char *const[]){text}, 1);
        check(split_documents(&s, &c, "test", &e), &e);
        check_covers(&s, &c);
        assert_int_equal(s.train.span[0].end, rows[i].cut);
        assert_int_equal(s.heldout.span[0].begin, rows[i].cut);
        split_free(&s);
        corpus_free(&c);
    }
}

static void few_documents_are_held_out_from_the_end(void **state) {
    (void)state;
    Error e = {0};
    Split s;
    Corpus c = corpus_of((const char *const[]){"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", "bb\n", "c\n"}, 3);
    check(split_documents(&s, &c, "test", &e), &e); /* 41 bytes: two are held out */
    assert_int_equal(s.train.documents, 2);
    assert_int_equal(s.heldout.documents, 1);
    assert_int_equal(s.heldout.span[0].begin, 39);
    split_free(&s);
    corpus_free(&c);
}

/* `books` documents of `size` bytes at the places book[], all others of 20 bytes and different. */
static Corpus uneven(int n, const int *book, int books, int64_t size) {
    Corpus c = {0};
    Error e = {0};
    check(memory_grow((void **)&c.start, n + 1, sizeof *c.start, &e), &e);
    for (int i = 0; i < n; i++) {
        int64_t length = 20;
        for (int k = 0; k < books; k++)
            if (book[k] == i) length = size;
        c.start[i] = c.text.size;
        Path line = path_of("document %010d\n", i);
        for (int64_t at = 0; at < length; at += 20) check(bytes_append(&c.text, line.s, 20, &e), &e);
        c.start[i + 1] = c.text.size;
    }
    c.documents = n;
    return c;
}

/* 25 documents with a book among them, at a place that is held out and at one that is not; and 200 of one
 * size. */
static void the_amount_held_out_is_about_a_twentieth(void **state) {
    (void)state;
    int place[2] = {-1, -1};
    for (int i = 0; i < 25; i++) place[rng_below(0, RNG_HELDOUT, 0, (uint64_t)i, 20) == 0] = i;
    assert_true(place[0] >= 0 && place[1] >= 0);
    for (int way = 0; way < 3; way++) {
        Error e = {0};
        Split s;
        Corpus c = way < 2 ? uneven(25, &place[way], 1, 200000) : uneven(200, NULL, 0, 0);
        char plain[HASH_HEX], hash[HASH_HEX];
        corpus_hash(&c, plain), split_hash(&c, hash);
        check(split_documents(&s, &c, "test", &e), &e);
        check_covers(&s, &c);
        double share = (double)s.heldout.bytes / (double)c.text.size;
        assert_true(share > 0.025 && share < 0.1);
        assert_int_equal(s.uneven, way < 2);
        assert_int_equal(s.tail, way < 2);
        assert_int_equal(!strcmp(plain, hash), way == 2); /* an earlier build's runs are of another split */
        if (s.tail) assert_int_equal(s.heldout.span[s.heldout.documents - 1].end, c.text.size);
        split_free(&s);
        corpus_free(&c);
    }
}

/* The band's ends: whole documents stay held out from half a twentieth to two of them, in bytes. */
static void half_to_twice_a_twentieth_is_kept(void **state) {
    (void)state;
    enum { N = 400 };
    int heldout[N], n = 0;
    for (int i = 0; i < N; i++)
        if (rng_below(0, RNG_HELDOUT, 0, (uint64_t)i, 20) == 0) heldout[n++] = i;
    for (int64_t size = 20; size <= 200; size += 20) {
        Error e = {0};
        Split s;
        Corpus c = uneven(N, heldout, n, size);
        check(split_documents(&s, &c, "test", &e), &e);
        double share = (double)(n * size) / (double)(n * size + (N - n) * 20);
        assert_int_equal(s.uneven, share > 0.1);
        if (!s.uneven) assert_int_equal(s.heldout.bytes, n * size);
        split_free(&s);
        corpus_free(&c);
    }
}

static void a_text_too_short_to_split_is_refused(void **state) {
    (void)state;
    Error e = {0};
    Split s;
    Corpus c = corpus_of((const char *const[]){"\n"}, 1);
    assert_false(split_documents(&s, &c, "tiny.txt", &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_non_null(strstr(e.text, "tiny.txt"));
    corpus_free(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(equal_documents_fall_on_the_same_side),
                                       cmocka_unit_test(one_document_is_cut_near_its_last_twentieth),
                                       cmocka_unit_test(few_documents_are_held_out_from_the_end),
                                       cmocka_unit_test(a_text_too_short_to_split_is_refused),
                                       cmocka_unit_test(the_amount_held_out_is_about_a_twentieth),
                                       cmocka_unit_test(half_to_twice_a_twentieth_is_kept)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
