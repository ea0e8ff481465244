/* Every input of tests/fuzz/seeds through its target: what a fuzzer found stays mended. */
#include "tests/fuzz/fuzz.h"

#include "data/base/listing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>

static void every_seed_is_read_or_refused(void **state) {
    const FuzzTarget *target = *state;
    Error e = {0};
    FileList files;
    if (!files_list(&files, path_of("tests/fuzz/seeds/%s", target->name).s, NULL, &e)) fail_msg("%s", e.text);
    assert_true(files.files >= 2);
    for (int64_t i = 0; i < files.files; i++) {
        const void *data;
        int64_t size;
        print_message("%s\n", files.path[i]); /* the last one is where it stopped */
        if (!file_map(files.path[i], &data, &size, &e)) fail_msg("%s", e.text);
        char *copy =
            malloc(size ? (size_t)size : 1); /* of its own size, so that a sanitizer sees what is beyond */
        assert_non_null(copy);
        for (int64_t k = 0; k < size; k++) copy[k] = ((const char *)data)[k];
        target->run(copy, size);
        free(copy);
    }
    files_free(&files);
}

int main(void) {
    enum { MOST = 64 };
    struct CMUnitTest tests[MOST];
    size_t n = 0;
    for (const FuzzTarget *t = fuzz_targets; t->name && n < MOST; t++)
        tests[n++] = (struct CMUnitTest){t->name, every_seed_is_read_or_refused, NULL, NULL, (void *)t};
    return _cmocka_run_group_tests("seeds", tests, n, NULL, NULL);
}
