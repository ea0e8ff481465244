#!/bin/bash
# A real one-node Slurm, started here, runs a sweep of six as a job array; one task is told to stop half-way and is
# queued again. Merged into one database, the results equal those of a local sweep, row for row.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d /tmp/sinklab-slurm-XXXXXX)
host=$(hostname -s)
chmod 755 "$work"

stop() {
    for name in slurmd slurmctld munged; do
        [ -s "$work/$name.pid" ] && kill "$(cat "$work/$name.pid")" 2>/dev/null
    done
    sleep 1
    rm -rf "$work"
}
trap stop EXIT
fail() {
    echo "slurm: $1"
    tail -n 20 "$work"/*.log "$work"/task-* 2>/dev/null
    exit 1
}
# wait_until SECONDS COMMAND ... asks five times a second: a task lives only for some seconds.
wait_until() {
    local left=$(($1 * 5))
    shift
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || return 1
        sleep 0.2
    done
}

# ---- the cluster ----
mkdir -p "$work/state" "$work/spool"
dd if=/dev/urandom of="$work/munge.key" bs=1024 count=1 2>/dev/null
chmod 600 "$work/munge.key"
munged --force --key-file="$work/munge.key" --socket="$work/munge.socket" --pid-file="$work/munged.pid" \
    --log-file="$work/munged.log" --seed-file="$work/munge.seed"
port=$((20000 + $$ % 20000))
export SLURM_CONF=$work/slurm.conf
cat >"$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket
CredType=cred/munge
SlurmUser=root
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
slurmctld
slurmd
node_idle() {
    sinfo -h -o %t | grep -qx idle
}
wait_until 60 node_idle || fail "the node does not come up"

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
mkdir "$work/tasks"
ablations/slurm/submit.sh "$work/six.yaml" "$work/out" "$work/merged.db" --output="$work/task-%a.log" \
    >"$work/submitted" || fail "not submitted"
cat "$work/submitted"
job=$(sed 's/.* are job \([0-9]*\);.*/\1/' "$work/submitted")

# ---- one task is stopped half-way ----
training() {
    sqlite3 "file:$work/local/sinklab-${job}-0/results.db?mode=ro" 'SELECT 1 FROM step LIMIT 1' | grep -q 1
}
wait_until 120 training || fail "task 0 does not start"
scancel --batch --signal=TERM "${job}_0" 2>/dev/null || true # it may complain of a job that is ending at once
restarted() {
    [ "$(scontrol show job "${job}_0" | sed -n 's/.* Restarts=\([0-9]*\).*/\1/p')" = 1 ]
}
wait_until 60 restarted || fail "task 0 was not queued again"
scontrol update jobid="${job}_0" starttime=now # Slurm makes what is queued again wait two minutes

ended() {
    [ -z "$(squeue -h)" ]
}
wait_until 300 ended || fail "the array does not end"

# ---- the same, here ----
./sinklab sweep run "$work/six.yaml" --db "$work/local.db" --quiet >"$work/task-local.log" 2>&1
for db in merged local; do
    sqlite3 "$work/$db.db" 'SELECT * FROM digest' >"$work/$db.txt"
done
rows=$(wc -l <"$work/local.txt")
[ "$rows" -gt 24000 ] || fail "only $rows rows"
cmp "$work/merged.txt" "$work/local.txt" || fail "merged and local results differ"
[ "$(sqlite3 "$work/merged.db" 'SELECT count(*) FROM sweep_run JOIN run ON id = run WHERE status = "done"')" = 6 ] ||
    fail "not six runs"
echo "slurm: 6 tasks, one of them stopped and queued again; $rows rows equal to the local sweep"
