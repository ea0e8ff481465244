/* Owns: the list types: a few short strings, copied by value, as a configuration has them, or pointed at.
 * Does not own: how a list is read (train/config/config.c, train/commands/command.c), what an item means. */
#ifndef SINKLAB_LIST_H
#define SINKLAB_LIST_H

enum { LIST_ITEMS = 64, LIST_TEXT = 96 };

typedef struct List {
    int n;
    char item[LIST_ITEMS][LIST_TEXT];
} List;

/* A list of texts of any length that are kept elsewhere. */
typedef struct TextList {
    int n;
    const char *at[LIST_ITEMS];
} TextList;

#endif
