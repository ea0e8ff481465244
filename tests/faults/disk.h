/* Owns: a disk in memory, which is told what a program does to its files (the journal of tests/faults/shim)
 * and which, cut from power at an instant, still has what was synced; of the rest it keeps some, loses some,
 * and tears some. Does not own: what must hold after a cut.
 *
 * Certain is: the contents of a file at its last sync, the entries of a folder at its last sync. Later writes
 * to a file are kept or lost one by one, in sectors of 512 bytes; later entries of a folder are kept up to
 * some instant, in order. Stricter than ext4, where syncing a new file syncs its entry. */
#ifndef SINKLAB_TESTS_DISK_H
#define SINKLAB_TESTS_DISK_H

#include <stdint.h>

typedef struct Disk Disk;

/* The disk as `base`, all of it synced; the journal's paths lie below `root`. */
Disk *disk_open(const char *base, const char *root, const char *journal);
void disk_close(Disk *d);

/* How many changes the journal has. */
int disk_notes(const Disk *d);

/* Writes into the folder `to`, which is not there yet, what is left where power is cut after that many
 * changes. */
void disk_cut(Disk *d, int notes, uint64_t seed, const char *to);

/* Calls `found` for each folder step-NNNNNNNN whose saving has ended with that many changes, with its path
 * below root: the program has put it in place, synced the folder that it is in, and not removed it since.
 * Whether the folders above were synced, too, is for the program to see to. */
void disk_saved(Disk *d, int notes, void (*found)(void *context, const char *path), void *context);

#endif
