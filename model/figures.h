/* Owns: the form in which instruments hand over what they measured: a list of named
 * figures at their chunk (the whole model, a layer, a head). Does not own: where they
 * are kept. A name is the column that holds it in results.db, or a row of `metric`. */
#ifndef SINKLAB_FIGURES_H
#define SINKLAB_FIGURES_H

typedef struct Figure {
    const char *name; /* lives as long as the program (a literal) */
    int layer, head;  /* -1 where the figure is of the whole model / the whole layer */
    int bin;          /* of a histogram of the head; -1: the figure is of none */
    double value;     /* NAN: undefined here */
} Figure;

typedef struct Figures {
    Figure *at;
    int n, room;
} Figures;

void figures_add(Figures *f, const char *name, int layer, int head, double value);
void figures_add_bin(Figures *f, const char *name, int layer, int head, int bin, double value);
/* The value of that name and place, or NAN; of a histogram its first. */
double figures_get(const Figures *f, const char *name, int layer, int head);
void figures_free(Figures *f);

#endif
