/* model/figures.c: figures come back by name and place, past the first room too. */
#include "tests/model/support.h"

#include "model/figures.h"

#include <math.h>

static void a_figure_is_found_by_name_layer_and_head(void **state) {
    (void)state;
    Figures f = {0};
    for (int layer = -1; layer < 30; layer++)
        for (int head = -1; head < 12; head++) figures_add(&f, "mass", layer, head, 100 * layer + head);
    figures_add(&f, "loss", -1, -1, 0.5);
    for (int layer = -1; layer < 30; layer++)
        for (int head = -1; head < 12; head++)
            assert_true(figures_get(&f, "mass", layer, head) == 100 * layer + head);
    assert_true(figures_get(&f, "loss", -1, -1) == 0.5);
    assert_true(isnan(figures_get(&f, "loss", 0, -1)) && isnan(figures_get(&f, "none", -1, -1)));
    figures_free(&f);
    assert_int_equal(f.n, 0);
    assert_null(f.at);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_figure_is_found_by_name_layer_and_head)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
