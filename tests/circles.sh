#!/bin/sh
# Fails where files stand in a circle, and names the files: objects that take functions or data from each other, read
# off their symbols, and headers that include each other. Usage: tests/circles.sh OBJECT ...
set -u
[ $# -gt 0 ] && ls "$@" >/dev/null || { echo "circles: objects are missing"; exit 2; }

# USER OWNER, a line for each object that takes a symbol of another.
calls() {
    nm -A -P "$@" | awk '
        { sub(/:$/, "", $1); sub(/^build\//, "", $1); sub(/\.o$/, ".c", $1) }
        $3 == "U" { user[++n] = $1; taken[n] = $2; next }
        $3 ~ /^[A-Z]$/ { owner[$2] = $1 }
        END { for (i = 1; i <= n; i++) if (taken[i] in owner && owner[taken[i]] != user[i]) print user[i], owner[taken[i]] }'
}
# The same of headers.
includes() {
    find data model train ablations -follow -name '*.h' -exec \
        sed -n 's,^ *# *include "\([^"]*\.h\)".*,\1,;T;F;p' {} + |
        awk 'NR % 2 { header = $1; next } { print header, $1 }'
}
# tsort says "input contains a loop" and then one member a line, on standard error, for each circle.
find_circles() { # WORDS
    sort -u | tsort 2>&1 >/dev/null | awk -v words="$1" '
        function tell() { if (circle != "") { print "circle of " words ": " circle; found = 1 } circle = "" }
        /input contains a loop/ { tell(); next }
        { sub(/^tsort: /, ""); circle = circle (circle == "" ? "" : ", ") $0 }
        END { tell(); exit found }'
}

code=0
calls "$@" | find_circles calls || code=1
includes | find_circles '#include' || code=1
[ "$code" -ne 0 ] || echo "no circle of calls among $# objects, none of #include"
exit $code
