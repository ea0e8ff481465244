/* Owns: the expensive questions of `probe`, one file each with its definition and paper. Each puts its rows
 * to the model, under --do where that is given, and shows its sheets and figures. */
#ifndef SINKLAB_PROBE_MODES_H
#define SINKLAB_PROBE_MODES_H

#include "ablations/probe/subject.h"

/* What can be refused before anything is measured. */
bool perturb_check(const Subject *s, Error *e);
bool key_mass_check(const Subject *s, Error *e);
bool stream_check(const Subject *s, Error *e);
bool quantize_check(const Subject *s, Error *e);
bool collapse_check(const Subject *s, Error *e);
bool embedding_check(const Subject *s, Error *e);

bool perturb_show(Subject *s, Error *e);
bool key_mass_show(Subject *s, Error *e);
bool jacobian_show(Subject *s, Error *e);
bool maps_show(Subject *s, Error *e);
bool stream_show(Subject *s, Error *e);
bool quantize_show(Subject *s, Error *e);
bool collapse_show(Subject *s, Error *e);
bool embedding_show(Subject *s, Error *e);
bool time_show(Subject *s, Error *e);

#endif
