# model/interventions/amplify.c
# model/interventions
# amplify's way back forgets the mean's share
s/\[c\] -= share/[c] -= 0 * share/
