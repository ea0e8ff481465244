/* Owns: the table of transforms of q and k before position. */
#include "model/slots.h"

const QkSlot qk_slots[] = {
    {.head = {"none", "q and k as projected", {{0}}}},
    {.head = {NULL}},
};
