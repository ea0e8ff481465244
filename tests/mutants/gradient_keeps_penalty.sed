# model/pass.c
# model/gradient_taps
# model_slopes: the slope of the last step's sink penalty stays in
/penalty_forget(p);/d
