#!/usr/bin/env bats
# The smoke itself, where it goes wrong.

ROOT=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)

setup() {
	bats_require_minimum_version 1.5.0
	export TMPDIR=$BATS_TEST_TMPDIR
	SMOKE=$BATS_TEST_DIRNAME/smoke
	EVIDENCE=$BATS_TEST_TMPDIR/evidence
}

nothing_left() { # nothing_left FOLDER PID...
	local pid
	for pid in "${@:2}"; do
		timeout 10 tail -s 0.1 --pid="$pid" -f /dev/null || { echo "$pid is left: $(ps -fp "$pid")" && false; }
	done
	[ ! -e "$1" ]
	! grep -F "$1" /proc/mounts
	! grep -lszxF "MACHINES=$1" /proc/[0-9]*/environ
}

@test "a provider that is none, and disks that are not there, are told" {
	run "$SMOKE" gcp "$EVIDENCE"
	echo "$output"
	[ "$status" = 2 ]
	[[ $output == *"there is no fabric of 'gcp': azure, aws, oci"* && $output != *holds* ]]
	IMAGES=$BATS_TEST_TMPDIR run "$SMOKE" aws "$EVIDENCE"
	echo "$output"
	[ "$status" = 2 ]
	[[ $output == *"of disks for aws there are in $BATS_TEST_TMPDIR: none; it must be one"* && $output != *holds* ]]
	[ ! -e "$EVIDENCE" ]
}

@test "a folder of somebody else's is not emptied" {
	mkdir "$EVIDENCE"
	echo mine >"$EVIDENCE/file"
	run "$SMOKE" azure "$EVIDENCE"
	echo "$output"
	[ "$status" = 2 ]
	[[ $output == *"$EVIDENCE is not what an earlier smoke left"* ]]
	[ "$(<"$EVIDENCE/file")" = mine ]
	IMAGES=$BATS_TEST_DIRNAME run "$SMOKE" gcp "$EVIDENCE"
	[ "$(<"$EVIDENCE/file")" = mine ]
}

@test "a machine that does not come up is told, with how the consoles end, and nothing is left" {
	truncate -s 64M "$BATS_TEST_TMPDIR"/routerd-0-{azure,pve}.raw
	IMAGES=$BATS_TEST_TMPDIR LIMIT=30 run "$SMOKE" azure "$EVIDENCE"
	echo "$output"
	[ "$status" != 0 ]
	[[ $output == *"machine cloud-rt did not come to "*" in its console within 30 s"* ]]
	[[ $output == *"the console of cloud-rt ends:"*BdsDxe* ]]
	[[ $output == *"azure and Proxmox VE: does not hold."* ]]
	[[ ${lines[-1]} == "machine cloud-rt did not come to "* ]]
	grep -q 'does not hold' "$EVIDENCE/summary.md"
	grep -q '^\*\*machine cloud-rt did not come to ' "$EVIDENCE/summary.md"
	[ -z "$(find "$TMPDIR" -name 'machines.*')" ]
}

@test "an interrupted smoke leaves no process, network, mount or folder, and keeps what it has" {
	local shell folder pids status=0
	setsid env --default-signal=INT "$SMOKE" azure "$EVIDENCE" >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- 4>&- &
	shell=$!
	timeout 60 grep -m 1 'both machines are on' < <(exec tail -s 0.1 --pid=$shell -n +1 -f "$BATS_TEST_TMPDIR/said")
	folder=$(echo "$TMPDIR"/machines.*)
	mapfile -t pids < <(cat "$folder"/*/{pid,reader} "$folder/keeper")
	((${#pids[@]} > 15))
	kill -INT -- "-$shell"
	wait "$shell" || status=$?
	cat "$BATS_TEST_TMPDIR/said"
	[ "$status" = 130 ]
	[ "$(tail -n 1 "$BATS_TEST_TMPDIR/said")" = interrupted ]
	nothing_left "$folder" "${pids[@]}"
	[ -e "$EVIDENCE/cloud-rt.console" ]
	grep -q 'does not hold' "$EVIDENCE/summary.md"
}
