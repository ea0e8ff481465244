# ablations/page/sentence/sentence.c
# ablations/sentence
# what lies behind the vectors of tokens is unpacked into the classifier
s/(i < HEAD ? 0 : HEAD)/0/
