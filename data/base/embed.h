/* Owns: how a file becomes part of the binary. Does not own: which files do. */
#ifndef SINKLAB_EMBED_H
#define SINKLAB_EMBED_H

/* The file's bytes as `symbol`, with a NUL behind them, and their number as `symbol`_length (uint64_t); the
 * path is relative to the root of the repository, where the build runs. The assembler copies the bytes and
 * measures them; C has no way to before C23. */
#define EMBED(symbol, path)                                                                                  \
    __asm__(".section .rodata\n"                                                                             \
            ".global " #symbol "\n" #symbol ":\n"                                                            \
            ".incbin \"" path "\"\n"                                                                         \
            "1: .byte 0\n"                                                                                   \
            ".balign 8\n"                                                                                    \
            ".global " #symbol "_length\n" #symbol "_length:\n"                                              \
            ".quad 1b - " #symbol "\n"                                                                       \
            ".previous\n")

#endif
