# ablations/page/report_runs.h
# ablations/report
# a chart's first model has the palette's second colour
s/first) - 1 FROM/first) FROM/
