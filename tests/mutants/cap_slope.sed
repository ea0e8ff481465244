# model/ops/cap.c
# model/cap
# the slope of a cap is that of half a square
s/1\.0f - y \* y/1.0f - 0.5f * y * y/
