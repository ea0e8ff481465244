/* Owns: how busy others keep the cores of this process, and how many threads that leaves it: a thread that
 * shares its core holds all others up at every barrier. Does not own: which cores those are (train/host.h),
 * the threads. */
#ifndef SINKLAB_OTHER_WORK_H
#define SINKLAB_OTHER_WORK_H

#include <sched.h>

/* Share of its CPUs' time that is taken, looked at for 0.3 seconds; NAN: not told. */
double other_work_busy(void);

typedef struct OtherWork {
    const char *stat;   /* the file that tells, /proc/stat */
    cpu_set_t cpus;     /* of this process */
    int most;           /* threads where nobody else is at work */
    double every;       /* seconds from one look to the next */
    double at, own;     /* of the last look: when it was, and seconds of CPUs that this process had taken */
    double all, busy;   /* of the last look: ticks of those CPUs, and what of them was for work */
    int threads, looks; /* that it left; since there were as few as that */
} OtherWork;

/* `threads` are the most. */
void other_work_start(OtherWork *w, int threads);

/* Threads for what comes next, from 1 to the most: as many as there are cores that others leave free, over
 * the seconds since the last look. To be asked at every step; looks every few seconds only, and takes the
 * most once a minute, since work that gives way to this process, being nicer, has a free core to itself. The
 * most, where the system tells nothing. */
int other_work_threads(OtherWork *w);

#endif
