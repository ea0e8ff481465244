# sinklab: build, demo, test. `make` alone builds ./sinklab.
CC      ?= gcc
MARCH   ?= -march=native
WERROR  ?=
CFLAGS  ?= -O3 $(MARCH) -g -fno-math-errno -ffp-contract=fast
WARN    := -Wall -Wextra $(WERROR)
ALL     := -std=gnu11 -D_GNU_SOURCE -I. $(CFLAGS) $(WARN) -fopenmp -I/usr/include/lapacke -MMD -MP
HTTP    := microhttpd
LIBS    := $(if $(filter microhttpd,$(HTTP)),-lmicrohttpd )-lblis -llapacke -lyaml -lsqlite3 -lz -lzstd -lxxhash -ljansson -lm

ROOMS   := data model train ablations

# SAN=address,undefined or COVERAGE=1 makes any goal in a tree of its own below build/, of links to the files here.
# Whoever runs the program there may write its counts: umask 0.
ifneq ($(SAN)$(COVERAGE),)
TREE    := $(if $(SAN),build/san/$(SAN),build/coverage)
SPECIAL := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer,--coverage)
GOALS   := $(or $(MAKECMDGOALS),all)
.NOTPARALLEL:
.PHONY: $(GOALS)
$(GOALS):
	@mkdir -p $(TREE)
	@ln -sfnr Makefile $(ROOMS) configs tests $(TREE)
	umask 0; OMP_WAIT_POLICY=passive UBSAN_OPTIONS=print_stacktrace=1 $(MAKE) -C $(TREE) SAN= COVERAGE= \
	    CFLAGS='-O1 -g $(MARCH) -fno-math-errno -ffp-contract=fast $(SPECIAL)' $@
else
MPI     := train/processes_mpi.c
DOOR    := model/gpt.c
# HTTP=none leaves out what needs libmicrohttpd: sinklab watch.
NO_HTTP := $(filter-out ablations/page/http_$(HTTP).c,$(wildcard ablations/page/http_*.c))
SOURCES := $(filter-out $(MPI) $(DOOR) $(NO_HTTP),$(wildcard $(ROOMS:%=%/*.c) $(ROOMS:%=%/*/*.c)))
OBJECTS := $(SOURCES:%.c=build/%.o)
LIBRARY := $(filter-out build/train/main.o build/train/start.o,$(OBJECTS))
TESTS   := $(patsubst %.c,build/%,$(wildcard tests/*_test.c tests/*/*_test.c))
HELPERS := $(patsubst %.c,build/%.o,$(filter-out %_test.c,$(wildcard tests/*.c tests/*/*.c)))
SHIM    := build/tests/faults/shim.so

.PHONY: all test tests test-long mutants test-recipe portable stress soak coverage fuzz circles format format-check dist \
    test-dist bundle test-bundle install uninstall test-install demo test-readme test-howto claims claims-quick results accept page \
    test-page test-transformers test-slurm test-mpi perf clean FORCE
.SECONDARY:
all: sinklab

sinklab: $(OBJECTS)
	$(CC) $(ALL) -o $@ $^ $(LIBS)

# The same with what needs MPI (.ci/packages-mpi.txt): one model on many processes.
sinklab-mpi: $(OBJECTS:%_none.o=%_mpi.o)
	$(CC) $(ALL) -o $@ $^ $(LIBS) $$(pkg-config --libs mpi-c)
$(MPI:%.c=build/%.o): ALL += $$(pkg-config --cflags mpi-c)

# One program for any x86-64 CPU: the whole of it compiled for each kind, chosen at start (train/start.c; SINKLAB_CPU=v3
# overrides), and static, so that it wants no library where it runs.
CPUS := v4 v3 v1
sinklab-any: build/any/start.o build/train/cpu_check.o $(CPUS:%=build/any/%.o)
	$(CC) $(ALL) -static -o $@ $^ $(filter-out -lmicrohttpd,$(LIBS)) -llapack -lblis -lgfortran -lquadmath -lm
build/any/start.o: train/start.c
	@mkdir -p $(@D)
	$(CC) $(ALL) -DPROGRAMS="$$(printf 'ROW(%s) ' $(CPUS))" -c -o $@ $<
build/any/%.o: FORCE
	@mkdir -p build/any/$*
	@ln -sfnr Makefile $(ROOMS) configs tests build/any/$*
	$(MAKE) -C build/any/$* MARCH=-march=x86-64$(filter-out -v1,-$*) HTTP=none program.o
	objcopy --redefine-sym program=program_$* --redefine-sym program_features=program_features_$* \
	    build/any/$*/program.o $@
	objcopy --keep-global-symbol=program_$* --keep-global-symbol=program_features_$* $@
program.o: $(filter-out build/train/start.o,$(OBJECTS))
	$(LD) -r -o $@ $^

# One file to read first, from top to bottom; it needs nothing else of the tree.
gpt: $(DOOR:%.c=build/%.o)
	$(CC) $(ALL) -o $@ $^ -lblis -lm

build/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL) -c -o $@ $<

# For everybody on a machine, or with DESTDIR for a package; PREFIX=$$HOME/.local needs no rights. The program lies beside its
# page in lib/sinklab, where it looks for it. A machine of another kind takes what make MARCH=x86-64-v3 builds.
PREFIX  ?= /usr/local
INTO     = $(DESTDIR)$(PREFIX)
LIBDIR   = $(INTO)/lib/sinklab
PAGE     = $(wildcard ablations/page/*.js ablations/page/*.html ablations/page/*.css ablations/page/*.svg ablations/queries/*.sql)
LIBRARIES = $(wildcard $(shell sed -n 's:^@[a-z]* \(node_modules/\):ablations/page/\1:p' ablations/page/page.html))
install: sinklab
	install -D sinklab $(LIBDIR)/sinklab
	[ ! -e build/sentence.wasm ] || install -D -m 644 build/sentence.wasm $(LIBDIR)/build/sentence.wasm
	for f in $(PAGE) $(LIBRARIES) $(wildcard configs/*.yaml ablations/*.yaml); do install -D -m 644 $$f $(LIBDIR)/$$f || exit 1; done
	mkdir -p $(INTO)/bin $(INTO)/share/man/man1 $(INTO)/share/bash-completion/completions $(INTO)/share/zsh/site-functions
	ln -sfn ../lib/sinklab/sinklab $(INTO)/bin/sinklab
	./sinklab help --man >$(INTO)/share/man/man1/sinklab.1
	./sinklab help --bash >$(INTO)/share/bash-completion/completions/sinklab
	./sinklab help --zsh >$(INTO)/share/zsh/site-functions/_sinklab
uninstall:
	rm -rf $(LIBDIR) $(INTO)/bin/sinklab $(INTO)/share/man/man1/sinklab.1 \
	    $(INTO)/share/bash-completion/completions/sinklab $(INTO)/share/zsh/site-functions/_sinklab
test-install: sinklab
	tests/install.sh

# Every tests/ROOM/NAME_test.c is a program of its own, run from the top of the tree.
test: sinklab $(TESTS)
	tests/run.sh $(TESTS)
tests: $(TESTS)

# Three models on real English, minutes; STEPS=60 for a look at how it goes.
DB     ?= results.db
STEPS  ?=
SHORT   = $(if $(STEPS),train.steps=$(STEPS) optim.warmup=10)
demo: sinklab
	-@! command -v npm >/dev/null || $(MAKE) --no-print-directory page
	@mkdir -p $(dir $(DB))
	./sinklab fetch gcide
	./sinklab sweep run ablations/first-light.yaml --db $(DB) $(SHORT)

# Every command of README.md, on a short demo.
test-readme: STEPS = 60
test-readme: DB = build/readme/results.db
test-readme: demo
	tests/readme.sh $(DB) $(SHORT)

# Every "I want to ..." of ablations/README.md and the cells of ablations/notebook.ipynb, on the same.
test-howto: STEPS = 60
test-howto: DB = build/readme/results.db
test-howto: demo
	tests/howto.sh $(DB)

# The combinations of slots and keys from a seed of today's, minutes; SEED=N COUNT=N repeat one. And many rows of the
# slots together, many sweeps drawn, faults and cuts of power from that seed; make soak walks every one.
SEED   ?= $(shell date +%s)
COUNT  ?= 2000
test-long: build/tests/model/combinations_test build/tests/model/pass_test build/tests/faults/faults_test \
    build/tests/faults/cut_test build/tests/ablations/verdict_test
	$< $(SEED) $(COUNT)
	build/tests/model/pass_test 500
	build/tests/faults/faults_test $(SEED) $(COUNT)
	build/tests/faults/cut_test $(SEED) $(COUNT)
	build/tests/ablations/verdict_test 10000

# How much of each folder the tests have run, after make COVERAGE=1 test; FILES=1 names the files below 90 %.
coverage:
	tests/coverage.sh

# Every parser under libFuzzer (.ci/packages-fuzz.txt) for TIME seconds, FUZZ=name names some: what reads is compiled by
# clang, with what it counts and checks; the model's arithmetic, and what calls OpenMP, as it is.
TIME    ?= 60
FUZZ    ?=
FUZZED   = $(patsubst %.c,build/fuzz/%.o,$(filter-out tests/fuzz/seeds_test.c $(UNFUZZED), \
               $(filter data/% train/% ablations/% model/interventions/%,$(LIBRARY:build/%.o=%.c)) $(wildcard tests/fuzz/*.c)))
UNFUZZED = $(shell grep -l '<omp.h>' $(SOURCES))
FUZZ_CC  = clang -std=gnu11 -D_GNU_SOURCE -I. -O1 -g $(MARCH) -fno-math-errno -Wall -Wextra $(WERROR) -MMD -MP \
               -fno-sanitize-recover=all -fno-omit-frame-pointer -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
fuzz: build/fuzz/fuzz
	tests/fuzz/fuzz.sh $< $(TIME) $(FUZZ)
build/fuzz/fuzz: $(FUZZED) $(filter-out $(FUZZED:build/fuzz/%=build/%),$(LIBRARY))
	$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $@ $^ $(LIBS) -lgomp
build/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(FUZZ_CC) -fsanitize=fuzzer-no-link,address,undefined -c -o $@ $<

# Seeded faults, each of which a named test must see.
mutants:
	tests/mutants.sh

# The recipes of model/README.md, followed in a copy of the tree; make test-recipe TESTS=tests/model/mlp_test is a part.
test-recipe:
	tests/recipe.sh

# No file calls one that calls it back, no header includes one that includes it.
circles: $(OBJECTS)
	@tests/circles.sh $(OBJECTS)

# .clang-format, which clang-format 14 (.ci/packages-format.txt) reads: format writes, format-check names files.
CLANG_FORMAT ?= clang-format-14
FORMATTED     = $$(find $(ROOMS) tests -name node_modules -prune -o -name '*.[ch]' -print | sort)
format:
	$(CLANG_FORMAT) -i $(FORMATTED)
format-check:
	@command -v $(CLANG_FORMAT) >/dev/null || { echo 'format-check: no $(CLANG_FORMAT)'; exit 1; }
	@bad=$$(for f in $(FORMATTED); do $(CLANG_FORMAT) $$f | cmp -s - $$f || echo $$f; done); \
	    [ -z "$$bad" ] || { printf 'make format would change:\n%s\n' "$$bad"; exit 1; }

# The committed tree as build/sinklab-VERSION.tar.gz, with the commit in train/commit; test-dist tries it.
VERSION = $(shell sed -n 's/^#define VERSION "\(.*\)"$$/\1/p' train/main.c)
DIST    = build/sinklab-$(VERSION).tar.gz
dist:
	@mkdir -p build
	@git diff --quiet HEAD || echo 'dist: of the last commit, without the changes since'
	git archive --prefix=sinklab-$(VERSION)/ -o $(DIST) HEAD
test-dist: dist
	tests/dist.sh $(DIST)

# A program for any CPU with what it reads and the texts prepared in CACHE, for machines where nobody may install;
# test-bundle runs it where there is nothing else.
CACHE  = data/cache
BUNDLE = build/sinklab-$(VERSION)-bundle.tar.gz
bundle: sinklab-any
	rm -rf build/bundle && mkdir -p build/bundle/sinklab/data
	strip -o build/bundle/sinklab/sinklab sinklab-any
	cp -r README.md LICENSE configs ablations build/bundle/sinklab/
	rm -rf build/bundle/sinklab/ablations/page/node_modules
	[ ! -d $(CACHE) ] || cp -rL $(CACHE) build/bundle/sinklab/data/cache
	tar -C build/bundle -czf $(BUNDLE) sinklab
test-bundle:
	tests/bundle.sh

# Built and tested for AVX2 alone and for any x86-64, in a copy of the tree; make portable TESTS='model/*' is a part.
portable:
	tests/portable.sh

# Sweeps under stress, minutes: kills, many writers, the database's share of the time. KILLS=3 is a look.
stress: sinklab
	tests/stress.sh

# Kills, cuts of power, every injected fault, writers, fuzz: hours, and tests/SOAK.md about it. SOAK_MINUTES=20 is a look;
# tests/soak.sh tells the counts.
soak: sinklab build/tests/faults/faults_test build/tests/faults/cut_test
	tests/soak.sh

# Exports and imports against transformers, as a table (PYTHON has torch and transformers; PART=ours and PART=theirs are its halves,
# on one machine or two, which share build/hf_table).
PART   ?=
test-transformers: sinklab
	tests/train/hf_table.sh $(PART)

# A job array on a real one-node Slurm (.ci/packages-slurm.txt).
test-slurm: sinklab
	tests/slurm.sh

# Two processes under MPI (.ci/packages-mpi.txt).
test-mpi: sinklab-mpi
	tests/mpi.sh

# The claims of the literature at full size, hours to days: what is missing beside the committed results is run, then kept
# with them; started again it goes on. CLAIMS= is a part. claims-quick: one seed at a quarter of the steps, which decides
# nothing, in a database of its own.
ALL_CLAIMS := $(notdir $(basename $(wildcard ablations/claims/*.yaml)))
CLAIMS     := $(ALL_CLAIMS)
CLAIM       = ablations/claims/$$c.yaml
claims: sinklab
	./sinklab fetch gcide
	./sinklab fetch kernel-doc
	@mkdir -p ablations/results
	./sinklab merge $(DB) ablations/results
	code=0; for c in $(CLAIMS); do ./sinklab sweep run $(CLAIM) --db $(DB) --yes || code=$$?; \
	    ./sinklab sweep export $(CLAIM) --db $(DB) --results ablations/results || exit $$?; \
	    [ $$code -le 1 ] || exit $$code; done; \
	$(MAKE_COMMAND) --no-print-directory results && exit $$code
QUICK := build/claims-quick
claims-quick: sinklab
	./sinklab fetch gcide
	./sinklab fetch kernel-doc
	ablations/claims/quick.sh $(QUICK) $(CLAIMS)

# RESULTS.md and its pictures, from the committed results alone.
results: sinklab
	ablations/claims/results.sh

# The demo at full size with its figures checked; an hour or more.
accept: sinklab
	tests/accept.sh

# The libraries of the page, once; without them sinklab report writes the static one. And, where clang has wasi-libc
# (.ci/packages-sentence.txt), model/gpt.c for a browser, by which a reader's own sentence is shown.
WASM    = clang --target=wasm32-wasi -mexec-model=reactor -std=gnu11 -O2 -ffp-contract=off -Iablations/page/sentence -I. $(WARN) \
              -Wno-unknown-pragmas -Wno-unused-function -Wl,--strip-all
page: ablations/page/node_modules/.package-lock.json $(if $(wildcard /usr/include/wasm32-wasi),build/sentence.wasm)
build/sentence.wasm: ablations/page/sentence/sentence.c model/gpt.c $(wildcard ablations/page/sentence/*.h)
	@mkdir -p build
	$(WASM) -o $@ $<
ablations/page/node_modules/.package-lock.json: ablations/page/package-lock.json
	cd ablations/page && npm ci --no-audit --no-fund

# The page in Chromium (packages: .ci/packages-page.txt); screenshots to look at in build/page.
test-page: sinklab page
	node --test --test-concurrency=2 --test-reporter=spec $(wildcard tests/page/*_test.mjs)

build/tests/%_test: build/tests/%_test.o $(HELPERS) $(LIBRARY)
	$(CC) $(ALL) -o $@ $^ -lcmocka $(WRAP) $(LIBS)

# Preloaded by tests of the program as a process: calls fail, changes to files are noted.
build/tests/faults/faults_test build/tests/faults/cut_test: | sinklab $(SHIM)
$(SHIM): $(wildcard tests/faults/shim/*.[ch])
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE -I. -O1 -g $(WARN) -fPIC -shared -o $@ $(filter %.c,$^)

# Stands in for CPUs with and without bf16, and for their peaks.
build/tests/train/precision_test: WRAP := \
    -Wl,--wrap=gemm_bf16_supported -Wl,--wrap=gemm_bf16_peak -Wl,--wrap=peak_flops

# Has no memory.
build/tests/model/no_memory_test: WRAP := -Wl,--wrap=LAPACKE_dsyevd -Wl,--wrap=setenv
build/tests/model/gpt_test build/tests/model/gpt_small_test: WRAP := -Wl,--wrap=setenv

# Takes any key for one that was born since the runs that are done.
build/tests/train/run_key_test: WRAP := -Wl,--wrap=config_row_since

# The commit goes into run.git and --version; the header changes only when it does. In a tarball git has written it
# into train/commit.
build/version.h: FORCE
	@mkdir -p build
	@commit=$$(grep -v Format train/commit 2>/dev/null || git describe --always --exclude='*' --dirty 2>/dev/null); \
	    printf '#define SINKLAB_GIT "%s"\n' "$${commit:-unknown}" > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
build/train/host.o: build/version.h
build/train/host.o: ALL += -DSINKLAB_TARGET='"$(or $(patsubst -march=%,%,$(MARCH)),base)"'

# Questions with names, part of the binary.
build/queries.h: FORCE
	@mkdir -p build
	@printf 'QUERY(%s)\n' $(basename $(notdir $(QUERIES))) > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
QUERIES := $(wildcard ablations/queries/*.sql)
build/ablations/query.o build/fuzz/ablations/query.o: build/queries.h $(QUERIES)
build/ablations/page/watch.o: ablations/page/watch.js
FORCE:

# They ask the CPU what it can do, so they must run on any.
build/train/start.o build/any/start.o build/train/cpu_check.o: ALL := $(filter-out -march=%,$(ALL))

build/data/sources.o build/fuzz/data/sources.o: data/sources.yaml
build/train/embedded_files.o build/fuzz/train/embedded_files.o: train/schema.sql train/schema_views.sql configs/variants.yaml \
    train/checkpoint/modeling_sinklab.py train/checkpoint/tokenization_sinklab.py

# A benchmark, not a test: CONFIGS (each in configs/) in turn, ROUNDS times; a table by the CPU's name in PERF, the JSON
# beside it, and both against an earlier JSON: AGAINST=FILE, or the one there is.
CONFIGS ?=
ROUNDS  ?= 5
PERF    ?= tests/perf
AGAINST ?=
perf: sinklab
	AGAINST="$(AGAINST)" tests/perf.sh $(PERF) $(CONFIGS) --rounds $(ROUNDS)

clean:
	rm -rf build sinklab sinklab-mpi sinklab-any gpt

-include $(OBJECTS:.o=.d) $(MPI:%.c=build/%.d) $(DOOR:%.c=build/%.d) $(TESTS:=.d) $(HELPERS:.o=.d) $(FUZZED:.o=.d)
endif
