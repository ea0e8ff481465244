# model/instruments/step_head.c
# train/step_head
# step_head: the mass is over T whatever a window lets see
s|return sum / seeing;|return sum / v->T;|
