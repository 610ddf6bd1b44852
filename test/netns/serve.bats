# What the daemon holds, and how it takes what comes.

load ../lib/bats
load ../lib/serve

@test "the daemon makes it all, and ends leaving the network as it is" {
	serve_one
	has_route 10.77.60.7
	has_proxy 10.77.60.7
	has_clamp
	daemon_kill r TERM
	[ ! -e "/proc/${SITE[r]}/root/run/routerd/io.routerd" ]
	has_route 10.77.60.7
	has_proxy 10.77.60.7
	has_clamp
	on r ip link show wg-hybrid
	tail -n 1 "$RUN/r.log" | grep -q '<6>routerd ends; the network stays'
}

@test "what somebody removes or changes is put back by itself" {
	serve_one
	on r ip route del 10.77.60.7
	until_ok has_route 10.77.60.7
	on r nft delete table inet routerd_mss
	until_ok has_clamp
	on r nft add rule inet routerd_mss forward drop
	until_ok on r sh -c '! nft list table inet routerd_mss | grep -q drop'
	on r sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
	until_ok on r grep -q 1 /proc/sys/net/ipv4/ip_forward
	on r ip link set wg-hybrid down
	until_ok has_route 10.77.60.7
	on r ip addr del 10.252.0.2/32 dev wg-hybrid
	until_ok has_address 10.252.0.2/32
	on r ip link del wg-hybrid
	until_ok has_route 10.77.60.7
	[ "$(on r wg show wg-hybrid peers)" = "$KEY_A" ]
}

@test "what sends no event is put back by the slow timer" {
	WATCHDOG=1000000
	serve_one
	on r ip neigh del proxy 10.77.60.7 dev lan0
	on r wg set wg-hybrid peer "$KEY_A" persistent-keepalive 0
	on r sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/send_redirects'
	until_ok has_proxy 10.77.60.7
	until_ok eval '[ "$(on r wg show wg-hybrid persistent-keepalive)" = "$KEY_A	25" ]'
	until_ok on r grep -q 0 /proc/sys/net/ipv4/conf/all/send_redirects
}

@test "a captured address that comes back is gone each time, its neighbours stay" {
	serve_one
	for i in $(seq 100); do
		on r ip addr add 10.77.60.7/24 dev lan0
		until_ok on r sh -c '! ip -4 -o addr | grep -q 10.77.60.7/'
	done
	has_address 10.77.60.2/24
	has_route 10.77.60.7
	[ "$(object RemoteAddressClaim/vm-7 .status.captureOSAddressAbsence.removedCount)" -eq 100 ]
	[ "$(object RemoteAddressClaim/vm-7 .status.captureOSAddressAbsence.enforced)" = true ]
	[ "$(object RemoteAddressClaim/vm-7 '.conditions[] | select(.type == "Degraded") | .reason')" = AddressReturned ]
	# told often enough to be seen, not a hundred times
	[ "$(grep -c 'removed 10.77.60.7/24' "$RUN/r.log")" -le 20 ]
}

@test "a captured address that is the primary goes, its secondaries stay" {
	one_host
	on r ip addr flush dev lan0
	on r cp "$RUN/r.yaml" /etc/routerd/router.yaml
	daemon r
	on r sh -c 'ip addr add 10.77.60.7/24 dev lan0; ip addr add 10.77.60.2/24 dev lan0'
	until_ok on r sh -c '! ip -4 -o addr | grep -q 10.77.60.7/'
	on r ip addr add 10.77.60.2/24 dev lan0 2>/dev/null || true
	has_address 10.77.60.2/24
}

@test "a link that comes late, is renamed, goes down or away is handled as it happens" {
	one_host
	claim 10.77.60.8 lan1 >>"$RUN/r.yaml"
	on r cp "$RUN/r.yaml" /etc/routerd/router.yaml
	daemon r
	[ "$(object RemoteAddressClaim/vm-8 '.conditions[0].reason')" = NoInterface ]
	[ "$(object RemoteAddressClaim/vm-7 '.conditions[0].status')" = True ]
	grep -q "<3>.*RemoteAddressClaim/vm-8: cannot .*no interface 'lan1'" "$RUN/r.log"
	sleep 0.5 # it is told once
	[ "$(grep -c 'RemoteAddressClaim/vm-8: cannot' "$RUN/r.log")" -eq 1 ]

	on r ip link add late type veth peer name late-peer
	on r ip link set late name lan1
	on r ip link set lan1 up
	until_ok has_proxy 10.77.60.8 lan1
	until_ok eval '[ "$(object RemoteAddressClaim/vm-8 ".conditions[0].status")" = True ]'

	on r ip link set lan1 down # takes the proxy along, without an event of its own
	until_ok has_proxy 10.77.60.8 lan1
	until_ok eval '[ "$(object RemoteAddressClaim/vm-8 ".conditions[0].reason")" = InterfaceDown ]'
	[ "$(object RemoteAddressClaim/vm-8 '.conditions[0].status')" = False ]
	[[ $(object RemoteAddressClaim/vm-8 '.conditions[0].message') == 'lan1 is down, so nobody answers ARP for 10.77.60.8 '* ]]
	[ "$(object RemoteAddressClaim/vm-7 '.conditions[0].status')" = True ]
	on r ip link set lan1 up
	until_ok eval '[ "$(object RemoteAddressClaim/vm-8 ".conditions[0].status")" = True ]'
	on r ip link set lan1 down
	on r ip link set lan1 name other
	until_ok eval '[ "$(object RemoteAddressClaim/vm-8 ".conditions[0].reason")" = NoInterface ]'
	on r ip link set other name lan1
	until_ok has_proxy 10.77.60.8 lan1
	on r ip link del lan1
	until_ok eval '[ "$(object RemoteAddressClaim/vm-8 ".conditions[0].reason")" = NoInterface ]'
	has_proxy 10.77.60.7
}

@test "kill -9 and a new start change nothing in the kernel" {
	serve_one
	until_ok eval '[ "$(object RemoteAddressClaim/vm-7 ".conditions[0].status")" = True ]'
	on r timeout 20 ip -4 monitor link address route rule >"$RUN/events" 2>&1 3>&- 4>&- &
	on r timeout 20 nft monitor >"$RUN/nft-events" 2>&1 3>&- 4>&- &
	sleep 0.5 # until they listen
	for delay in 0 0.001 0.003 0.01 0.03 0.1; do
		sleep "$delay"
		daemon_kill r KILL
		on r "$ROUTERCTL" serve >>"$RUN/r.log" 2>&1 3>&- 4>&- &
	done
	until_ok on r "$ROUTERCTL" status
	daemon_kill r TERM
	daemon r
	on r "$ROUTERCTL" reload
	cat "$RUN/events" "$RUN/nft-events"
	[ ! -s "$RUN/events" ]
	[ ! -s "$RUN/nft-events" ]
}

@test "traffic does not stop when the daemon is killed, stopped and started" {
	pair_new
	pair_configs
	for site in cr:cloud or:onprem; do
		on "${site%:*}" cp "$RUN/${site#*:}.yaml" /etc/routerd/router.yaml
		daemon "${site%:*}"
	done
	pings cc 10.77.60.9
	(for signal in KILL TERM KILL; do
		daemon_kill cr $signal
		daemon_kill or $signal
		daemon cr
		daemon or
	done) 3>&- 4>&- &
	restarts=$!
	run on cc ping -c 100 -i 0.02 -W 2 -q 10.77.60.9
	wait "$restarts"
	echo "$output"
	[[ $output == *' 0% packet loss'* ]]
	[ "$(transfer cc oc 10.77.60.9 8 20)" = 10.77.60.7 ]
}

@test "a second daemon refuses, and says why" {
	serve_one
	run on r timeout 10 "$ROUTERCTL" serve
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == '<3>another routerd serves this network already'* ]]
	run on r unshare --net timeout 10 "$ROUTERCTL" serve
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *'is served by another routerd, of another network namespace'* ]]
	on r "$ROUTERCTL" status
	router r delete --all
	[ "$status" -eq 1 ]
	[[ $output == *'would put everything back'* ]]
	# in another network it is nobody's business
	run on r unshare --net "$ROUTERCTL" delete --all
	[ "$status" -eq 0 ]
}

@test "the socket speaks varlink" {
	serve_one
	varlink r org.varlink.service.GetInfo | jq -e '.parameters.interfaces == ["org.varlink.service", "io.routerd"]'
	varlink r org.varlink.service.GetInterfaceDescription '{"interface":"io.routerd"}' |
		jq -er '.parameters.description' | grep -q '^method Get(kind: ?string'
	varlink r org.varlink.service.GetInterfaceDescription '{"interface":"io.nobody"}' |
		jq -e '.error == "org.varlink.service.InterfaceNotFound" and .parameters.interface == "io.nobody"'
	varlink r io.routerd.Nothing | jq -e '.error == "org.varlink.service.MethodNotFound"'
	varlink r io.nobody.Get | jq -e '.error == "org.varlink.service.InterfaceNotFound"'
	varlink r io.routerd.Get '{"kind":"nonsense"}' |
		jq -e '.error == "org.varlink.service.InvalidParameter" and .parameters.parameter == "kind"'
	varlink r io.routerd.Apply '{"path":"/etc/shadow"}' | jq -e '.parameters.parameter == "path"'
	varlink r io.routerd.Apply '{"path":"/etc/routerd/.router.yaml./../../shadow"}' | jq -e '.parameters.parameter == "path"'
	varlink r io.routerd.Get '{"kind":"wireguardpeer"}' | jq -e '.parameters.objects[0].name == "cloud"'
	[ -z "$(varlink r io.routerd.Get '{}' ',"oneway":true')" ]
	# two requests in one datagram: two answers, in order
	printf '{"method":"io.routerd.GetStatus"}\0{"method":"org.varlink.service.GetInfo"}\0' |
		on r timeout 5 socat -t 2 - UNIX-CONNECT:/run/routerd/io.routerd | tr '\0' '\n' |
		jq -se '(.[0].parameters.pid > 0) and .[1].parameters.vendor == "routerd"'
	if command -v varlinkctl >/dev/null; then
		on r varlinkctl info /run/routerd/io.routerd
		on r varlinkctl introspect /run/routerd/io.routerd io.routerd
		on r varlinkctl call /run/routerd/io.routerd io.routerd.GetStatus '{}'
	fi
}

@test "rude clients do not hold it up: garbage, half messages, floods, readers that do not read" {
	serve_one
	at=UNIX-CONNECT:/run/routerd/io.routerd
	for i in $(seq 5); do
		head -c 20000 /dev/urandom | on r timeout 5 socat -u - "$at" 2>/dev/null || true
	done
	head -c 3000000 /dev/zero | tr '\0' '{' | on r timeout 5 socat -u - "$at" 2>/dev/null || true
	printf '{"method":"io.routerd.Get"' | on r timeout 5 socat -u - "$at"
	printf '[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\0' | on r timeout 5 socat -t 1 - "$at"
	on r timeout 60 "${ROUTERCTL%/bin/*}/test/tools/crowd" /run/routerd/io.routerd 1000 30 \
		>"$RUN/crowd" 2>&1 3>&- 4>&- &
	until_ok grep -qx 1000 "$RUN/crowd"
	[ "$(find "/proc/$(daemon_pid r)/fd" -mindepth 1 | wc -l)" -le 90 ]
	for i in $(seq 10); do
		on r "$ROUTERCTL" status >/dev/null
		on r ip addr add 10.77.60.7/24 dev lan0
		until_ok on r sh -c '! ip -4 -o addr | grep -q 10.77.60.7/'
	done
	on r ip route del 10.77.60.7
	until_ok has_route 10.77.60.7
}

@test "get --watch tells what changes, and only that" {
	serve_one
	on r timeout 20 "$ROUTERCTL" get --watch >"$RUN/watch" 2>&1 3>&- 4>&- &
	until_ok grep -q '^OBJECT' "$RUN/watch"
	[ "$(wc -l <"$RUN/watch")" -eq 7 ]
	renamed lan0 lan9
	until_ok grep -q '^RemoteAddressClaim/vm-7 *NotReady .*no interface' "$RUN/watch"
	renamed lan9 lan0
	until_ok eval '[ "$(grep -c "^RemoteAddressClaim/vm-7 *Ready" "$RUN/watch")" -eq 2 ]'
	[ "$(grep -c '^IPv4StaticAddress' "$RUN/watch")" -eq 1 ]
	daemon_kill r TERM
	until_ok grep -q 'routerd has ended' "$RUN/watch"
}

@test "who may ask: root all, the group routerd questions, others nothing" {
	one_host
	printf 'root:x:0:\nrouterd:x:4242:\n' >"$RUN/group"
	site_file r "$RUN/group" /etc/group
	on r cp "$RUN/r.yaml" /etc/routerd/router.yaml
	daemon r
	[ "$(on r stat -c '%a %g' /run/routerd/io.routerd)" = '660 4242' ]
	as() { on r setpriv --reuid 65534 --regid "$1" --clear-groups --bounding-set=-all \
		env ASAN_OPTIONS=detect_leaks=0 "$ROUTERCTL" "${@:2}"; }
	run as 4242 get
	[ "$status" -eq 0 ]
	[[ $output == *RemoteAddressClaim/vm-7* ]]
	run as 4242 reload
	[ "$status" -eq 1 ]
	[[ $output == *'needs root'* ]]
	run on r setpriv --reuid 65534 --regid 4242 --clear-groups socat -t 2 - UNIX-CONNECT:/run/routerd/io.routerd \
		< <(printf '{"method":"io.routerd.Reload"}\0')
	[[ $output == *org.varlink.service.PermissionDenied* ]]
	run as 65534 get
	[ "$status" -eq 1 ]
	[[ $output == *'only root and members of group'* ]]
}

@test "a dead name server holds up neither removals nor questions" {
	one_host
	ENDPOINT=nowhere.example:51820
	base >"$RUN/r.yaml"
	claim 10.77.60.7 >>"$RUN/r.yaml"
	echo 'nameserver 10.77.60.99' >"$RUN/resolv.conf"
	site_file r "$RUN/resolv.conf" /etc/resolv.conf
	on r cp "$RUN/r.yaml" /etc/routerd/router.yaml
	on r "$ROUTERCTL" serve >>"$RUN/r.log" 2>&1 3>&- 4>&- &
	until_ok on r "$ROUTERCTL" status
	sed 's/nowhere/elsewhere/; s/persistentKeepalive: 25/persistentKeepalive: 26/' "$RUN/r.yaml" >"$RUN/r2.yaml"
	on r "$ROUTERCTL" apply -f "$RUN/r2.yaml" >"$RUN/apply" 2>&1 3>&- 4>&- &
	apply=$!
	sleep 0.5 # the pass waits for the name now
	for i in 1 2 3; do
		on r "$ROUTERCTL" status >/dev/null
		on r ip addr add 10.77.60.7/24 dev lan0
		until_ok on r sh -c '! ip -4 -o addr | grep -q 10.77.60.7/'
		[ "$i" -gt 1 ] || kill -0 $apply # which still waits
	done
	until_ok eval '[ "$(object WireGuardPeer/cloud ".conditions[1].reason")" = EndpointUnresolved ]'
	until_ok grep -q 'nowhere.example: .*the peer is made without it' "$RUN/r.log"
}

@test "a name that leads elsewhere is followed while the peer is silent" {
	one_host
	ENDPOINT=hub.example:51820
	base >"$RUN/r.yaml"
	printf '192.0.2.7 hub.example\n' >"$RUN/hosts"
	site_file r "$RUN/hosts" /etc/hosts
	on r cp "$RUN/r.yaml" /etc/routerd/router.yaml
	WATCHDOG=600000 daemon r
	[ "$(on r wg show wg-hybrid endpoints)" = "$KEY_A	192.0.2.7:51820" ]
	printf '192.0.2.8 hub.example\n' >"$RUN/hosts"
	until_ok eval '[ "$(on r wg show wg-hybrid endpoints)" = "$KEY_A	192.0.2.8:51820" ]'
	grep -q '<6>WireGuardPeer/cloud: its name now leads to 192.0.2.8' "$RUN/r.log"
}

@test "events that were lost lead to a fresh look" {
	serve_one
	pid=$(daemon_pid r)
	kill -STOP "$pid"
	on r ip route del 10.77.60.7
	on r ip link add dump0 type bridge
	on r ip link set dump0 up
	for i in 1 2 3; do
		seq -f "route add 10.99.%g.0/24 dev dump0" 0 255 | on r ip -batch - || true
		on r bash -c 'for a in $(seq 0 39); do seq -f "route add 10.$((100 + a)).%g.0/24 dev dump0" 0 255; done' |
			on r ip -batch - 2>/dev/null || true
		on r ip link set dump0 down
		on r ip link set dump0 up
	done
	kill -CONT "$pid" "$(awk '/^PPid/ { print $2 }' "/proc/$pid/status")" # nsenter stops along
	until_ok has_route 10.77.60.7
}

@test "metrics are OpenMetrics, also over HTTP, also without the daemon" {
	serve_one
	for i in 1 2 3; do
		on r ip addr add 10.77.60.7/24 dev lan0
		until_ok on r sh -c '! ip -4 -o addr | grep -q 10.77.60.7/'
	done
	on r "$ROUTERCTL" metrics >"$RUN/metrics"
	grep -qx 'routerd_removed_addresses_total 3' "$RUN/metrics"
	grep -qx 'routerd_objects_ready{kind="RemoteAddressClaim"} 1' "$RUN/metrics"
	grep -qx 'routerd_peer_receive_bytes_total{interface="wg-hybrid",peer="cloud"} 0' "$RUN/metrics"
	printf 'GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n' | on r "$ROUTERCTL" metrics --http >"$RUN/http"
	head -n 1 "$RUN/http" | grep -q '^HTTP/1.0 200 OK'
	grep -q '^Content-Type: application/openmetrics-text; version=1.0.0' "$RUN/http"
	printf 'GET /etc HTTP/1.1\r\n\r\n' | on r "$ROUTERCTL" metrics --http | grep -q '404 Not Found'
	printf 'POST /metrics HTTP/1.1\r\n\r\n' | on r "$ROUTERCTL" metrics --http | grep -q '405 '
	daemon_kill r TERM
	on r "$ROUTERCTL" metrics >"$RUN/without"
	grep -qx 'routerd_up 0' "$RUN/without"
	if command -v python3 >/dev/null; then # the virtual machine has none
		for f in metrics without; do
			/usr/bin/python3 -c 'import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
print(len(list(parse(sys.stdin.read()))))' <"$RUN/$f"
		done
	fi
}

@test "get and describe work without the daemon too" {
	one_host
	on r cp "$RUN/r.yaml" /etc/routerd/router.yaml
	router r get
	[ "$status" -eq 0 ]
	[[ $output == *'RemoteAddressClaim/vm-7 '*'NotReady '*'not applied'* ]]
	router r apply
	router r get
	[[ $output != *NotReady* ]]
	router r describe RemoteAddressClaim/vm-7
	[[ $output == *'mss: 1300'* ]]
	router r get -f "$RUN/r.yaml" -o json wireguardinterface/wg-hybrid
	jq -e '.objects[0].status.carriedBy | test("kernel|wireguard-go")' <<<"$output"
	router r get nonsense
	[ "$status" -eq 1 ]
	router r status
	[ "$status" -eq 1 ]
	[[ $output == *'does not serve here'* ]]
}

@test "on a terminal the table fits and has colours, in a pipe neither" {
	serve_one
	renamed lan0 lan9
	until_ok on r sh -c "'$ROUTERCTL' get | grep -q NotReady"
	on r env TERM=xterm script -qec "stty cols 60; '$ROUTERCTL' get" /dev/null >"$RUN/terminal"
	grep -q $'\033\[31mNotReady' "$RUN/terminal"
	grep -q $'\033\[32mReady' "$RUN/terminal"
	[ "$(sed 's/\x1b\[[0-9]*m//g; s/\r//' "$RUN/terminal" | awk 'length > 60' | wc -l)" -eq 0 ]
	on r "$ROUTERCTL" get >"$RUN/pipe"
	run ! grep -q $'\033' "$RUN/pipe"
	[ "$(awk 'length > 60' "$RUN/pipe" | wc -l)" -gt 0 ]
}

passes() { on r "$ROUTERCTL" metrics | sed -n 's/^routerd_passes_total //p'; }

@test "neighbours that come and go wake nobody; a storm of routes leads to few passes" {
	serve_one
	sleep 0.5 # the passes that its own events start
	before=$(passes)
	for i in $(seq 50); do
		on r ip neigh replace 10.77.60.$((i + 100)) lladdr 02:00:00:00:00:01 dev lan0
	done
	[ "$(($(passes) - before))" -le 1 ] # the timer's
	for i in $(seq 0 9); do seq -f "route add 10.9$i.%g.0/24 dev lan0" 0 255; done | on r ip -batch -
	[ "$(($(passes) - before))" -ge 1 ]
	[ "$(($(passes) - before))" -le 60 ]
}

@test "a key file that is gone or open does not cost a tunnel that works" {
	serve_one
	key=$(on r wg show wg-hybrid public-key)
	rm "$RUN/wg.key"
	on r "$ROUTERCTL" reload || true
	[ "$(on r wg show wg-hybrid public-key)" = "$key" ]
	[ "$(object WireGuardInterface/wg-hybrid '.conditions[0].reason')" = NotThere ]
	remedy=$(object WireGuardInterface/wg-hybrid '.conditions[0].message' | sed "s/.*: '\((umask[^']*\)' writes it back.*/\1/")
	on r sh -c "$remedy"
	on r "$ROUTERCTL" reload
	[ "$(object WireGuardInterface/wg-hybrid '.conditions[0].status')" = True ]
	[ "$(on r wg show wg-hybrid public-key)" = "$key" ]

	daemon_kill r TERM
	chmod 644 "$RUN/wg.key"
	WATCHDOG=600000 daemon r
	[ "$(on r "$ROUTERCTL" status -o json | jq -r .config.source)" = none ]
	chmod 600 "$RUN/wg.key"
	until_ok on r sh -c "'$ROUTERCTL' status | grep 'source: \"files\"'"
}

@test "while another program holds the lock, removals go on and the old status stands" {
	serve_one
	for i in 1 2 3; do
		on r ip addr add 10.77.60.7/24 dev lan0
		until_ok on r sh -c '! ip -4 -o addr | grep -q 10.77.60.7/'
	done
	on r sh -c 'exec flock /run/routerd/netns-*.lock sleep 6' 3>&- 4>&- &
	holder=$!
	sleep 0.2 # until it has it
	claim 10.77.60.8 >>"$RUN/r.yaml"
	on r cp "$RUN/r.yaml" /etc/routerd/router.yaml
	sleep 0.4 # until it was read
	on r ip addr add 10.77.60.7/24 dev lan0
	until_ok on r sh -c '! ip -4 -o addr | grep -q 10.77.60.7/'
	kill -0 "$holder" # it still has it
	[ "$(object RemoteAddressClaim/vm-7 .status.captureOSAddressAbsence.removedCount)" -eq 4 ]
	has_not has_route 10.77.60.8
	wait "$holder" || true
	until_ok has_route 10.77.60.8
	[ "$(object RemoteAddressClaim/vm-7 .status.captureOSAddressAbsence.removedCount)" -eq 4 ]
}

@test "a daemon that is there before the first configuration says so once, and as no error" {
	one_host
	base >"$RUN/r.yaml"
	claim 10.77.60.7 >>"$RUN/r.yaml"
	daemon r
	on r "$ROUTERCTL" status -o json | jq -e '.config.source == "none"'
	[ "$(grep -c 'there is no configuration yet' "$RUN/r.log")" -eq 1 ]
	has_not grep -E '^<[0-4]>' "$RUN/r.log"
	on r cp "$RUN/r.yaml" /etc/routerd/router.yaml
	until_ok has_route 10.77.60.7
	on r rm /etc/routerd/router.yaml
	until_ok grep -q '<3>.*router.yaml: error: is not there' "$RUN/r.log"
	has_route 10.77.60.7
	daemon_kill r TERM
	daemon r
	until_ok grep -q 'the last good one' "$RUN/r.log"
	has_route 10.77.60.7
}

@test "those who watch may come before the configuration, and go in the middle of its first pass" {
	one_host
	ENDPOINT=nowhere.example:51820
	base >"$RUN/r.yaml"
	claim 10.77.60.7 >>"$RUN/r.yaml"
	echo 'nameserver 10.77.60.99' >"$RUN/resolv.conf"
	site_file r "$RUN/resolv.conf" /etc/resolv.conf
	WATCHDOG=2000000 daemon r
	for i in 1 2 3; do
		on r timeout 4 "$ROUTERCTL" get --watch >/dev/null 2>&1 3>&- 4>&- &
	done
	on r timeout 40 "$ROUTERCTL" get --watch -o json >"$RUN/watch" 2>&1 3>&- 4>&- &
	until_ok grep -q objects "$RUN/watch"
	on r cp "$RUN/r.yaml" /etc/routerd/router.yaml
	for i in 1 2 3; do until_ok grep -q vm-7 "$RUN/watch" && break; done
	grep -q vm-7 "$RUN/watch"
	on r "$ROUTERCTL" status
	has_not grep -q AddressSanitizer "$RUN/r.log"
}
