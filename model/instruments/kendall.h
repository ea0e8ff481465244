/* Owns: Kendall's tau of one series against many. Does not own: which series. */
#ifndef SINKLAB_KENDALL_H
#define SINKLAB_KENDALL_H

/* The order of a series of n numbers. */
typedef struct Ranking {
    int n;
    int *at;    /* (n) places of the numbers, ascending */
    int *below; /* (n) how many numbers are less than the i-th in that order */
    double *y;  /* (n) room for another series in that order */
} Ranking;

Ranking ranking_make(const double *x, int n);
void ranking_free(Ranking *r);

/* (concordant - discordant) / all pairs with y (n); a tie, in either, counts as neither. NAN where n < 2. */
double kendall_tau(const Ranking *r, const double *y);

#endif
