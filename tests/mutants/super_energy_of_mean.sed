# model/instruments/super_neurons.c
# model/instruments_model
# a unit's energy forgets its activation
s/energy\[i\] \*= sums->s_sq\[i\]/energy[i] *= 1/
