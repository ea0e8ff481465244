#!/bin/sh
# Adds the variant and the instrument of model/README.md to a copy of the tree, as their blocks of code say, three each,
# and runs the tests of the model on it, all of which must pass without being told more. TESTS='pass mlp' is a part.
set -eu
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
trap 'exit 1' INT TERM
tar -cf - --exclude=data/cache Makefile data model train ablations configs tests | tar -xf - -C "$copy"
cd "$copy"

# The n-th block of C code.
block() { awk -v n="$1" '/^```c$/ { at++; on = 1; next } /^```$/ { on = 0 } on && at == n' model/README.md; }

block 1 >model/ops/relu2.c
block 2 >row
block 3 | sed '/^}/q' >formula
block 3 | sed '1,/^}/d' >line
sed -i -e '/^    PLAIN(relu, /{s/ *$/ \\/;r row
}' model/ops/mlp.h
sed -i -e '/^static double relu(/,/^}/{/^}/r formula
}' -e '/{"relu", relu},$/r line' tests/model/mlp_test.c
grep -q relu2 model/ops/mlp.h && grep -q '"relu2"' tests/model/mlp_test.c

block 4 >model/instruments/gradient_share.c
block 5 >row
block 6 >tests/model/gradient_share_test.c
sed -i '/^    NULL,$/e cat row' model/instruments/instrument_table.c
sed -i '/^#endif/i extern const Instrument gradient_share;' model/instruments/instrument_table.h

tests=${TESTS:-$(cd tests/model && ls ./*_test.c | sed 's,./\(.*\)_test.c,\1,')}
make WERROR=-Werror sinklab $(printf 'build/tests/model/%s_test ' $tests) >make.log 2>&1 || { tail make.log; exit 1; }
tests/run.sh $(printf 'build/tests/model/%s_test ' $tests)
