# ablations/page/sentence_model.c
# ablations/sentence
# weights for the page are cut, not rounded
s/bits + 0x7FFF + (bits >> 16 & 1)/bits/
