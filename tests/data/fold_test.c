/* Texts on lines that are too short for them. */
#include "data/base/fold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdlib.h>

static void assert_folded(const char *text, int room, const char *is) {
    char *folded;
    size_t size;
    FILE *out = open_memstream(&folded, &size);
    fold_print(out, text, room);
    fclose(out);
    assert_string_equal(folded, is);
    free(folded);
}

static void lines_go_on_below_what_they_tell(void **state) {
    (void)state;
    static const char text[] =
        "usage: a b\n\n  --db PATH  where results go, and no other\n      more of it here, too\n";
    assert_folded(text, INT_MAX, text);
    assert_folded(text, 44, text);
    assert_folded(text, 30,
                  "usage: a b\n\n  --db PATH  where results go,\n             and no other\n"
                  "      more of it here, too\n");
    assert_folded("one two three\n", 7, "one two\nthree\n");
    assert_folded("  a_very_long_name  meaning it\n", 20, "  a_very_long_name\n      meaning it\n");
    assert_folded("unbreakable word\n", 5, "unbreakable word\n");
    assert_folded("größer als\n", 6, "größer\nals\n");
    assert_folded("no end", 80, "no end\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines_go_on_below_what_they_tell)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
