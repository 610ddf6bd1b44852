# How a packet goes through a node: what path says, and that packets do so.

load ../lib/bats

# A pair that talks, both ways.
talking() {
	pair_new
	pair_configs
	apply_pair
	pings cc 10.77.60.9
	pings oc 10.77.60.7
}

# path SITE ARGS...: leaves $status and $RUN/path.json, whose form is always the same.
path() {
	local site=$1 file=$RUN/onprem.yaml
	shift
	[ "$site" = cr ] && file=$RUN/cloud.yaml
	[ "$site" = r ] && file=$RUN/r.yaml
	status=0
	on "$site" timeout 60 "$ROUTERCTL" path -o json -f "$file" "$@" >"$RUN/path.json" || status=$?
	jq -r '.hops[] | "\(.step) \(.ok): \(.detail)\n\t\(.remedy)"' "$RUN/path.json"
	jq -e 'keys == ["from", "hops", "to", "verdict"] and (.verdict | IN("passes", "dropped", "unsure")) and
		all(.hops[]; keys == ["detail", "object", "ok", "remedy", "step"] and (.ok | IN(true, false, null)) and
			([.detail, .object, .remedy, .step | type] | unique) == ["string"]) and
		(.verdict == "passes") == all(.hops[]; .ok) and (.verdict == "dropped") == (.hops[-1].ok == false) and
		all(.hops[:-1][]; .ok != false)' "$RUN/path.json" >/dev/null
	[ "$(jq .verdict "$RUN/path.json")" = '"passes"' ] && [ "$status" -eq 0 ] || [ "$status" -eq 1 ]
	jq -r '.hops[].remedy | select(test("^(set spec[.]|edit |by hand: )") | not)' "$RUN/path.json" | sh -n
}

verdict() { [ "$(jq -r .verdict "$RUN/path.json")" = "$1" ]; }

hop() { # hop STEP OK [PATTERN]
	jq -en --arg s "$1" --argjson o "$2" --arg p "${3-}" \
		'any(input.hops[]; .step == $s and .ok == $o and (.detail | test($p)))' "$RUN/path.json" >/dev/null
}

drops() { # drops STEP PATTERN: the packet ends there, and so says the last hop
	verdict dropped
	jq -e --arg s "$1" --arg p "$2" '.hops[-1] | .step == $s and (.detail | test($p)) and .remedy != ""' \
		"$RUN/path.json" >/dev/null
}

remedy() { jq -r 'last(.hops[] | select(.ok != true)).remedy' "$RUN/path.json"; }

cure() { # cure SITE: what the remedy says, as a shell reads it
	echo "cure: $(remedy)"
	on "$1" env PATH="${ROUTERCTL%/*}:$PATH" sh -c "$(remedy)" >/dev/null
}

silent() { run ! on "$1" ping -c 2 -i 0.2 -W 1 -q "$2"; }

# again SITE ADDRESS: all is well, and packets agree.
again() {
	path "$@"
	verdict passes
	on oc ip neigh flush dev eth0
	pings oc 10.77.60.7
}

@test "to each address that a node knows, and back" {
	talking
	path or 10.77.60.7 --from 10.77.60.9
	verdict passes
	[ "$(jq -c '[.hops[].step]' "$RUN/path.json")" = '["sender","capture","forwarding","rp_filter","route","firewall","mss","tunnel","peer","underlay","handshake","reply-forwarding","reply-rp_filter","reply-route","reply-firewall","reply-delivery"]' ]
	[ "$(jq -r '.from + " " + .to' "$RUN/path.json")" = '10.77.60.9 10.77.60.7' ]
	hop capture true 'comes in by ens21: this node answers ARP for 10.77.60.7 there .proxy neighbour., as RemoteAddressClaim/cloud-vm-7 asks; no link here holds'
	hop route true 'leaves by wg-hybrid: route 10.77.60.7/32 dev wg-hybrid .table main, metric 0, routerd.s. wins'
	hop mss true 'MSS 1300 both ways through wg-hybrid, by table inet routerd_mss: packets of 1340 bytes'
	hop tunnel true 'wg-hybrid, the way to OverlayPeer/cloud-main, is up; its MTU is 1420'
	hop peer true "allowed IP 10.77.60.7/32 of WireGuardPeer/cloud-main .*: peer $(on cr wg show wg-hybrid public-key | sed 's/[+]/[+]/g')$"
	hop underlay true '203.0.113.20 by under, whose 1500 bytes leave room for 1440'
	hop handshake true 'WireGuardPeer/cloud-main is at 203.0.113.20:51820; the last handshake was [0-9]+ s ago'
	hop reply-route true 'leaves by ens21: route 10.77.60.0/24 dev ens21'
	hop reply-delivery true '10.77.60.9, whose MAC is known'
	[ "$(jq -r '.hops[] | select(.step == "capture").object' "$RUN/path.json")" = RemoteAddressClaim/cloud-vm-7 ]

	path or 10.77.60.7 # nobody is named
	verdict passes
	hop sender true '^10.77.60.1: .*chosen, as --from names none'

	path or 10.77.60.9 # lives here, so it comes by the tunnel
	verdict passes
	hop sender true '^10.77.60.7: behind wg-hybrid, by RemoteAddressClaim/cloud-vm-7; chosen'
	jq -e '[.hops[].step][1:6] == ["tunnel", "peer", "underlay", "handshake", "forwarding"]' "$RUN/path.json"
	hop peer true '10.77.60.7/32'
	hop route true 'leaves by ens21'
	hop delivery true '10.77.60.9, whose MAC is known'
	hop reply-capture true 'answers ARP for 10.77.60.7'
	hop reply-route true 'leaves by wg-hybrid'

	path cr 10.77.60.9 --from 10.77.60.7 # captured by the provider
	verdict passes
	hop capture true 'comes in by eth0: azure attaches 10.77.60.9 .*only the provider can tell'

	path or 10.252.0.1 # another's overlay address
	verdict passes
	hop sender true '^10.252.0.2: this machine.s own, of wg-hybrid; chosen'
	hop firewall true 'ICMP echo'
	hop peer true '10.252.0.1/32'
	on or ping -c 1 -W 2 -q -I 10.252.0.2 10.252.0.1
	path or 10.252.0.2 # its own
	verdict passes
	hop route true '10.252.0.2 is an address of this machine.s own wg-hybrid'
	path or 10.77.60.2
	verdict passes

	run on or "$ROUTERCTL" path -f "$RUN/onprem.yaml" 10.77.60.7
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == ' 1  sender            ok      10.77.60.1: '* && $output != *$'\033'* ]]
	[[ ${lines[-1]} == '10.77.60.1 to 10.77.60.7: passes' ]]
	run on or "$ROUTERCTL" path -o yaml -f "$RUN/onprem.yaml" 10.77.60.7
	[[ $output == *'verdict: "passes"'*'- step: "sender"'*'ok: true'* ]]
}

@test "an address that nobody here knows, and the nearest that somebody does" {
	one_host
	router r apply -f "$RUN/r.yaml"
	path r 10.77.61.7
	drops capture 'nobody here knows 10.77.61.7: .*; nearest is AddressMobilityDomain/lab .*r.yaml:[0-9]+.*, 10.77.60.0/24'
	path r 10.252.0.9
	drops capture 'nobody here knows'
	printf 'apiVersion: routerd.net/v1alpha1\nkind: Router\nmetadata: { name: r }\nspec: { resources: [] }\n' >"$RUN/r.yaml"
	path r 10.77.60.7
	drops capture 'do not come in here$'
	path r 10.77.60.2 # its own, but there is nobody to talk to
	verdict unsure
	hop sender null 'no sender fits'
	run on r "$ROUTERCTL" path -f "$RUN/r.yaml" 10.77.60.7
	[ "$status" -eq 1 ]
	[[ ${lines[-1]} == '10.77.60.7: dropped at hop 1, capture' ]]
}

@test "what is no question is wrong usage, and what cannot be read is said" {
	one_host
	for words in '' 'db' '10.77.60.0/24' '::1' '127.0.0.1' '224.0.0.1' '0.0.0.0' '10.77.60.7 10.77.60.8' \
		'10.77.60.7 --from x' '10.77.60.7 --from 10.77.60.7'; do
		# shellcheck disable=SC2086
		router r path -f "$RUN/r.yaml" $words
		[ "$status" -eq 2 ]
		[[ $output == routerctl:* ]]
	done
	router r path $'\033[2J'
	[[ $output == *'\x1b[2J'* && $output != *$'\033'* ]]
	router r validate --from 10.77.60.7
	[ "$status" -eq 2 ]
	router r path --help
	[ "$status" -eq 0 ]
	[[ $output == *'path '*'how a packet'*'--from ADDRESS'* ]]
	router r path -f "$RUN/none.yaml" 10.77.60.7
	[ "$status" -eq 1 ]
	[[ $output == *none.yaml*'No such file'* ]]
}

@test "it changes nothing and runs no program" {
	command -v strace >/dev/null || skip 'there is no strace here'
	one_host
	router r apply -f "$RUN/r.yaml"
	state() {
		on r sh -c 'ip -4 -d addr; ip -4 route show table all; ip neigh show; ip neigh show proxy; nft list ruleset;
			wg showconf wg-hybrid; find /etc/routerd /run'
	}
	state >"$RUN/before"
	on r env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -e trace=execve,unlink,unlinkat,rename,mkdir -o "$RUN/calls" \
		"$ROUTERCTL" path -f "$RUN/r.yaml" 10.77.60.7 >/dev/null || true
	[ "$(grep -c execve "$RUN/calls")" -eq 1 ]
	[ "$(grep -cE 'unlink|rename|mkdir' "$RUN/calls")" -eq 0 ]
	state | diff "$RUN/before" -
}

@test "without root: what can be seen is said, what cannot too" {
	talking
	chmod -R a+rX "$BATS_RUN_TMPDIR"
	on or setpriv --reuid 65534 --clear-groups "$ROUTERCTL" path -o json -f "$RUN/onprem.yaml" 10.77.60.7 \
		>"$RUN/path.json" || status=$?
	[ "$status" -eq 1 ]
	verdict unsure
	hop capture true 'answers ARP'
	hop route true 'leaves by wg-hybrid'
	hop firewall null 'only root'
	hop mss null 'only root'
	hop peer null 'only root'
	hop handshake null 'only root'
	hop reply-route true ens21
}

@test "it is not captured: no proxy neighbour, an address that the system holds" {
	talking
	on or ip neigh del proxy 10.77.60.7 dev ens21
	on oc ip neigh flush dev eth0
	silent oc 10.77.60.7
	path or 10.77.60.7
	drops capture 'nobody answers ARP for 10.77.60.7 on ens21, as RemoteAddressClaim/cloud-vm-7 .*onprem.yaml:[0-9]+'
	path or 10.77.60.9 # and what answers it meets the same
	drops reply-capture 'nobody answers ARP'
	on or ip neigh add proxy 10.77.60.7 dev under # where nobody asks
	silent oc 10.77.60.7
	path or 10.77.60.7
	drops capture 'nobody answers ARP for 10.77.60.7 on ens21'
	cure or
	on or ip neigh del proxy 10.77.60.7 dev under
	again or 10.77.60.7

	on or ip addr add 10.77.60.7/32 dev ens21
	on oc ping -c 1 -W 2 10.77.60.7 | grep ttl=64 # the router itself
	path or 10.77.60.7
	drops capture '10.77.60.7, which RemoteAddressClaim/cloud-vm-7 .* captures, is an address of this machine.s own ens21'
	path or 10.77.60.7 --from 192.0.2.9 # whoever asks
	drops capture 'own ens21'
	path or 10.77.60.9 # from there nothing is taken
	drops capture 'own ens21'
	silent cc 10.77.60.9
	path or 10.77.60.7
	cure or
	again or 10.77.60.7
}

@test "of two domains that an address is in, the narrow one counts" {
	talking
	cat - "$RUN/onprem.yaml" >"$RUN/both.yaml" <<-'END'
		apiVersion: hybrid.routerd.net/v1alpha1
		kind: AddressMobilityDomain
		metadata: { name: wide }
		spec: { prefix: 10.77.0.0/16, peerRef: cloud-main }
		---
	END
	mv "$RUN/both.yaml" "$RUN/onprem.yaml"
	path or 10.77.60.7
	verdict passes
	on or ip neigh del proxy 10.77.60.7 dev ens21
	path or 10.77.60.7
	drops capture 'nobody answers ARP'
}

@test "it is not captured: the interface is down, is not there, is another" {
	talking
	on or ip link set ens21 down
	silent oc 10.77.60.7
	path or 10.77.60.7
	drops capture 'ens21, on which RemoteAddressClaim/cloud-vm-7 .* is captured, is down'
	cure or
	on or ip route add default via 10.77.60.1
	until_ok on or sh -c 'ip link show ens21 | grep LOWER_UP | grep "state UP"'
	again or 10.77.60.7
	on ol ip link set to-or down
	silent oc 10.77.60.7
	path or 10.77.60.7
	drops capture 'has no carrier'
	on ol ip link set to-or up
	until_ok on or sh -c 'ip link show ens21 | grep LOWER_UP | grep "state UP"'
	path or 10.77.60.7
	drops capture 'nobody answers ARP' # these went with the carrier
	cure or
	again or 10.77.60.7

	sed -i 's/interface: ens21/interface: ens19/' "$RUN/onprem.yaml"
	on or ip neigh del proxy 10.77.60.7 dev ens21
	on oc ip neigh flush dev eth0
	silent oc 10.77.60.7
	path or 10.77.60.7
	drops capture "no interface 'ens19', on which .* of 10.77.60.0/24 are: ens21"
	[[ $(remedy) == 'set spec.capture.interface: ens21 in RemoteAddressClaim/cloud-vm-7 '* ]]
	sed -i 's/interface: ens19/interface: under/' "$RUN/onprem.yaml"
	router or apply -f "$RUN/onprem.yaml"
	[ "$status" -eq 0 ]
	silent oc 10.77.60.7
	path or 10.77.60.7
	drops capture 'under, on which .* is not on 10.77.60.0/24, so nobody asks there; of that are: ens21'
	sed -i 's/interface: under/interface: ens21/' "$RUN/onprem.yaml"
	router or apply -f "$RUN/onprem.yaml"
	again or 10.77.60.7
}

@test "forwarding is off, for all or for one interface" {
	talking
	on or sysctl -qw net.ipv4.ip_forward=0
	silent oc 10.77.60.7
	path or 10.77.60.7
	drops forwarding 'ip_forward is off, for ens21 too'
	cure or
	again or 10.77.60.7
	on or sysctl -qw net.ipv4.conf.ens21.forwarding=0
	silent oc 10.77.60.7
	path or 10.77.60.7
	drops forwarding 'off for what comes in by ens21'
	cure or
	again or 10.77.60.7
	on or sysctl -qw net.ipv4.conf.wg-hybrid.forwarding=0
	silent oc 10.77.60.7 # no answer comes back
	path or 10.77.60.7
	drops reply-forwarding 'off for what comes in by wg-hybrid'
	cure or
	again or 10.77.60.7
}

@test "rp_filter drops what comes by another way than an answer would go" {
	talking
	on or sysctl -qw net.ipv4.conf.ens21.rp_filter=1
	again or 10.77.60.7 --from 10.77.60.9
	hop rp_filter true 'strict on ens21, and takes'
	on or ip route add 10.77.60.9/32 dev under
	silent oc 10.77.60.7
	path or 10.77.60.7 --from 10.77.60.9
	drops rp_filter 'rp_filter, strict on ens21, drops a packet from 10.77.60.9'
	cure or
	path or 10.77.60.7 --from 10.77.60.9
	hop rp_filter true loose
	verdict unsure # the way back
	hop reply-route null 'leaves by under, though the others of its subnet are on ens21: route 10.77.60.9/32 dev under'
	silent oc 10.77.60.7
	on or ip route del 10.77.60.9/32 dev under
	again or 10.77.60.7 --from 10.77.60.9
}

@test "another route wins: none of ours, a rule, a blackhole, a prohibition" {
	talking
	on or ip route del 10.77.60.7/32
	silent oc 10.77.60.7
	path or 10.77.60.7
	drops route 'should leave by wg-hybrid, but the kernel would send it out by ens21: route 10.77.60.0/24 dev ens21 .table main'
	cure or
	again or 10.77.60.7

	on or ip route add 10.77.60.0/24 dev ens21 table 77 metric 5
	on or ip rule add to 10.77.60.0/24 lookup 77
	silent oc 10.77.60.7
	path or 10.77.60.7
	drops route 'out by ens21 .table 77.*: route 10.77.60.0/24 dev ens21 table 77 metric 5 .table 77, metric 5.'
	on or ip route flush table 77

	on or ip route add blackhole 10.77.60.0/24 table 77
	silent oc 10.77.60.7
	path or 10.77.60.7
	drops route 'drop it: a blackhole comes first: route blackhole 10.77.60.0/24 table 77'
	cure or
	again or 10.77.60.7
	on or ip rule del to 10.77.60.0/24 lookup 77

	on or ip route replace blackhole 10.77.60.7/32
	silent oc 10.77.60.7
	path or 10.77.60.7
	drops route 'blackhole 10.77.60.7/32'
	cure or
	again or 10.77.60.7

	on or ip rule add iif ens21 to 10.77.60.7 prohibit
	silent oc 10.77.60.7
	path or 10.77.60.7
	drops route 'refuse it: a rule or a route'
	on or ip rule del iif ens21 to 10.77.60.7 prohibit
	again or 10.77.60.7
}

@test "the firewall: each rule that drops, by its table, chain and place, and the way past it" {
	talking
	# table FAMILY HOOK RULE STEP [NAME]: a chain with one rule in it
	blocks() {
		on or nft "add table $1 ${5-t}; add chain $1 ${5-t} c { type filter hook $2 priority 0; }; add rule $1 ${5-t} c $3"
		silent oc 10.77.60.7
		path or 10.77.60.7 --from 10.77.60.9
		drops "$4" "rule 1 .handle [0-9]+. of chain c in table $1 ${5-t} (drops|rejects) it"
		cure or
		again or 10.77.60.7 --from 10.77.60.9
		on or sh -c "nft delete table $1 ${5-t} 2>/dev/null || :"
	}
	blocks inet forward 'ip daddr 10.77.60.7 drop' firewall
	blocks ip forward 'iifname "ens21" counter reject with icmp type admin-prohibited' firewall
	blocks inet forward 'iifname "wg-hybrid" drop' reply-firewall
	blocks inet prerouting 'iifname "ens21" ip daddr 10.77.60.7 drop' firewall
	blocks inet postrouting 'oifname "wg-hybrid" drop' firewall
	blocks inet input 'udp dport 51820 drop' underlay
	blocks inet output 'udp dport 51820 drop' underlay
	blocks inet forward drop firewall routerd_filter
	hop firewall true 'no rule'
	on or nft 'add table inet routerd_filter; add chain inet routerd_filter c { type filter hook forward priority 0; policy drop; }'
	path or 10.77.60.7
	drops firewall 'the policy of chain c in table inet routerd_filter drops it; nothing asks for this table'
	[ "$(remedy)" = 'nft delete table inet routerd_filter' ]
	cure or

	# Only what is asked from the LAN may pass: the answer does.
	on or nft 'add table inet s; add chain inet s c { type filter hook forward priority 0; policy drop; }
		add rule inet s c ct state established accept; add rule inet s c iifname ens21 accept'
	again or 10.77.60.7 --from 10.77.60.9
	path or 10.77.60.9
	drops firewall 'the policy of chain c in table inet s drops it'
	silent cc 10.77.60.9
	on or nft delete table inet s

	on or nft 'add table netdev early; add chain netdev early c { type filter hook ingress device "ens21" priority 0; }'
	path or 10.77.60.7
	verdict unsure
	hop firewall null 'table netdev early'
}

@test "the tunnel: down, an allowed IP gone or with another peer, its way gone" {
	talking
	on or ip link set wg-hybrid down
	silent oc 10.77.60.7
	path or 10.77.60.7
	drops tunnel 'wg-hybrid, the way to OverlayPeer/cloud-main .*, is down'
	path or 10.77.60.9
	drops tunnel 'wg-hybrid, the way to OverlayPeer/cloud-main .*, is down'
	cure or
	again or 10.77.60.7

	on or wg set wg-hybrid peer "$(on cr wg show wg-hybrid public-key)" allowed-ips 10.252.0.1/32
	silent oc 10.77.60.7
	silent cc 10.77.60.9
	path or 10.77.60.7
	drops peer 'no peer of wg-hybrid has allowed IPs that hold 10.77.60.7'
	path or 10.77.60.9
	drops peer 'no peer of wg-hybrid'
	path or 10.252.0.1
	verdict passes
	path or 10.77.60.7
	cure or
	again or 10.77.60.7

	on or wg set wg-hybrid peer "$(wg genkey | wg pubkey)" allowed-ips 10.77.60.7/32
	silent oc 10.77.60.7
	path or 10.77.60.7
	drops peer '10.77.60.7/32 of peer .* holds 10.77.60.7, and it should be that of WireGuardPeer/cloud-main'
	cure or
	again or 10.77.60.7

	KEY_A=$(wg genkey | wg pubkey)
	cat >>"$RUN/onprem.yaml" <<-END
		---
		apiVersion: net.routerd.net/v1alpha1
		kind: WireGuardPeer
		metadata: { name: third }
		spec: { interface: wg-hybrid, publicKey: $KEY_A, allowedIPs: [10.252.0.3/32] }
	END
	router or apply -f "$RUN/onprem.yaml"
	on or wg set wg-hybrid peer "$KEY_A" allowed-ips 10.252.0.3/32,10.77.60.7/32
	silent oc 10.77.60.7
	path or 10.77.60.7
	drops peer '10.77.60.7/32 of peer WireGuardPeer/third .* holds 10.77.60.7, and it should be that of WireGuardPeer/cloud-main'
	cure or
	again or 10.77.60.7

	on or ip route replace 203.0.113.20/32 dev wg-hybrid
	path or 10.77.60.7 # WireGuard knows another way, for now
	verdict unsure
	hop underlay null 'is routed into its own tunnel; the peer was heard of lately'
	for site in cr or; do
		on $site ip link del wg-hybrid
		until_ok on $site sh -c '! test -e /run/wireguard/wg-hybrid.sock'
	done
	on or ip route replace unreachable 203.0.113.20/32
	router or apply -f "$RUN/onprem.yaml"
	silent oc 10.77.60.7
	path or 10.77.60.7
	drops underlay '203.0.113.20, the endpoint of WireGuardPeer/cloud-main .*, cannot be reached: '
	on or ip route replace 203.0.113.20/32 dev wg-hybrid
	silent oc 10.77.60.7
	path or 10.77.60.7
	drops underlay 'is routed into its own tunnel$'
	on or ip route replace 203.0.113.20/32 dev under
	apply_pair
	until_ok on oc ping -c 1 -W 1 10.77.60.7
	again or 10.77.60.7
}

@test "nobody was ever heard of, or may still be woken" {
	one_host
	on r ip route add 203.0.113.20/32 dev lan0
	on peer ip addr add 10.77.60.9/24 dev lan0
	router r apply -f "$RUN/r.yaml"
	silent peer 10.77.60.7
	path r 10.77.60.7
	drops handshake 'there was never a handshake with WireGuardPeer/cloud .*: [1-9][0-9]* bytes sent, 0 received'
	[[ $(remedy) == 'by hand: check in this order: that 203.0.113.20:51820 is right'* ]]
	sed -i '/persistentKeepalive/d' "$RUN/r.yaml"
	on r ip link del wg-hybrid
	until_ok on r sh -c '! test -e /run/wireguard/wg-hybrid.sock'
	router r apply -f "$RUN/r.yaml"
	path r 10.77.60.7
	verdict unsure
	hop handshake null 'nothing was sent to WireGuardPeer/cloud .* yet'
}

@test "a claim whose peer has no key yet, and an overlay address that is not there" {
	one_host
	sed -i '/publicKey:/d' "$RUN/r.yaml"
	path r 10.77.60.7
	drops capture 'nothing is captured for RemoteAddressClaim/vm-7 .*r.yaml:[0-9]+.: it '
	path r 10.252.0.1
	drops tunnel 'no tunnel to OverlayPeer/cloud'
	path r 10.252.0.2
	drops delivery '10.252.0.2 should be an address of this machine.s wg-hybrid, and is not there'
}

@test "a capture interface that nothing tells yet" {
	one_host
	sed -i 's/interface: lan0/interface: auto/' "$RUN/r.yaml"
	on r ip addr flush dev lan0
	router r apply -f "$RUN/r.yaml"
	silent peer 10.77.60.7
	path r 10.77.60.7
	drops capture 'nothing is captured for RemoteAddressClaim/vm-7 .*: it waits for its interface'
}

@test "the LAN: a host that is not there, and two that need no router" {
	talking
	run ! on or ping -c 1 -W 1 -q 10.77.60.55
	path or 10.77.60.55
	verdict unsure
	hop delivery null 'goes out by ens21, to 10.77.60.55, which ARP asks for, and nobody has answered yet'
	until_ok on or sh -c 'ip neigh show 10.77.60.55 | grep FAILED'
	path or 10.77.60.55
	drops delivery '10.77.60.55, which did not answer ARP'
	path or 10.77.60.9 --from 10.77.60.1
	verdict unsure
	hop capture null 'both live on this side, on ens21'
}

@test "large packets: no clamp, one that is too high, an underlay that takes less" {
	talking
	pair_black_hole 1420
	on or nft delete table inet routerd_mss
	on cr nft delete table inet routerd_mss
	run ! transfer oc cc 10.77.60.7 8 5
	pings oc 10.77.60.7
	on or nft delete table netdev black_hole
	path or 10.77.60.7
	verdict unsure
	hop mss null 'TCP through wg-hybrid should be held to MSS 1300, and table inet routerd_mss does not do that'
	cure or
	on cr "$ROUTERCTL" apply -f "$RUN/cloud.yaml"
	[ "$(transfer oc cc 10.77.60.7 8 20)" = 10.77.60.9 ]
	again or 10.77.60.7
	on or ip link set under mtu 1300
	run ! on oc ping -c 1 -W 2 -M do -s 1400 10.77.60.7
	path or 10.77.60.7
	verdict unsure
	hop mss null 'held to MSS 1300, but 1300 bytes of under leave room for 1192 only'
	[[ $(remedy) == 'set spec.underlay.mtu: '* ]]
}

@test "a HybridRoute's addresses, and a sender of somewhere else" {
	talking
	cat >>"$RUN/onprem.yaml" <<-END
		---
		apiVersion: hybrid.routerd.net/v1alpha1
		kind: HybridRoute
		metadata: { name: part }
		spec: { destinationCIDRs: [172.20.5.0/24], peerRef: cloud-main, install: { table: 254, metric: 8 } }
		---
		apiVersion: hybrid.routerd.net/v1alpha1
		kind: HybridRoute
		metadata: { name: far }
		spec: { destinationCIDRs: [172.20.0.0/16], peerRef: cloud-main, install: { table: 254, metric: 7 } }
	END
	on cr ip addr add 172.20.0.1/32 dev lo
	on cc ip addr add 172.20.0.7/32 dev lo
	router or apply -f "$RUN/onprem.yaml"
	[ "$status" -eq 0 ]
	path or 172.20.0.1
	verdict passes
	hop route true '172.20.0.0/16 dev wg-hybrid metric 7 .table main, metric 7, routerd.s. wins'
	hop peer true '172.20.0.0/16'
	hop capture true 'nothing is captured for it'
	path or 172.20.5.1
	hop route true '172.20.5.0/24 dev wg-hybrid metric 8'
	[ "$(jq -r '.hops[] | select(.step == "route").object' "$RUN/path.json")" = HybridRoute/part ]
	path or 10.77.60.7 --from 192.0.2.9
	verdict passes
	hop sender true '^192.0.2.9: nobody here knows it; this machine looks for it on ens21'
}
