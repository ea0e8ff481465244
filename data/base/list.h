/* Owns: the one list type of a configuration: a few short strings, copied by value. */
#ifndef SINKLAB_LIST_H
#define SINKLAB_LIST_H

enum { LIST_ITEMS = 16, LIST_TEXT = 96 };

typedef struct List {
    int n;
    char item[LIST_ITEMS][LIST_TEXT];
} List;

#endif
