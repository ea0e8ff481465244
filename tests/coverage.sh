#!/bin/sh
# What `make test` has run of the sources, by folder: gcov's counts, a line of a header counted once. A process that was
# killed leaves no counts, so these are lower bounds. Usage, in a tree built with --coverage: tests/coverage.sh
# FILES=1 names the files below 90 % too.
set -u
find build/data build/model build/train build/ablations -name '*.gcda' | sort | while read -r counts; do
    gcov --stdout "$counts" 2>/dev/null
done | awk -v files="${FILES:-}" -F: '
    function folder(name) { sub(/\/[^\/]*$/, "", name); return name }
    function row(name, ran, all) { return sprintf("%-28s %6.1f %%   %6d of %6d", name, 100 * ran / all, ran, all) }
    $2 + 0 == 0 && $3 == "Source" { source = $4 ~ /^(data|model|train|ablations)\// ? $4 : "" ; next }
    source == "" || $1 ~ /^ *-$/ || $2 + 0 == 0 { next }
    { at = source ":" $2 + 0; if (!(at in ran)) ran[at] = 0; if ($1 ~ /[0-9]/) ran[at] = 1 }
    END {
        for (at in ran) {
            split(at, part, ":")
            lines[part[1]]++; done[part[1]] += ran[at]
            place = folder(part[1]); all[place]++; hit[place] += ran[at]; total++; reached += ran[at]
        }
        if (!total) { print "coverage: no counts"; exit 1 }
        print row("all", reached, total)
        for (place in all) print row(place, hit[place], all[place]) | "sort"
        close("sort")
        for (name in lines)
            if (files && done[name] < 0.9 * lines[name]) print row(name, done[name], lines[name]) | "sort -k 2n"
    }'
