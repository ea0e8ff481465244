# train/step.c
# train/bench
# every share takes the first rows of the step
s/first = share \* n;/first = 0 * share * n;/
