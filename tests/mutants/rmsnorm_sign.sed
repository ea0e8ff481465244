# model/ops/rmsnorm.h
# model/norm
# the projection is added
s/(g \* dy - x \* c)/(g * dy + x * c)/
