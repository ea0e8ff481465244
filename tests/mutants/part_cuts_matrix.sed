# train/optim/parts.c
# train/optim
# a matrix that its update wants whole is cut
s/whole && whole(t) ?/0 ?/
