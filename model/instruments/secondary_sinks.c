#include "model/instruments/secondary_sinks.h"

#include "model/instruments/first_keys.h"

SecondarySinks secondary_sinks_of(const double *imp, int keys, const int32_t *doc_start) {
    SecondarySinks s = {0, NAN, 0};
    int others = 0;
    for (int k = 0; k < keys; k++) {
        if (is_first(doc_start, k)) continue;
        s.number += imp[k] > 0.3;
        s.mass = fmax(s.mass, imp[k]);
        s.random_mass += imp[k];
        others++;
    }
    if (!others) return (SecondarySinks){NAN, NAN, NAN};
    s.random_mass /= others;
    return s;
}
