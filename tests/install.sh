#!/bin/bash
# make install into a folder of its own: the program runs from there, finds its page, its man page has no fault, its
# completions complete; make uninstall leaves nothing.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/sinklab-install-XXXXXX")
trap 'rm -rf "$work"' EXIT
fail() { echo "install: $1"; exit 1; }

make -s install DESTDIR="$work/root" PREFIX=/usr
bin=$work/root/usr/bin/sinklab share=$work/root/usr/share
(cd / && [ "$("$bin" --version)" = "$(cd "$OLDPWD" && ./sinklab --version)" ]) || fail 'another version is installed'
[ "$(readlink -f "$bin")" = "$work/root/usr/lib/sinklab/sinklab" ] || fail 'bin/sinklab leads elsewhere'
[ -r "$work/root/usr/lib/sinklab/ablations/page/page.html" ] || fail 'no page'

command -v groff >/dev/null || fail 'no groff'
[ -z "$(groff -man -Tutf8 -ww "$share/man/man1/sinklab.1" 2>&1 >"$work/man")" ] || fail 'the man page has faults'
for command in $(sed -n 's/^\.SS //p' "$share/man/man1/sinklab.1"); do
    "$bin" help "$command" >"$work/help" || fail "the man page has $command"
    for option in $(grep -o '^ *--[a-z-]*' "$work/help"); do
        grep -q -e "$option" "$work/man" || fail "the man page lacks $command $option"
    done
done

# Of what is typed, what there is to choose from.
complete() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _sinklab 2>/dev/null
    echo "${COMPREPLY[*]-}"
}
compopt() { :; }
. "$share/bash-completion/completions/sinklab"
[ "$(complete sinklab swe)" = sweep ] || fail 'sweep is not completed'
[ "$(complete sinklab sweep verd)" = verdict ] || fail 'verdict is not completed'
[ "$(complete sinklab probe --quan)" = --quantize ] || fail '--quantize is not completed'
[ "$(complete sinklab train optim.weight)" = optim.weight_decay= ] || fail 'a key is not completed'
if command -v zsh >/dev/null; then
    zsh -n "$share/zsh/site-functions/_sinklab" || fail 'zsh does not read its completion'
else
    echo 'install: no zsh here: its completion is not read'
fi

make -s uninstall DESTDIR="$work/root" PREFIX=/usr
[ -z "$(find "$work/root" ! -type d)" ] || fail 'uninstall leaves files'
echo 'install: all passed'
