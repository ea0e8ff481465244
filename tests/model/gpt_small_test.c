/* tests/model/gpt_test.c at sizes that no vector divides. */
#define GPT_SIZES
enum { L = 3, D = 30, H = 3, F = 22, T = 9, VOCAB = 61, ROWS = 64, PARTS = 4 };
#include "tests/model/gpt_test.c"
