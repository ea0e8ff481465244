/* Owns: the table of learning-rate schedules. */
#ifndef SINKLAB_SCHEDULE_H
#define SINKLAB_SCHEDULE_H

const char *schedule_name(int i); /* row of the table; NULL past the end */

#endif
