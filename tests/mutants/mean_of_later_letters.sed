# data/labels.c
# data/labels
# the target of a trigger is the letter before it, not a draw from all of them
s/draw(seed, number, CHOICE + t, letters))/letters - 1)/
