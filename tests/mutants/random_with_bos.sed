# train/probe_rows.c
# train/probe_rows
# probe random: BOS is one of the tokens drawn
s|token + (bos >= 0 && token >= bos)|token|
