#!/usr/bin/env bats
# test/lib/machine.bash, where things go wrong: machines with no disk, which come to their
# firmware and no further.

ROOT=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
# shellcheck source=test/lib/machine.bash
source "$ROOT/test/lib/machine.bash"

setup() {
	bats_require_minimum_version 1.5.0
	export TMPDIR=$BATS_TEST_TMPDIR
	machines_begin
}

teardown() {
	machines_end
}

fails() { # fails COMMAND...: and says $output
	run "$@"
	echo "$output"
	[ "$status" -ne 0 ]
}

gone() { # gone PID: within 10 s
	timeout 10 tail -s 0.1 --pid="$1" -f /dev/null
}

# A program that powers a machine on and waits for what never comes.
waiting_script() {
	cat >"$TMPDIR/waiting" <<-END
		set -euo pipefail
		source $ROOT/test/lib/machine.bash
		machines_begin
		machine_net lan
		machine_helper sleeper net=lan sleep 1000
		machine_on m
		echo "\$MACHINES" >$TMPDIR/folder
		machine_wait m 600 "no such line"
	END
}

@test "a QEMU that ends at once is told with its own words" {
	machine_on m firmware=bios memory=lots
	fails machine_wait m 60 "login:"
	[[ $output == *"machine m went off, and there is no 'login:' in its console"* ]]
	[[ $output == *"QEMU: "*"-m lots"* ]]
}

@test "a console that never says the line is told at the deadline, and how it ends" {
	local start=$SECONDS
	machine_on m
	machine_wait m 60 BdsDxe
	fails machine_wait m 2 "no such line"
	[[ $output == *"machine m did not come to 'no such line' in its console within 2 s"* ]]
	[[ $output == *"its console ends:"*BdsDxe* ]]
	[[ $output =~ \[\ *[0-9]+\.[0-9]\]\ BdsDxe ]]
	fails machine_result m 1
	[[ $output == *"in its results within 1 s"* ]]
	((SECONDS - start < 60))
}

@test "who waits for a line is told at once that the machine went off" {
	local start=$SECONDS waiter status=0
	machine_on m
	machine_wait m 60 BdsDxe
	machine_wait m 300 "no such line" 2>"$TMPDIR/said" 3>&- 4>&- &
	waiter=$!
	machine_kill m
	wait "$waiter" || status=$?
	[ "$status" -ne 0 ]
	grep "machine m went off, and there is no 'no such line' in its console" "$TMPDIR/said"
	((SECONDS - start < 60))
}

@test "a machine that minds no power button is told, and can be unplugged and powered on again" {
	machine_on m
	machine_wait m 60 BdsDxe
	fails machine_on m
	[[ $output == *"machine m is on already"* ]]
	fails machine_stop m 1
	[[ $output == *"machine m is not off after 1 s"* ]]
	machine_kill m
	machine_on m
	machine_wait m 60 BdsDxe
}

@test "a setting that is none, and a value that is none, are told" {
	fails machine_on m memmory=5
	[[ $output == *"machine m has no setting 'memmory'"* ]]
	fails machine_on m firmware=coreboot
	[[ $output == *"machine m cannot have firmware 'coreboot': uefi, bios"* ]]
	fails machine_on m nic=bridge:br0
	[[ $output == *"machine m cannot have a NIC 'bridge:br0'"* ]]
	fails machine_on m disk=/nowhere/disk.raw
	[[ $output == *"/nowhere/disk.raw"* ]]
	fails machine_agent m guest-ping
	[[ $output == *"machine m has no guest agent that answers 'guest-ping'"* ]]
}

@test "a machine has any number of NICs of every kind, each with its own MAC, in the network named" {
	machine_net lan
	in_net lan ip tuntap add dev t0 mode tap
	in_net lan ip link set t0 up
	machine_helper wire net=lan timeout 120 tcpdump -Z root -Unlei t0 -c 1 "ether src $(machine_mac m 1)"
	machine_line wire log 10 "listening on"
	machine_on m net=lan nic=user:restrict=on nic=tap:t0 "nic=dgram:$TMPDIR/a:$TMPDIR/b"
	machine_line wire log 110 "$(machine_mac m 1) >"
	[ -S "$TMPDIR/a" ]
	[ "$(machine_mac m 0)" != "$(machine_mac m 1)" ]
	[ "$(machine_mac m 0)" != "$(machine_mac n 0)" ]
}

@test "the end leaves no machine, no program, no network and no folder" {
	local file pids=() pid
	machine_net lan
	machine_helper sleeper net=lan sleep 1000
	machine_on m net=lan
	machine_wait m 60 BdsDxe
	for file in "$MACHINES"/*/{pid,reader} "$MACHINES/keeper"; do pids+=("$(<"$file")"); done
	((${#pids[@]} == 7))
	machines_end
	for pid in "${pids[@]}"; do gone "$pid"; done
	[ ! -e "$MACHINES" ]
}

@test "the end leaves nothing of what a program left behind" {
	local pid
	machine_helper server bash -c 'setsid --fork sh -c "echo \$\$; exec sleep 1000" && exec sleep 1000'
	pid=$(machine_line server log 10 '^[0-9]+$')
	kill -0 "$pid"
	machines_end
	gone "$pid"
}

@test "a test killed in the middle, by whatever signal, leaves none of them either" {
	local signal shell folder pids pid
	waiting_script
	for signal in INT TERM KILL; do
		rm -f "$TMPDIR/folder"
		mkfifo "$TMPDIR/folder"
		setsid env --default-signal=INT bash "$TMPDIR/waiting" >"$TMPDIR/said" 2>&1 3>&- 4>&- &
		shell=$!
		folder=$(timeout 20 cat "$TMPDIR/folder")
		mapfile -t pids < <(cat "$folder"/*/{pid,reader} "$folder/keeper")
		((${#pids[@]} == 7))
		kill -0 "${pids[@]}"
		kill -0 "$shell"
		# As a terminal's Ctrl-C, or "timeout", does: to all of the group. KILL hits the shell alone.
		if [ "$signal" = KILL ]; then kill -KILL "$shell"; else kill -"$signal" -- "-$shell"; fi
		wait "$shell" || true
		for pid in "${pids[@]}"; do gone "$pid" || { echo "after $signal, $pid is left: $(ps -fp "$pid")" && false; }; done
		[ ! -e "$folder" ]
	done
}

@test "bats killed in the middle of a test leaves none of them either" {
	local shell folder pids pid at=@ # bats would take the line for a test of this file
	mkfifo "$TMPDIR/folder"
	cat >"$TMPDIR/inner.bats" <<-END
		source $ROOT/test/lib/machine.bash
		setup_file() {
			machines_begin
			machine_on m
		}
		${at}test "it waits" {
			echo "\$MACHINES" >$TMPDIR/folder
			machine_wait m 600 "no such line"
		}
	END
	setsid bats "$TMPDIR/inner.bats" >"$TMPDIR/said" 2>&1 3>&- 4>&- &
	shell=$!
	folder=$(timeout 20 cat "$TMPDIR/folder")
	mapfile -t pids < <(cat "$folder"/*/{pid,reader} "$folder/keeper")
	kill -0 "${pids[@]}"
	kill -TERM -- "-$shell"
	wait "$shell" || true
	for pid in "${pids[@]}"; do gone "$pid"; done
	[ ! -e "$folder" ]
}
