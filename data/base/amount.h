/* Owns: quantities as people read them: three digits at most, and the unit that suits. Does not own: what
 * programs read, which is in one unit throughout (--json). */
#ifndef SINKLAB_AMOUNT_H
#define SINKLAB_AMOUNT_H

enum { AMOUNT_TEXT = 32 };

/* "512 B", "20.5 kB", "3.2 GB": at least 0, unit "B"; of unit "" "20.5 k". Written to text, which is
 * returned. */
const char *amount_text(double x, const char *unit, char text[AMOUNT_TEXT]);

/* "<1 s", "40 s", "3.4 min", "12 min", "5.1 h", "3.2 days"; "-": none. */
const char *duration_text(double seconds, char text[AMOUNT_TEXT]);

#endif
