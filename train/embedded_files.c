#include "train/embedded_files.h"

/* The assembler copies the file's bytes and measures them; C has no way to before C23. */
#define EMBED(symbol, path)                                                                                  \
    __asm__(".section .rodata\n"                                                                             \
            ".global " #symbol "\n" #symbol ":\n"                                                            \
            ".incbin \"" path "\"\n"                                                                         \
            "1: .byte 0\n"                                                                                   \
            ".balign 8\n"                                                                                    \
            ".global " #symbol "_length\n" #symbol "_length:\n"                                              \
            ".quad 1b - " #symbol "\n"                                                                       \
            ".previous\n")

EMBED(variants_yaml, "configs/variants.yaml");
EMBED(schema_sql, "train/schema.sql");
EMBED(schema_views_sql, "train/schema_views.sql");
