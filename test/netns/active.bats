# The configuration in force: what takes its place, what is refused, and the way back.
load ../lib/bats
load ../lib/serve

@test "a file with faults never replaces what is in force, and the daemon says so" {
	serve_one
	on r sh -c 'echo "kind: Nonsense" >/etc/routerd/conf.d/x.yaml'
	until_ok on r sh -c "'$ROUTERCTL' status -o json | jq -e '.config.valid == false'"
	on r "$ROUTERCTL" status -o json | jq -e '.config.source == "files" and
		(.config.faults[0] | startswith("/etc/routerd/conf.d/x.yaml:1:7: error: no kind"))'
	grep -q '<3>/etc/routerd/conf.d/x.yaml:1:7: error: no kind' "$RUN/r.log"
	on r "$ROUTERCTL" metrics | grep -qx 'routerd_config_valid 0'
	has_route 10.77.60.7
	on r ip route del 10.77.60.7
	until_ok has_route 10.77.60.7

	daemon_kill r KILL # a start with the bad file: the last good is used, loudly
	on r ip route del 10.77.60.7
	daemon r
	until_ok has_route 10.77.60.7
	grep -q '<3>the configuration has faults: the last good one, /var/lib/routerd/good, is used' "$RUN/r.log"
	on r "$ROUTERCTL" status -o json | jq -e '.config.source == "last-good"'
	on r "$ROUTERCTL" metrics | grep -qx 'routerd_config_last_good 1'
	[[ $(object RemoteAddressClaim/vm-7 .file) == /var/lib/routerd/good/router.yaml ]]

	on r rm /etc/routerd/conf.d/x.yaml
	until_ok on r sh -c "'$ROUTERCTL' status -o json | jq -e '.config.valid and .config.source == \"files\"'"
}

@test "without any configuration the kernel is left alone, and one that comes is taken" {
	one_host
	router r apply -f "$RUN/r.yaml"
	daemon r
	[ "$(on r "$ROUTERCTL" status -o json | jq -r .config.source)" = none ]
	has_route 10.77.60.7
	router r get
	[[ $output == *'nothing is in force'* ]]
	claim 10.77.60.8 >>"$RUN/r.yaml"
	on r cp "$RUN/r.yaml" /etc/routerd/router.yaml
	until_ok has_route 10.77.60.8
}

@test "files, folders and links in conf.d and peers are taken as they come and go" {
	serve_one
	claim 10.77.60.8 | sed 1d >"$RUN/c8.yaml"
	claim 10.77.60.9 | sed 1d >"$RUN/c9.yaml"
	on r cp "$RUN/c8.yaml" /etc/routerd/conf.d/
	until_ok has_route 10.77.60.8
	on r ln -s "$RUN/c9.yaml" /etc/routerd/conf.d/c9.yaml
	until_ok has_route 10.77.60.9
	on r rm /etc/routerd/conf.d/c8.yaml
	until_ok has_not has_route 10.77.60.8
	on r mkdir /etc/routerd/peers
	cat >"$RUN/other.json" <<-END
		{ "apiVersion": "net.routerd.net/v1alpha1", "kind": "WireGuardPeer",
		  "metadata": { "name": "other" }, "spec": { "publicKey": "$KEY_B" } }
	END
	on r cp "$RUN/other.json" /etc/routerd/peers/other.json
	until_ok has_peer "$KEY_B"
	on r mv /etc/routerd/peers /etc/routerd/conf.d/aside
	until_ok has_not has_peer "$KEY_B"
	sed 's/10.252.0.2/10.252.0.3/' "$RUN/r.yaml" >"$RUN/r2.yaml"
	on r sh -c "cat '$RUN/r2.yaml' >/etc/routerd/router.yaml"
	until_ok has_address 10.252.0.3/32
}

@test "SIGHUP reads the files again, and the manager is told" {
	one_host
	# shellcheck disable=SC2016 # expands in socat's shell
	on r timeout 30 socat -u UNIX-RECVFROM:/run/notify,fork OPEN:"$RUN/notify",creat,append \
		>/dev/null 2>&1 3>&- 4>&- &
	until_ok on r test -S /run/notify
	on r cp "$RUN/r.yaml" /etc/routerd/router.yaml
	NOTIFY=/run/notify WATCHDOG=400000 daemon r
	until_ok grep -q '^READY=1' "$RUN/notify"
	until_ok grep -q '^STATUS=6 of 6 objects ready, 1 degraded' "$RUN/notify"
	until_ok grep -q 'WATCHDOG=1' "$RUN/notify"
	: >"$RUN/notify"
	kill -HUP "$(daemon_pid r)"
	until_ok grep -q '^RELOADING=1' "$RUN/notify"
	until_ok grep -q '^MONOTONIC_USEC=[1-9]' "$RUN/notify"
	until_ok grep -q '^READY=1' "$RUN/notify"
	[ "$(grep -c 'the configuration was read' "$RUN/r.log")" -eq 2 ]
	daemon_kill r TERM
	until_ok grep -q '^STOPPING=1' "$RUN/notify"
}

@test "apply installs the file, and what fails is told by its object" {
	serve_one
	on r chmod 640 /etc/routerd/router.yaml
	sed 's/10.252.0.2/10.252.0.3/' "$RUN/r.yaml" >"$RUN/r2.yaml"
	claim 10.77.60.8 lan9 >>"$RUN/r2.yaml"
	router r apply -f "$RUN/r2.yaml"
	[ "$status" -eq 1 ]
	[[ $output == *'add address 10.252.0.3/32 dev wg-hybrid  # IPv4StaticAddress/overlay'* ]]
	[[ $output == *"/etc/routerd/router.yaml:"*": RemoteAddressClaim/vm-8: cannot "*"no interface 'lan9'"* ]]
	on r cmp "$RUN/r2.yaml" /etc/routerd/router.yaml
	[ "$(on r stat -c %a /etc/routerd/router.yaml)" = 640 ]
	[ -z "$(on r find /etc/routerd -name '.router*')" ]
	has_address 10.252.0.3/32

	run on r sh -c "'$ROUTERCTL' apply -f - -o json <'$RUN/r.yaml'"
	[ "$status" -eq 0 ]
	jq -e '[.ops[].verb] | contains(["add", "delete"])' <<<"$output"
	on r cmp "$RUN/r.yaml" /etc/routerd/router.yaml
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "apply refuses a file with faults and leaves everything as it was" {
	serve_one
	sed 's/publicKey: .*/publicKey: nonsense/' "$RUN/r.yaml" >"$RUN/bad.yaml"
	router r apply -f "$RUN/bad.yaml"
	[ "$status" -eq 1 ]
	[[ ${lines[0]} == "$RUN/bad.yaml:"*'error: WireGuardPeer/cloud: spec.publicKey'* ]]
	[[ $output == *'nothing was changed'* ]]
	on r cmp "$RUN/r.yaml" /etc/routerd/router.yaml
	[ -z "$(on r find /etc/routerd -name '.router*')" ]
	router r apply -f "$RUN/r.yaml" -f "$RUN/bad.yaml"
	[ "$status" -eq 2 ]
	router r apply -f /nonexistent
	[ "$status" -eq 1 ]
	[[ $output == *'/nonexistent: No such file or directory'* ]]
	on r mount -o remount,size=4k etc /etc/routerd || on r mount -t tmpfs -o size=8k small /etc/routerd
	head -c 100000 /dev/zero | tr '\0' '#' >>"$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	[[ $output == *'No space left on device'* ]]
	has_route 10.77.60.7
}

@test "rollback goes back, and again forth" {
	serve_one
	router r rollback
	[ "$status" -eq 1 ]
	[[ $output == *'no earlier configuration'* ]]
	claim 10.77.60.8 | sed 1d >"$RUN/c8.yaml"
	on r cp "$RUN/c8.yaml" /etc/routerd/conf.d/c8.yaml
	until_ok has_route 10.77.60.8
	router r rollback
	[ "$status" -eq 0 ]
	[[ $output == *'delete route 10.77.60.8/32'* ]]
	on r test -e /etc/routerd/conf.d/c8.yaml.aside
	on r test ! -e /etc/routerd/conf.d/c8.yaml
	router r rollback
	[ "$status" -eq 0 ]
	has_route 10.77.60.8
	on r cmp "$RUN/c8.yaml" /etc/routerd/conf.d/c8.yaml

	# with faults in the files, rollback is what puts the good ones back
	on r sh -c 'echo nonsense >>/etc/routerd/router.yaml'
	until_ok on r sh -c "'$ROUTERCTL' status -o json | jq -e '.config.valid | not'"
	router r rollback
	[ "$status" -eq 0 ]
	on r cmp "$RUN/r.yaml" /etc/routerd/router.yaml
	on r grep -q nonsense /etc/routerd/router.yaml.aside
	has_route 10.77.60.8
}

@test "a change that nobody confirms is taken back; also after a kill" {
	serve_one
	sed 's/10.252.0.2/10.252.0.3/' "$RUN/r.yaml" >"$RUN/r2.yaml"
	router r apply --confirm-within 1s -f "$RUN/r2.yaml"
	[ "$status" -eq 0 ]
	[[ $output == *"confirm with 'routerctl confirm' within 1 s"* ]]
	has_address 10.252.0.3/32
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	[[ $output == *'awaits confirmation'* ]]
	until_ok has_address 10.252.0.2/32
	on r cmp "$RUN/r.yaml" /etc/routerd/router.yaml
	router r confirm
	[ "$status" -eq 1 ]

	router r apply --confirm-within 1m -f "$RUN/r2.yaml"
	has_address 10.252.0.3/32
	daemon_kill r KILL
	daemon r
	until_ok has_address 10.252.0.2/32
	on r cmp "$RUN/r.yaml" /etc/routerd/router.yaml
	grep -q '<4>the last change of the configuration was not confirmed' "$RUN/r.log"

	router r apply --confirm-within 1s -f "$RUN/r2.yaml"
	router r confirm
	[ "$status" -eq 0 ]
	sleep 1.5 # nothing may happen
	has_address 10.252.0.3/32
	daemon_kill r TERM
	router r apply --confirm-within 5s -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	[[ $output == *'needs the daemon'* ]]
}

@test "the disk for the last good is full: the change is in force, and that is said" {
	serve_one
	on r mount -t tmpfs -o size=4k full /var/lib/routerd
	on r sh -c 'head -c 4096 /dev/zero >/var/lib/routerd/all || :' # full, whoever filled it
	claim 10.77.60.8 >>"$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	has_route 10.77.60.8
	grep -q '<4>/var/lib/routerd: this configuration cannot be kept as the last good one: No space' "$RUN/r.log"
}

@test "a rollback for which there is no room changes nothing" {
	serve_one
	claim 10.77.60.8 | sed 1d >"$RUN/c8.yaml"
	claim 10.77.60.9 | sed 1d >"$RUN/c9.yaml"
	on r cp "$RUN/c8.yaml" /etc/routerd/conf.d/a.yaml
	until_ok has_route 10.77.60.8
	on r sh -c "cp '$RUN/c9.yaml' /etc/routerd/conf.d/.b; mv /etc/routerd/conf.d/.b /etc/routerd/conf.d/b.yaml; rm /etc/routerd/conf.d/a.yaml"
	until_ok has_not has_route 10.77.60.8
	until_ok has_route 10.77.60.9
	on r mount -o remount,size=16k /etc/routerd
	on r sh -c 'head -c 100000 /dev/zero >/etc/routerd/full' || true
	router r rollback
	[ "$status" -eq 1 ]
	[[ $output == *'No space left'* ]]
	sleep 0.5 # nothing may happen
	[ "$(on r sh -c 'cd /etc/routerd && ls conf.d')" = b.yaml ]
	has_route 10.77.60.9
	on r rm /etc/routerd/full
	router r rollback
	[ "$status" -eq 0 ]
	has_route 10.77.60.8
	has_not has_route 10.77.60.9
}

@test "a change that nobody confirms is taken back though the disk is full, the files follow" {
	serve_one
	on r mount -o remount,size=16k /etc/routerd
	sed 's/10.252.0.2/10.252.0.3/' "$RUN/r.yaml" >"$RUN/r2.yaml"
	router r apply --confirm-within 1s -f "$RUN/r2.yaml"
	has_address 10.252.0.3/32
	on r sh -c 'head -c 100000 /dev/zero >/etc/routerd/full' || true
	until_ok has_address 10.252.0.2/32
	on r cmp "$RUN/r2.yaml" /etc/routerd/router.yaml
	on r "$ROUTERCTL" status | grep -q 'reverting: true'
	on r rm /etc/routerd/full
	until_ok on r cmp "$RUN/r.yaml" /etc/routerd/router.yaml
	has_address 10.252.0.2/32
	until_ok on r sh -c "! '$ROUTERCTL' status | grep -q reverting"
}

@test "a confirmation that cannot be written down fails" {
	serve_one
	sed 's/10.252.0.2/10.252.0.3/' "$RUN/r.yaml" >"$RUN/r2.yaml"
	router r apply --confirm-within 1m -f "$RUN/r2.yaml"
	on r mount -o remount,ro /var/lib/routerd
	router r confirm
	[ "$status" -eq 1 ]
	[[ $output == *'Read-only file system'* ]]
	on r mount -o remount,rw /var/lib/routerd
	router r confirm
	[ "$status" -eq 0 ]
	daemon_kill r KILL
	daemon r
	has_address 10.252.0.3/32
}

@test "what could not be kept is kept before a trial, or the trial is refused" {
	serve_one
	on r mount -o remount,ro /var/lib/routerd
	claim 10.77.60.8 >>"$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	has_route 10.77.60.8
	sed 's/10.252.0.2/10.252.0.3/' "$RUN/r.yaml" | sed '/vm-8/,$d' >"$RUN/r2.yaml"
	router r apply --confirm-within 1s -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	on r mount -o remount,rw /var/lib/routerd
	claim 10.77.60.9 >>"$RUN/r.yaml"
	router r apply --confirm-within 1s -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	until_ok has_not has_route 10.77.60.9
	has_route 10.77.60.8
}

@test "odd things in the folders: a FIFO as router.yaml, a link in the store" {
	serve_one
	on r sh -c 'rm /etc/routerd/router.yaml; mkfifo /etc/routerd/router.yaml'
	until_ok on r sh -c "'$ROUTERCTL' status | grep 'valid: false'"
	on r ip addr add 10.77.60.7/24 dev lan0
	until_ok on r sh -c '! ip -4 -o addr | grep -q 10.77.60.7/'
	mkdir "$RUN/mine"
	touch "$RUN/mine/file"
	on r ln -s "$RUN/mine" /var/lib/routerd/configs/mine
	on r rm /etc/routerd/router.yaml
	claim 10.77.60.8 >>"$RUN/r.yaml"
	on r cp "$RUN/r.yaml" /etc/routerd/router.yaml
	until_ok has_route 10.77.60.8
	[ -e "$RUN/mine/file" ]
}
