# model/visible.h
# model/attention
# the window is one key too long
s/q - s\.window + 1/q - s.window/
