#!/bin/bash
# A real one-node Slurm, started here, runs a sweep of six as a job array; one task is told to stop half-way and is
# queued again. Merged into one database, the results equal those of a local sweep, row for row.
# CpuFeatures no network, no service of the machine's own, no idle machine: nothing here hangs on how fast a task is.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d /tmp/sinklab-slurm-XXXXXX)
host=$(uname -n)
host=${host%%.*} # as Slurm cuts it; `hostname -s` would ask a resolver
user=$(id -un)
chmod 755 "$work"
# Neither another cluster's settings nor those of a job that this test runs in.
# shellcheck disable=SC2086
unset ${!SLURM_@} ${!SBATCH_@} ${!SCANCEL_@} ${!SQUEUE_@} ${!SINFO_@}
export SLURM_CONF=$work/slurm.conf

# ---- when something fails: what, the state of the cluster, each log's first complaint and its end ----
fail() {
    trap - ERR
    {
        echo "slurm: FAILED: $1"
        timeout 20 sinfo -h -o 'node %N: %t %E' || true
        timeout 20 squeue -h -o 'job %i: %T (%r)' || true
        for log in "$work"/*.log "$work"/task-* "$work"/out/*.log; do
            [ -s "$log" ] || continue
            echo "-- ${log##*/}"
            { grep -m 1 -n -i -E 'error|fatal|cannot|denied|failed' "$log" || true; tail -n 4 "$log"; } | cut -c 1-200
        done
        echo "slurm: FAILED: $1"
    } >&2
    exit 1
}
trap 'fail "line $LINENO: $BASH_COMMAND"' ERR

# wait_until SECONDS WHAT COMMAND ...: asks five times a second, by the clock, since asking may be slow.
wait_until() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || fail "$what"
        sleep 0.2
    done
}

gone() {
    [ ! -s "$work/$1.pid" ] || ! kill -0 "$(cat "$work/$1.pid")"
}
stop() {
    trap - ERR
    set +e
    timeout 20 scancel --user="$user" # or a task would outlive its cluster
    for ((i = 0; i < 50 && $(timeout 20 squeue -h | wc -l); i++)); do sleep 0.2; done
    for name in slurmd slurmctld munged; do
        [ -s "$work/$name.pid" ] && kill "$(cat "$work/$name.pid")"
        for ((i = 0; i < 50; i++)); do
            gone $name && break
            sleep 0.2
        done
    done
    rm -rf "$work" || { sleep 2 && rm -rf "$work"; }
} >/dev/null 2>&1
trap stop EXIT
trap 'exit 1' INT TERM

# ---- the cluster ----
taken() { (: >"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port=$((10000 + $$ % 20000)) # below those that the kernel gives to clients
while taken $port || taken $((port + 1)); do port=$((port < 30000 ? port + 2 : 10000)); done
mkdir -p "$work/state" "$work/spool"
dd if=/dev/urandom of="$work/munge.key" bs=1024 count=1 2>/dev/null
chmod 600 "$work/munge.key"
cat >"$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket
CredType=cred/munge
SlurmUser=$user
SlurmdUser=$user
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
SlurmdParameters=config_overrides
SlurmctldTimeout=600
SlurmdTimeout=600
MessageTimeout=60
PropagateResourceLimits=NONE
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
# A daemon that stays behind holds no pipe of ours open.
start() {
    "$@" >>"$work/start.log" 2>&1 </dev/null || fail "$1 does not start"
}
start munged --force --key-file="$work/munge.key" --socket="$work/munge.socket" --pid-file="$work/munged.pid" \
    --log-file="$work/munged.log" --seed-file="$work/munge.seed"
wait_until 60 "munged does not answer" test -S "$work/munge.socket"
start slurmctld
start slurmd
node_idle() {
    sinfo -h -o %t | grep -qx idle
}
wait_until 120 "the node does not come up" node_idle

# ---- the sweep ----
awk 'BEGIN { srand(1); for (i = 0; i < 9000; i++) printf "word%d%s", rand() * 9, i % 11 == 10 ? "\n" : " " }' \
    >"$work/text.txt"
cat >"$work/six.yaml" <<SWEEP
name: six
set:
  data: {source: $work/text.txt, tokenizer: bytes}
  model: {layers: 2, width: 32, heads: 2, context: 32}
  train: {steps: 2000, batch_tokens: 512}
  probe: {every: 500, sequences: 5}
  run.checkpoint_every: 100
grid: {model.head_out: [none, rmsnorm]}
seeds: 3
SWEEP
export SINKLAB_LOCAL=$work/local
ablations/slurm/submit.sh "$work/six.yaml" "$work/out" "$work/merged.db" --output="$work/task-%a.log" \
    >"$work/submit.log" 2>&1 || fail "not submitted"
cat "$work/submit.log"
job=$(sed -n 's/.* are job \([0-9]*\);.*/\1/p' "$work/submit.log")
merge=$(sed -n 's/.*; job \([0-9]*\) merges .*/\1/p' "$work/submit.log")
field() { # JOB FIELD
    scontrol --oneliner show job "$1" | grep -m 1 -o " $2=[^ ]*" | cut -d= -f2
}

# ---- one task is stopped half-way: held still where it is, told, let go ----
# Were a task over before it could be held, it is the next one's turn.
processes() { # of a task: its runner and the run
    grep -la "sinklab-$job-$1/[r]esults.db" /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3
}
trained() { # updates of a task that are in its database; nothing once it has ended
    sqlite3 "file:$work/local/sinklab-$job-$1/results.db?mode=ro" \
        "SELECT (SELECT count(*) FROM step) FROM run WHERE status = 'running'" 2>/dev/null
}
begun_or_over() {
    [ -e "$work/out/$1.db" ] || [ "$(trained "$1")" -gt 0 ]
}
tell() { # SIGNAL TASK
    local pids
    pids=$(processes "$2") && [ -n "$pids" ] || return 1
    # shellcheck disable=SC2086
    kill "-$1" $pids 2>/dev/null
}
hold() {
    tell STOP "$1" && [ "$(trained "$1")" -lt 1000 ] 2>/dev/null
}
# The script has handed the signal on: it waits at the runner, which stands still.
told() {
    local pid pending
    for pid in $(processes "$stopped"); do
        pending=$(sed -n 's/^ShdPnd:[[:space:]]*//p' "/proc/$pid/status")
        [ $((0x$pending & 0x4000)) -ne 0 ] && return 0
    done
    return 1
}
stopped=""
for task in 0 1 2 3 4 5; do
    wait_until 300 "task $task does not start" begun_or_over $task
    if hold $task; then stopped=$task && break; fi
    tell CONT $task || true
done
[ -n "$stopped" ] || fail "every task was over before it could be stopped"
scancel --batch --signal=TERM "${job}_$stopped" 2>>"$work/scancel.log" || true # it complains of what it has done
wait_until 120 "task $stopped is not told to stop" told
tell CONT "$stopped"
# Slurm makes what is queued again wait two minutes: not this one, but three seconds, since in the second in which a node
# gave it up it turns it away again ("Job credential revoked").
again() {
    [ "$(field "${job}_$stopped" Restarts)" = 1 ] || return 1
    case $(field "${job}_$stopped" JobState) in
    PENDING) sleep 3 && scontrol update jobid="${job}_$stopped" starttime=now && sleep 1 && return 1 ;;
    RUNNING | COMPLETED) return 0 ;;
    FAILED) fail "task $stopped was queued again and turned away" ;;
    *) return 1 ;;
    esac
}
wait_until 900 "task $stopped was not queued again" again

ended() {
    local jobs
    jobs=$(squeue -h) && [ -z "$jobs" ] # a squeue that fails says nothing either
}
wait_until 900 "the array does not end" ended
[ "$(field "$merge" JobState)" = COMPLETED ] || fail "the merge ended as $(field "$merge" JobState)"

# ---- the same, here ----
./sinklab sweep run "$work/six.yaml" --db "$work/local.db" --quiet >"$work/local.log" 2>&1 || fail "the local sweep"
for db in merged local; do
    sqlite3 "$work/$db.db" 'SELECT * FROM digest' >"$work/$db.txt"
done
rows=$(wc -l <"$work/local.txt")
[ "$rows" -gt 24000 ] || fail "only $rows rows"
cmp "$work/merged.txt" "$work/local.txt" || fail "merged and local results differ"
done=$(sqlite3 "$work/merged.db" "SELECT count(*) FROM sweep_run JOIN run ON id = run WHERE status = 'done'")
[ "$done" = 6 ] || fail "$done runs are done, not six"
echo "slurm: 6 tasks, task $stopped stopped and queued again; $rows rows equal to the local sweep"
