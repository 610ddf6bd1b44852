# What apply makes, keeps, restores and leaves alone.

load ../lib/bats

wg_link() { on r ip link show wg-hybrid; }

@test "apply makes it all; a second apply does nothing and says nothing" {
	one_host
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	[ "$(on r wg show wg-hybrid endpoints)" = "$KEY_A	203.0.113.20:51820" ]
	[ "$(on r wg show wg-hybrid persistent-keepalive)" = "$KEY_A	25" ]
	[ "$(on r wg show wg-hybrid allowed-ips | cut -f 2 | tr ' ' '\n' | sort | xargs)" = \
		"10.252.0.1/32 10.77.60.7/32" ]
	on r ip -4 -o addr show dev wg-hybrid | grep -q 'inet 10.252.0.2/32'
	on r ip -o link show wg-hybrid | grep -q 'mtu 1420'
	on r ip route | grep -q '^10.77.60.7 dev wg-hybrid proto 200'
	on r ip neigh show proxy | grep -q '^10.77.60.7 dev lan0 proxy'
	[ "$(on r cat /proc/sys/net/ipv4/ip_forward)" = 1 ]
	[ "$(on r cat /proc/sys/net/ipv4/neigh/lan0/proxy_delay)" = 0 ]
	[ "$(on r cat /proc/sys/net/ipv4/conf/all/send_redirects)" = 0 ]
	[ "$(on r cat /proc/sys/net/ipv4/conf/lan0/send_redirects)" = 0 ]
	[ "$(on r cat /proc/sys/net/ipv4/conf/lan0/proxy_arp)" = 0 ]
	[ "$(on r nft -j list table inet routerd_mss | jq '[.. | .mangle? // empty | .value] | unique == [1300]')" = true ]

	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	router r plan --exit-code -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

# What was removed, and the one line that brings it back.
removed() { # removed EXPECTED COMMAND...
	local want=$1
	shift
	on r "$@"
	router r plan --exit-code -f "$RUN/r.yaml"
	[ "$status" -eq 3 ]
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == $want ]]
	[ "${#lines[@]}" -eq 1 ]
	router r apply -f "$RUN/r.yaml"
	[ -z "$output" ]
}

@test "what somebody removes is restored, exactly that" {
	one_host
	router r apply -f "$RUN/r.yaml"
	removed 'add route 10.77.60.7/32 dev wg-hybrid*' ip route del 10.77.60.7
	removed 'add proxy 10.77.60.7 dev lan0*' ip neigh del proxy 10.77.60.7 dev lan0
	removed 'add clamp wg-hybrid mss 1300*' nft delete table inet routerd_mss
	removed 'add allowed-ip 10.77.60.7/32*' \
		wg set wg-hybrid peer "$KEY_A" allowed-ips 10.252.0.1/32
	removed 'change sysctl net.ipv4.ip_forward=1*' sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
	removed 'change peer*keepalive 25*' wg set wg-hybrid peer "$KEY_A" persistent-keepalive 0
	removed 'change link wg-hybrid*' ip link set wg-hybrid mtu 1400
	removed 'change link wg-hybrid*' wg set wg-hybrid listen-port 7000
}

@test "a table of ours that somebody edits is put right" {
	one_host
	router r apply -f "$RUN/r.yaml"
	for edit in 'flush table inet routerd_mss' \
		'add rule inet routerd_mss forward drop' \
		'add chain inet routerd_mss mine' \
		'add rule inet routerd_mss forward oifname "wg-hybrid" tcp flags syn / syn,rst tcp option maxseg size set 500'; do
		on r nft "$edit"
		router r apply -f "$RUN/r.yaml"
		[ "$status" -eq 0 ]
		[[ $output == *clamp* ]]
		[ "$(on r nft list table inet routerd_mss | grep -c 'maxseg size set 1300')" -eq 2 ]
		[ "$(on r nft list table inet routerd_mss | grep -cE 'drop|mine|500')" -eq 0 ]
		router r apply -f "$RUN/r.yaml"
		[ -z "$output" ]
	done
}

@test "an address that somebody removes comes back, with the routes the kernel took with it" {
	one_host
	router r apply -f "$RUN/r.yaml"
	on r ip addr del 10.252.0.2/32 dev wg-hybrid
	router r apply -f "$RUN/r.yaml"
	[[ ${lines[0]} == 'add address 10.252.0.2/32 dev wg-hybrid'* ]]
	[[ ${lines[1]} == 'add route 10.77.60.7/32 dev wg-hybrid'* ]]
	[ "${#lines[@]}" -eq 2 ]
}

@test "a peer that somebody removes comes back with its allowed IPs" {
	one_host
	router r apply -f "$RUN/r.yaml"
	on r wg set wg-hybrid peer "$KEY_A" remove
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 3 ]
	on r wg show wg-hybrid allowed-ips | grep -q 10.77.60.7/32
	router r apply -f "$RUN/r.yaml"
	[ -z "$output" ]
}

@test "a link that somebody removes comes back with all that was on it" {
	one_host
	router r apply -f "$RUN/r.yaml"
	on r ip link del wg-hybrid
	until_ok on r sh -c '! test -e /run/wireguard/wg-hybrid.sock'
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == 'add link wg-hybrid'* ]]
	[[ $output != *proxy* && $output != *clamp* && $output != *'made the key'* ]]
	router r apply -f "$RUN/r.yaml"
	[ -z "$output" ]
	on r ip route | grep -q '^10.77.60.7 dev wg-hybrid'
}

@test "a link that is down is brought up, with the routes that fell off" {
	one_host
	router r apply -f "$RUN/r.yaml"
	on r ip link set wg-hybrid down
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == 'change link wg-hybrid'* ]]
	[[ ${lines[1]} == 'add route 10.77.60.7/32'* ]]
	[ "${#lines[@]}" -eq 2 ]
}

@test "foreign routes, neighbours, tables, links and peers are left alone" {
	one_host
	on r ip link add foreign0 type bridge
	on r ip link set foreign0 up
	on r ip addr add 192.0.2.1/24 dev lan0
	on r ip route add 198.51.100.0/24 dev lan0 proto static
	on r ip route add 10.77.60.99/32 dev lan0 proto 186
	on r ip neigh add proxy 10.77.60.99 dev lan0
	on r nft add table inet mine
	on r nft add table inet routerd_other
	before=$(on r sh -c 'ip -4 route show table all | grep -v wg-hybrid; ip -4 addr show dev lan0;
		ip neigh show proxy | grep -v 10.77.60.7; nft list tables | grep -v routerd_mss')
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	router r delete --all
	[ "$status" -eq 0 ]
	after=$(on r sh -c 'ip -4 route show table all; ip -4 addr show dev lan0;
		ip neigh show proxy; nft list tables')
	diff <(echo "$before") <(echo "$after")
}

@test "removing an object removes what it made, and nothing else" {
	one_host
	claim 10.77.60.8 >>"$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	base >"$RUN/r.yaml"
	claim 10.77.60.7 >>"$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 3 ]
	[[ ${lines[0]} == 'delete proxy 10.77.60.8 dev lan0' ]]
	[[ ${lines[1]} == 'delete route 10.77.60.8/32 dev wg-hybrid' ]]
	[[ ${lines[2]} == 'delete allowed-ip 10.77.60.8/32 dev wg-hybrid peer'* ]]
	[ "$(on r wg show wg-hybrid allowed-ips | grep -c 10.77.60.8)" = 0 ]
	on r wg show wg-hybrid allowed-ips | grep -q 10.77.60.7/32
	router r apply -f "$RUN/r.yaml"
	[ -z "$output" ]
}

@test "delete --all leaves nothing of ours, and says so before it does" {
	one_host
	router r apply -f "$RUN/r.yaml"
	router r delete
	[ "$status" -eq 2 ]
	router r delete --all --dry-run
	[ "$status" -eq 0 ]
	[[ $output == *'delete link wg-hybrid'* ]]
	wg_link
	router r delete --all
	[ "$status" -eq 0 ]
	run ! wg_link
	[ -z "$(on r ip neigh show proxy)" ]
	[ -z "$(on r nft list tables)" ]
	[ -z "$(on r ip route show proto 200)" ]
	router r delete --all
	[ -z "$output" ]
}

@test "a captured address is taken off the NIC; the primary and other secondaries stay" {
	one_host
	on r ip addr add 10.77.60.7/24 dev lan0
	on r ip addr add 10.77.60.20/24 dev lan0
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == 'delete address 10.77.60.7/24 dev lan0  # RemoteAddressClaim/vm-7' ]]
	[ "$(on r ip -4 -br addr show dev lan0 | awk '{ print $3, $4, $5 }')" = \
		'10.77.60.2/24 10.77.60.20/24 ' ]
}

@test "a captured address that is the primary goes without its secondaries" {
	one_host
	on r ip addr flush dev lan0
	on r ip addr add 10.77.60.7/24 dev lan0
	on r ip addr add 10.77.60.2/24 dev lan0
	on r ip addr add 10.77.60.20/24 dev lan0
	on r sh -c 'echo 0 >/proc/sys/net/ipv4/conf/lan0/promote_secondaries'
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	[ "$(on r ip -4 -br addr show dev lan0 | awk '{ print $3, $4, $5 }')" = \
		'10.77.60.2/24 10.77.60.20/24 ' ]
	[ "$(on r cat /proc/sys/net/ipv4/conf/lan0/promote_secondaries)" = 0 ]
	on r ip route | grep -q '^10.77.60.0/24 dev lan0'
}

@test "a captured address is found under any prefix length and on any link" {
	one_host
	on r ip link add other0 type bridge
	on r ip link set other0 up
	on r ip addr add 10.77.60.7/32 dev other0
	on r ip addr add 10.77.60.7/24 dev lan0
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	[ -z "$(on r ip -o addr | grep -w 10.77.60.7)" ]
}

@test "a failing op names object, item and reason; the others are done; exit 1" {
	one_host
	claim 10.77.60.8 nope0 >>"$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	[[ $output == *"r.yaml:"*": RemoteAddressClaim/vm-8: cannot add sysctl net.ipv4.conf.nope0.send_redirects=0: this machine has no interface 'nope0'"* ]]
	[[ $output == *'operations failed'* ]]
	on r ip neigh show proxy | grep -q 10.77.60.7
	on r ip route | grep -q '^10.77.60.8 dev wg-hybrid'
	on r nft list table inet routerd_mss >/dev/null
	sed -i 's/nope0/lan0/' "$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
}

@test "an interface mistyped: plan says so, one line of apply, and the old capture stays" {
	one_host
	cp "$RUN/r.yaml" "$RUN/one.yaml"
	claim 10.77.60.8 >>"$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	cp "$RUN/one.yaml" "$RUN/r.yaml"
	sed -i 's/interface: lan0/interface: lna0/' "$RUN/r.yaml"
	router r plan -f "$RUN/r.yaml"
	[[ $output == *"apply will fail here: this machine has no interface 'lna0'"* ]]
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	[ "$(grep -c "this machine has no interface 'lna0'" <<<"$output")" -le 2 ]
	on r ip neigh show proxy | grep -q '10.77.60.7 dev lan0'
	[ -z "$(on r ip neigh show proxy | grep 10.77.60.8)" ] # nobody takes its place
	sed -i 's/interface: lna0/interface: lan0/' "$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	[ -z "$output" ]
}

@test "what an apply undoes by the way is done again before it ends" {
	one_host
	router r apply -f "$RUN/r.yaml"
	awk 'BEGIN { RS = "---\n"; ORS = "---\n" } !/IPv4StaticAddress/' "$RUN/r.yaml" >"$RUN/without.yaml"
	router r apply -f "$RUN/without.yaml"
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == 'delete address 10.252.0.2/32 dev wg-hybrid' ]]
	on r ip route | grep -q '^10.77.60.7 dev wg-hybrid'
	router r apply -f "$RUN/without.yaml"
	[ -z "$output" ]
}

@test "routes that need each other, in whatever order" {
	one_host
	cat >>"$RUN/r.yaml" <<-END
		---
		apiVersion: net.routerd.net/v1alpha1
		kind: IPv4Route
		metadata: { name: far }
		spec: { destination: 10.0.0.0/8, device: lan0, gateway: 192.0.2.1 }
		---
		apiVersion: net.routerd.net/v1alpha1
		kind: IPv4Route
		metadata: { name: gateway }
		spec: { destination: 192.0.2.1/32, device: lan0 }
	END
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	on r ip route | grep -q '^10.0.0.0/8 via 192.0.2.1 dev lan0'
}

@test "a point-to-point address is removed too; a route of ours made unreachable is put right" {
	one_host
	on r ip addr add 10.77.60.7 peer 10.77.60.1/32 dev lan0
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	[ -z "$(on r ip -o addr | grep -w 10.77.60.7)" ]
	on r ip route replace unreachable 10.77.60.7/32 proto 200
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	on r ip route | grep -q '^10.77.60.7 dev wg-hybrid'
}

@test "a sysctl that the kernel shows otherwise is compared as a number, or refused" {
	one_host
	cat >>"$RUN/r.yaml" <<-END
		---
		apiVersion: net.routerd.net/v1alpha1
		kind: Sysctl
		metadata: { name: ttl }
		spec: { key: net.ipv4.ip_default_ttl, value: "0x41" }
	END
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	router r apply -f "$RUN/r.yaml"
	[ -z "$output" ]
	sed -i 's/key: .*/key: net.ipv4.ip_local_reserved_ports, value: "8080,8081" }/' "$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	[[ $output == *"Sysctl/ttl"*"the kernel took '8080,8081' and shows '8080-8081'; write it so"* ]]
}

@test "somebody else's lock on the namespace does not stop apply" {
	one_host
	on r setpriv --reuid 65534 --regid 65534 --clear-groups flock /proc/self/ns/net sleep 20 3>&- &
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	[ "$(on r stat -c %a /run/routerd/netns-"$(on r stat -Lc %i /proc/self/ns/net)".lock)" = 600 ]
}

@test "the kernel's own words reach the operator" {
	one_host
	cat >>"$RUN/r.yaml" <<-END
		---
		apiVersion: net.routerd.net/v1alpha1
		kind: IPv4Route
		metadata: { name: far }
		spec: { destination: 192.0.2.0/24, device: lan0, gateway: 172.31.0.1 }
	END
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	[[ $output == *'IPv4Route/far: cannot add route 192.0.2.0/24 via 172.31.0.1 dev lan0: Nexthop has invalid gateway (Network is unreachable)'* ]]
}

@test "a foreign route to the same address is not replaced" {
	one_host
	on r ip route add 10.77.60.7/32 dev lan0 proto static
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	[[ $output == *"there is another 'route 10.77.60.7/32 dev lan0', of protocol 4"* ]]
	on r ip route | grep -q '^10.77.60.7 dev lan0 proto static'
	[ -z "$(on r ip route show proto 200)" ]
}

@test "a foreign table of our name is not touched" {
	one_host
	on r nft add table inet routerd_mss
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	[[ $output == *"nft delete table inet routerd_mss"* ]]
	[ "$(on r nft -s list table inet routerd_mss | wc -l)" -eq 2 ]
	on r nft delete table inet routerd_mss
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
}

@test "an interface of our name that we did not make is not touched" {
	one_host
	on r ip link add wg-hybrid type bridge
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	[[ $output == *"there is a 'wg-hybrid' that is no WireGuard interface"* ]]
	on r ip -d link show wg-hybrid | grep -q bridge
}

@test "a WireGuard interface with peers that we did not make is not touched" {
	one_host
	router r apply -f "$RUN/r.yaml"
	on r ip link set wg-hybrid alias ''
	on r wg set wg-hybrid peer "$KEY_B" allowed-ips 192.0.2.9/32
	router r delete --all
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	[[ $output == *"'wg-hybrid' that routerd did not make"* ]]
	on r wg show wg-hybrid peers | grep -qF "$KEY_B"
	on r ip link set wg-hybrid alias routerd:v1:
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	run ! grep -qF "$KEY_B" <(on r wg show wg-hybrid peers)
}

@test "foreign allowed IPs and peers on a link of ours go" {
	one_host
	router r apply -f "$RUN/r.yaml"
	on r wg set wg-hybrid peer "$KEY_B" allowed-ips 192.0.2.9/32
	router r apply -f "$RUN/r.yaml"
	[ "$output" = "delete peer $KEY_B dev wg-hybrid" ]
}

@test "an exclusive address is alone on its link" {
	one_host
	on r ip addr add 192.0.2.1/24 dev lan0
	sed -i '/^kind: IPv4StaticAddress/,/^---/s/10.252.0.2\/32 /10.252.0.2\/32, exclusive: true /' "$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	on r ip addr add 10.252.0.9/32 dev wg-hybrid
	router r apply -f "$RUN/r.yaml"
	[ "$output" = 'delete address 10.252.0.9/32 dev wg-hybrid' ]
	on r ip addr show dev lan0 | grep -q 192.0.2.1
}

@test "bad input changes nothing" {
	one_host
	echo 'spec: {' >>"$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	run ! wg_link
	[ ! -e "$RUN/wg.key" ]
	[ "$(on r cat /proc/sys/net/ipv4/ip_forward)" = 0 ]
}

@test "default paths: router.yaml and conf.d" {
	one_host
	router r apply
	[ "$status" -eq 1 ]
	[[ $output == *'/etc/routerd/router.yaml'*'-f FILE'* ]]
	base >"$RUN/base.yaml"
	claim 10.77.60.7 | sed 1d >"$RUN/claim.yaml"
	on r cp "$RUN/base.yaml" /etc/routerd/router.yaml
	on r mkdir /etc/routerd/conf.d
	on r cp "$RUN/claim.yaml" /etc/routerd/conf.d/vm-7.yaml
	on r cp "$RUN/claim.yaml" /etc/routerd/conf.d/ignored.txt
	router r apply
	[ "$status" -eq 0 ]
	on r ip neigh show proxy | grep -q 10.77.60.7
	on r cp "$RUN/claim.yaml" /etc/routerd/conf.d/z.yaml
	router r apply
	[ "$status" -eq 1 ]
	[[ $output == *'/etc/routerd/conf.d/z.yaml:2:7: error: RemoteAddressClaim/vm-7 is here twice; the first is /etc/routerd/conf.d/vm-7.yaml:2'* ]]
}

@test "plan and validate need no rights, and say what they could not see" {
	one_host
	chmod -R a+rX "$RUN" "${RUN%/*}" "${RUN%/*/*}"
	router r apply -f "$RUN/r.yaml"
	run on r setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all \
		env ASAN_OPTIONS=detect_leaks=0 "$ROUTERCTL" validate -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	on r ip route del 10.77.60.7
	run on r setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all \
		env ASAN_OPTIONS=detect_leaks=0 "$ROUTERCTL" plan -f "$RUN/r.yaml"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == 'note: without root these cannot be seen'*peer*allowed-ip*clamp ]]
	[[ ${lines[1]} == 'add route 10.77.60.7/32'* ]]
	[ "${#lines[@]}" -eq 2 ]
	run on r setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all \
		env ASAN_OPTIONS=detect_leaks=0 "$ROUTERCTL" apply -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	[[ $output == *'needs root'* ]]
}

@test "a plan in JSON names op, item and object" {
	one_host
	router r plan -o json -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	jq -e '.ops[] | select(.item.type == "proxy") | .verb == "add" and
		.item.address == "10.77.60.7" and .object == "RemoteAddressClaim/vm-7"' <<<"$output"
	router r apply -o json -f "$RUN/r.yaml"
	jq -e '[.ops[].error // empty] == []' <<<"$output"
	router r apply -o json -f "$RUN/r.yaml"
	jq -e '.ops == []' <<<"$output"
}

@test "two applies at once: one after the other, and the result is whole" {
	one_host
	for _ in 1 2 3 4 5; do
		on r "$ROUTERCTL" delete --all >/dev/null
		on r "$ROUTERCTL" apply -f "$RUN/r.yaml" >"$RUN/1" 2>&1 &
		first=$!
		on r "$ROUTERCTL" apply -f "$RUN/r.yaml" >"$RUN/2" 2>&1
		wait "$first"
		tail -n +1 "$RUN/1" "$RUN/2"
		[ "$(cat "$RUN/1" "$RUN/2" | grep -c 'add link')" -eq 1 ]
	done
	router r apply -f "$RUN/r.yaml"
	[ -z "$output" ]
}

@test "killed at any moment, the next apply makes it whole" {
	one_host
	for i in $(seq 100 150); do claim "10.77.60.$i"; done >>"$RUN/r.yaml"
	for delay in 0.01 0.02 0.03 0.04 0.05 0.06 0.08 0.10 0.13; do
		on r "$ROUTERCTL" delete --all >/dev/null
		on r timeout -s KILL "$delay" "$ROUTERCTL" apply -f "$RUN/r.yaml" >/dev/null 2>&1 || true
		router r apply -f "$RUN/r.yaml"
		[ "$status" -eq 0 ]
		router r apply -f "$RUN/r.yaml"
		[ -z "$output" ]
	done
}

@test "a full disk under the output is an error, after the work is done" {
	one_host
	run on r sh -c "'$ROUTERCTL' apply -f '$RUN/r.yaml' >/dev/full"
	[ "$status" -eq 1 ]
	[[ $output == *'standard output: No space left on device'* ]]
	wg_link
}

@test "a capture begins with a gratuitous ARP" {
	one_host
	on peer timeout 10 tcpdump -lnn -i lan0 -c 1 'arp and host 10.77.60.7' >"$RUN/arp" 2>"$RUN/err" 3>&- &
	dump=$!
	until_ok grep -q 'listening on' "$RUN/err"
	router r apply -f "$RUN/r.yaml"
	wait "$dump"
	grep -q 'Request who-has 10.77.60.7 (Broadcast) tell 10.77.60.7\|Announcement 10.77.60.7\|who-has 10.77.60.7.*tell 10.77.60.7' "$RUN/arp"
}

@test "a HybridRoute goes to its table, a blackhole to nowhere, an Interface is set up" {
	one_host
	cat >>"$RUN/r.yaml" <<-END
		---
		apiVersion: hybrid.routerd.net/v1alpha1
		kind: HybridRoute
		metadata: { name: site }
		spec: { destinationCIDRs: [10.88.0.0/16, 10.252.0.1/32], peerRef: cloud, install: { table: 1000, metric: 50 } }
		---
		apiVersion: net.routerd.net/v1alpha1
		kind: IPv4Route
		metadata: { name: drop }
		spec: { destination: 10.88.0.0/16, type: blackhole, metric: 4000 }
		---
		apiVersion: net.routerd.net/v1alpha1
		kind: Interface
		metadata: { name: lan }
		spec: { ifname: lan0, managed: true, adminUp: true, mtu: 1400 }
		---
		apiVersion: net.routerd.net/v1alpha1
		kind: Sysctl
		metadata: { name: rmem }
		spec: { key: net.ipv4.udp_rmem_min_nonsense, value: 1, optional: true }
	END
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	on r ip route show table 1000 | grep -q '^10.88.0.0/16 dev wg-hybrid proto 200 .*metric 50'
	on r ip route | grep -q '^blackhole 10.88.0.0/16 proto 200 metric 4000'
	on r ip -o link show lan0 | grep -q 'mtu 1400'
	router r apply -f "$RUN/r.yaml"
	[ -z "$output" ]
	router r delete --all
	[ "$status" -eq 0 ]
	[ -z "$(on r ip route show table 1000)" ]
	[ -z "$(on r ip route show type blackhole)" ]
}
