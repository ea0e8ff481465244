# ablations/page/axis_plot.c
# ablations/report
# the interval's spread over n, not n - 1
s/squares \/ (n - 1) \/ n/squares \/ n \/ n/
