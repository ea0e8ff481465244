# model/gpt.c
# model/gpt_small
# a norm's gradient has the mean's share with the wrong sign
s/dy\[i\] - x\[i\] \* r \* r/dy[i] + x[i] * r * r/
