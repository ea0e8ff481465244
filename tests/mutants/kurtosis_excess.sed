# model/instruments/kurtosis.c
# model/instruments_model
# kurtosis is excess
s/d \* m4 \/ (m2 \* m2) :/d * m4 \/ (m2 * m2) - 3 :/
