# Each thing that goes wrong in the field: doctor finds it, and its remedy mends it.

load ../lib/bats
load ../lib/doctor

# one_host, applied, with a way to its endpoint: nothing fails there.
well() {
	one_host
	on r ip route add 203.0.113.20/32 dev lan0
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
}

@test "a machine that is well fails nothing, and the JSON keeps its shape" {
	well
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	jq -e '.summary | keys == ["fail", "overall", "pass", "skip", "warn"] and .fail == 0' "$RUN/doctor.json"
	jq -e 'all(.checks[]; keys == ["area", "detail", "name", "remedy", "status"])' "$RUN/doctor.json"
	jq -e '.summary as $s | [.checks[].status] | (map(select(. == "pass")) | length) == $s.pass' "$RUN/doctor.json"
	jq -e '["config", "hybrid", "wireguard", "sysctl", "mtu", "provider", "host"] - [.checks[].area] == []' \
		"$RUN/doctor.json"
	for check in valid applied; do says config $check pass; done
	for check in capture-interface tunnel captured-address delivery-route route-lookup proxy-neighbour; do
		says hybrid $check pass
	done
	for check in interface private-key allowed-ips overlay-address clock; do says wireguard $check pass; done
	for check in ip_forward send_redirects proxy_delay rp_filter proxy_arp; do says sysctl $check pass; done
	says mtu clamp pass
	says mtu underlay pass
	says mtu path skip -- --probe
	jq -e '.summary.overall == "warn"' "$RUN/doctor.json" # no daemon
	doctor r -f "$RUN/r.yaml" mtu
	jq -e '.summary | .overall == "pass" and .skip == 1' "$RUN/doctor.json"

	router r doctor -f "$RUN/r.yaml" sysctl
	[ "$status" -eq 0 ]
	[[ $output != *hybrid* && $output != *$'\033'* ]]
	[[ ${lines[-1]} == '5 pass, 0 warn, 0 fail, 0 skip' ]]
	run on r env TERM=xterm timeout 20 socat -u \
		EXEC:"$ROUTERCTL doctor -f $RUN/r.yaml sysctl",pty STDOUT 3>&- 4>&-
	[[ $output == *$'\033[32mpass\033[m'* ]]
	router r doctor -o yaml -f "$RUN/r.yaml" sysctl
	[[ $output == *'overall: "pass"'* ]]
}

@test "it changes nothing and runs no program" {
	command -v strace >/dev/null || skip 'there is no strace here'
	well
	state() {
		on r sh -c 'ip -4 -d addr; ip -4 route show table all; ip neigh show proxy; nft list ruleset;
			wg showconf wg-hybrid; cat /proc/sys/net/ipv4/conf/*/rp_filter; find /etc/routerd /run'
	}
	state >"$RUN/before"
	on r env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -e trace=execve,unlink,unlinkat,rename,mkdir -o "$RUN/calls" \
		"$ROUTERCTL" doctor --probe -f "$RUN/r.yaml" >/dev/null
	[ "$(grep -c execve "$RUN/calls")" -eq 1 ]
	[ "$(grep -cE 'unlink|rename|mkdir' "$RUN/calls")" -eq 0 ]
	state | diff "$RUN/before" -
}

has_kernel_wireguard() { on r ip link add trial type wireguard && on r ip link del trial; }

@test "what the kernel must have is tried, in a network of its own" {
	local before
	site_new r
	before=$(ip -o link | cut -d: -f2 | sort)
	doctor r host
	says host nf_tables pass
	if has_kernel_wireguard; then says host wireguard pass 'this kernel makes'; else says host wireguard pass wireguard-go; fi
	[ "$(ip -o link | cut -d: -f2 | sort)" = "$before" ]
	[ -z "$(on r nft list tables)" ]
	[ "$(on r ip -o link | wc -l)" -eq 1 ]
}

@test "a kernel without WireGuard: wireguard-go in its stead, or the command that installs it" {
	local program
	site_new r
	! has_kernel_wireguard || skip 'this kernel has WireGuard'
	program=$(command -v wireguard-go)
	on r mount --bind /dev/null "$program"
	doctor r host
	[ "$status" -eq 1 ]
	says host wireguard fail 'wireguard-go is not installed'
	[ "$(remedy host wireguard)" = 'apt-get install -y wireguard-go' ]
	on r umount "$program"
	on r mount -t tmpfs net /dev/net
	doctor r host
	[ "$status" -eq 1 ]
	says host wireguard fail '/dev/net/tun.*No such file'
	on r umount /dev/net
	doctor r host
	[ "$status" -eq 0 ]
}

@test "a kernel without nf_tables, one that tells nobody, and somebody who may not try" {
	command -v strace >/dev/null || skip 'there is no strace here'
	site_new r
	# trial SYSCALL ERROR WHEN: as if the kernel said so; the second socket is nf_tables'.
	trial() {
		status=0
		on r env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o /dev/null -e trace="$1" \
			-e inject="$1:error=$2:when=$3" "$ROUTERCTL" doctor -o json host >"$RUN/doctor.json" || status=$?
	}
	trial socket EPROTONOSUPPORT 2
	[ "$status" -eq 1 ]
	says host nf_tables fail 'has no nf_tables'
	[ "$(remedy host nf_tables)" = 'modprobe nf_tables' ]
	says host wireguard pass
	trial unshare EPERM 1+
	says host nf_tables skip 'CAP_SYS_ADMIN'
	says host wireguard skip 'CAP_SYS_ADMIN'
	trial unshare ENOSPC 1+
	[ "$status" -eq 1 ]
	says host nf_tables fail 'No space left'
	on r setpriv --reuid 65534 --clear-groups "$ROUTERCTL" doctor -o json host >"$RUN/doctor.json" || true
	says host nf_tables skip 'only root'
	says host wireguard skip 'only root'
}

@test "a captured address that some agent puts back while no daemon runs" {
	well
	on r ip addr add 10.77.60.7/32 dev lan0
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	says hybrid captured-address fail '10.77.60.7.*RemoteAddressClaim/vm-7 \(.*r.yaml:[0-9]+\).*lan0'
	[ "$(remedy hybrid captured-address)" = "routerctl apply -f $RUN/r.yaml" ]
	run ! says hybrid route-lookup fail # one cause, one row
	cure r hybrid captured-address
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	says hybrid captured-address pass
}

@test "a capture interface that does not exist, and the one that was meant" {
	one_host
	on r ip route add 203.0.113.20/32 dev lan0
	sed -i 's/interface: lan0/interface: ens19/' "$RUN/r.yaml"
	claim 10.77.60.8 ens19 >>"$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	says hybrid capture-interface fail "no interface 'ens19'.*1 other claim.*10.77.60.0/24 are: lan0"
	run ! says hybrid proxy-neighbour pass
	run ! says firewall forward pass
	says firewall forward skip "no interface 'ens19'.*between it and wg-hybrid"
	edit hybrid capture-interface
	sed -i 's/interface: ens19/interface: lan0/' "$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	says hybrid capture-interface pass
}

@test "a missing interface named by an Interface object is mended there" {
	one_host
	on r ip route add 203.0.113.20/32 dev lan0
	sed -i 's/interface: lan0/interface: lan/' "$RUN/r.yaml"
	printf -- '---\n%s\n' 'apiVersion: net.routerd.net/v1alpha1' 'kind: Interface' \
		'metadata: { name: lan }' 'spec: { ifname: ens19 }' | sed '2,4{/^---/d}; 5,$ {/^---/d}' >>"$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	doctor r -f "$RUN/r.yaml"
	[[ $(remedy hybrid capture-interface) == "set spec.ifname: lan0 in Interface/lan "* ]]
	edit hybrid capture-interface
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
}

@test "an interface that is there and is not the one on the shared subnet" {
	one_host
	on r ip route add 203.0.113.20/32 dev lan0
	on r ip link add mgmt type veth peer name mgmt-peer
	on r ip link set mgmt up
	on r ip link set mgmt-peer up
	on r ip addr add 192.0.2.5/24 dev mgmt
	sed -i 's/interface: lan0/interface: mgmt/' "$RUN/r.yaml"
	claim 10.77.60.8 mgmt >>"$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	says hybrid capture-interface fail 'mgmt, on which RemoteAddressClaim/vm-7 .* is not on 10.77.60.0/24; on that are: lan0'
	[ "$(jq '[.checks[] | select(.name == "capture-interface")] | length' "$RUN/doctor.json")" -eq 1 ]
	on r ip route add 10.77.60.0/24 dev mgmt metric 5
	on r ip addr del 10.77.60.2/24 dev lan0
	doctor r -f "$RUN/r.yaml" hybrid # no address, but its hosts are looked for there
	says hybrid capture-interface pass
	on r ip route del 10.77.60.0/24 dev mgmt metric 5
	doctor r -f "$RUN/r.yaml" hybrid
	says hybrid capture-interface fail 'no address of 10.77.60.0/24, nor has any other interface.*nowhere$'
	[[ $(remedy hybrid capture-interface) == 'by hand: give mgmt an address of 10.77.60.0/24'* ]]
	on r ip route add default dev lan0
	doctor r -f "$RUN/r.yaml" hybrid
	says hybrid capture-interface fail 'looks for on lan0$'
	on r ip addr add 10.77.60.3/32 dev mgmt # as clouds give them
	doctor r -f "$RUN/r.yaml" hybrid
	says hybrid capture-interface pass
	on r ip addr del 10.77.60.3/32 dev mgmt
	on r ip route del default dev lan0
	on r ip addr add 10.77.60.2/24 dev lan0
	doctor r -f "$RUN/r.yaml" hybrid
	edit hybrid capture-interface
	sed -i 's/interface: mgmt/interface: lan0/' "$RUN/r.yaml"
	on r ip route replace 203.0.113.20/32 dev lan0
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	says hybrid capture-interface pass 'on their domain'
}

@test "the wrong interface of a cloud's claim captures all the same, and is named" {
	cloud_host
	sed -i 's/^\( *\)providerMode: .*/&\n\1interface: under/' "$RUN/cloud.yaml"
	router cr apply -f "$RUN/cloud.yaml"
	doctor cr -f "$RUN/cloud.yaml" hybrid
	[ "$status" -eq 0 ]
	says hybrid capture-interface warn 'under, on which .* is not on 10.77.60.0/24; on that are: eth0'
	edit hybrid capture-interface
	doctor cr -f "$RUN/cloud.yaml" hybrid
	says hybrid capture-interface pass
}

@test "the interface is auto, and nothing tells which that is" {
	one_host
	on r ip route add 203.0.113.20/32 dev lan0
	sed -i 's/interface: lan0/interface: auto/' "$RUN/r.yaml"
	on r ip link add lan1 type veth peer name lan1-far
	on r ip addr add 10.77.60.3/24 dev lan1
	on r ip link set lan1 up
	router r apply -f "$RUN/r.yaml"
	doctor r -f "$RUN/r.yaml" hybrid
	[ "$status" -eq 1 ]
	says hybrid capture-interface fail \
		'vm-7 .* is auto, and which that is is not known.*more than one of this machine.s interfaces .lan0, lan1.* are on 10.77.60.0/24'
	on r ip link del lan1
	doctor r -f "$RUN/r.yaml" hybrid
	says hybrid capture-interface pass
	on r ip addr del 10.77.60.2/24 dev lan0
	doctor r -f "$RUN/r.yaml" hybrid
	says hybrid capture-interface fail 'no interface of this machine has an address of 10.77.60.0/24'
	on r ip addr add 10.77.60.2/24 dev lan0
	on r sh -c 'mkdir -p /run/routerd; echo "{\"provider\": \"nocloud\", \"nics\": [{\"name\": \"lan0\"}, {\"name\": \"lan1\"}]}" >/run/routerd/node.json'
	doctor r -f "$RUN/r.yaml" hybrid
	says hybrid capture-interface fail 'none of this machine.s interfaces .lan0, lan1. is on 10.77.60.0/24'
	on r sed -i 's|"lan0"|&, "subnet": "10.77.60.0/24"|' /run/routerd/node.json
	doctor r -f "$RUN/r.yaml" hybrid
	says hybrid capture-interface pass 'subnet: 1'
	on r sed -i 's|, "subnet": "[^"]*"||' /run/routerd/node.json
	doctor r -f "$RUN/r.yaml" hybrid
	edit hybrid capture-interface
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	doctor r -f "$RUN/r.yaml" hybrid
	[ "$status" -eq 0 ]
	says hybrid capture-interface pass
}

@test "an interface that is down" {
	well
	on r ip link set lan0 down
	doctor r -f "$RUN/r.yaml" hybrid
	[ "$status" -eq 1 ]
	says hybrid capture-interface fail 'is down'
	cure r hybrid capture-interface
	doctor r -f "$RUN/r.yaml" hybrid
	[ "$status" -eq 0 ]
}

# What a shell, sysctl or nft would read something into, and the kernel does not.
@test "a link with any name: no remedy makes of it more than a name" {
	local name remedy odd=$'l;>q$(>r)"&\'*' dotted=l.7=@
	mkdir "$RUN/empty"
	for name in "$odd" "$dotted"; do
		site_end
		one_host
		on r ip link set lan0 down
		on r ip link set lan0 name "$name"
		on r ip link set dev "$name" up
		on r ip route add 203.0.113.20/32 dev "$name"
		awk -v name="${name//\'/\'\'}" '{ i = index($0, "lan0"); if (i) $0 = substr($0, 1, i - 1) "\047" name "\047" substr($0, i + 4) } 1' \
			"$RUN/r.yaml" >"$RUN/odd.yaml"
		router r apply -f "$RUN/odd.yaml"
		[ "$status" -eq 0 ]

		on r sh -c 'echo 1 >"/proc/sys/net/ipv4/conf/$1/rp_filter"; echo 1 >"/proc/sys/net/ipv4/conf/$1/proxy_arp"
			echo 1 >/proc/sys/net/ipv4/conf/all/proxy_arp' - "$name"
		on r ip neigh del proxy 10.77.60.7 dev "$name"
		on r ip neigh add proxy 10.77.60.7 dev "$name"
		on r ip route del 10.77.60.7/32
		on r ip route add 10.77.60.7/32 dev "$name"
		on r nft 'add table inet f; add chain inet f forward { type filter hook forward priority 0; policy drop; }'
		doctor r -f "$RUN/odd.yaml"
		says hybrid delivery-route fail
		says hybrid proxy-neighbour warn
		says sysctl rp_filter warn
		says sysctl proxy_arp warn
		says firewall forward warn
		while read -r -u 5 remedy; do
			(cd "$RUN/empty" && PATH="${ROUTERCTL%/*}:$PATH" nsenter --target "${SITE[r]}" --net --mount --pid --wd=. -- sh -c "$remedy")
		done 5< <(jq -r '.checks[] | select(.area | IN("hybrid", "sysctl", "firewall")) | .remedy | select(. != "")' "$RUN/doctor.json")
		on r ip link set dev "$name" down
		doctor r -f "$RUN/odd.yaml" hybrid
		says hybrid capture-interface fail 'is down'
		cure r hybrid capture-interface
		on r ip route add 203.0.113.20/32 dev "$name"
		doctor r -f "$RUN/odd.yaml"
		[ "$status" -eq 0 ]
		for check in 'hybrid delivery-route' 'hybrid proxy-neighbour' 'hybrid capture-interface' 'sysctl rp_filter' \
			'sysctl proxy_arp' 'firewall forward'; do
			says ${check% *} ${check#* } pass
		done
		[ -z "$(ls -A "$RUN/empty")" ]
	done
}

@test "strict rp_filter, of the interface or of all" {
	well
	on r sysctl -qw net.ipv4.conf.all.rp_filter=1
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	says sysctl rp_filter warn 'strict on lan0 \(all 1, its own 0'
	says sysctl rp_filter warn 'strict on wg-hybrid'
	cure r sysctl rp_filter
	doctor r -f "$RUN/r.yaml"
	run ! says sysctl rp_filter warn lan0
	cure r sysctl rp_filter
	doctor r -f "$RUN/r.yaml"
	says sysctl rp_filter pass
	[ "$(on r cat /proc/sys/net/ipv4/conf/lan0/rp_filter)" = 2 ]
	on r sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.lan0.rp_filter=1
	doctor r -f "$RUN/r.yaml" sysctl
	says sysctl rp_filter warn 'strict on lan0 \(all 0, its own 1'
	on r sysctl -qw net.ipv4.conf.all.rp_filter=2 # loose wins
	doctor r -f "$RUN/r.yaml" sysctl
	says sysctl rp_filter pass
}

@test "settings that somebody turns, each with what it means" {
	well
	on r sysctl -qw net.ipv4.ip_forward=0
	on r sysctl -qw net.ipv4.conf.lan0.send_redirects=1 net.ipv4.neigh.lan0.proxy_delay=80 \
		net.ipv4.conf.all.proxy_arp=1 net.ipv4.conf.lan0.proxy_arp=1
	doctor r -f "$RUN/r.yaml" sysctl
	[ "$status" -eq 1 ]
	says sysctl ip_forward fail 'nothing is forwarded'
	says sysctl send_redirects warn lan0
	says sysctl proxy_delay warn 80
	says sysctl proxy_arp warn 'not needed'
	cure r sysctl proxy_arp
	cure r sysctl ip_forward
	doctor r -f "$RUN/r.yaml" sysctl
	[ "$status" -eq 0 ]
	[ "$(jq .summary.warn "$RUN/doctor.json")" -eq 0 ]
}

@test "a captured address owned by a foreign proxy neighbour, here or on another interface" {
	well
	wire r lan1 peer lan1
	on r ip neigh del proxy 10.77.60.7 dev lan0
	on r ip neigh add proxy 10.77.60.7 dev lan0
	on r ip neigh add proxy 10.77.60.7 dev lan1
	on r ip neigh add proxy 10.77.60.99 dev lan0 # nobody's claim: none of our business
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	[ "$(jq '[.checks[] | select(.name == "proxy-neighbour" and .status == "warn")] | length' "$RUN/doctor.json")" -eq 2 ]
	says hybrid proxy-neighbour warn 'on lan0 by a proxy neighbour'
	cure r hybrid proxy-neighbour
	doctor r -f "$RUN/r.yaml"
	cure r hybrid proxy-neighbour
	doctor r -f "$RUN/r.yaml"
	says hybrid proxy-neighbour pass
	on r ip neigh show proxy | grep -q '^10.77.60.7 dev lan0 proxy proto 200'
	[ "$(on r ip neigh show proxy | grep -c 10.77.60.99)" -eq 1 ]
}

@test "what is gone: the proxy neighbour, the route, the clamp, the link" {
	well
	on r ip neigh del proxy 10.77.60.7 dev lan0
	on r ip route del 10.77.60.7/32
	on r nft delete table inet routerd_mss
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	says config applied warn '3 changes'
	says hybrid proxy-neighbour fail 'nobody answers ARP for 10.77.60.7 on lan0'
	says hybrid delivery-route fail '10.77.60.7/32 .* has no route by wg-hybrid'
	says mtu clamp fail 'not clamped to MSS 1300'
	cure r mtu clamp
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]

	on r ip link del wg-hybrid
	until_ok on r sh -c '! test -e /run/wireguard/wg-hybrid.sock'
	doctor r -f "$RUN/r.yaml"
	says hybrid tunnel fail 'is not there'
	says hybrid delivery-route skip
	says wireguard interface fail
	says wireguard allowed-ips skip
	cure r hybrid tunnel
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
}

@test "a route that is there and loses to a rule; one that stands where ours should" {
	well
	on r ip route add 10.77.60.0/24 dev lan0 table 77
	on r ip rule add to 10.77.60.0/24 lookup 77
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	says hybrid delivery-route pass
	says hybrid route-lookup fail 'should leave by wg-hybrid, but the kernel would send it out by lan0 .table 77'
	on r ip rule del to 10.77.60.0/24
	on r ip rule add iif lan0 to 10.77.60.7 prohibit # for the packets of clients alone
	doctor r -f "$RUN/r.yaml"
	says hybrid route-lookup fail 'refuse it: a rule'
	on r ip rule del iif lan0 to 10.77.60.7 prohibit
	doctor r -f "$RUN/r.yaml"
	says hybrid route-lookup pass

	on r ip route del 10.77.60.7/32
	on r ip route add 10.77.60.7/32 dev lan0
	doctor r -f "$RUN/r.yaml"
	says hybrid delivery-route fail "there is 'route 10.77.60.7/32 dev lan0', which routerd did not make"
	cure r hybrid delivery-route
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
}

@test "allowed IPs that miss a claim, or are with another peer" {
	well
	on r wg set wg-hybrid peer "$KEY_A" allowed-ips 10.252.0.1/32
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	says wireguard allowed-ips fail '10.77.60.7/32 of RemoteAddressClaim/vm-7 .* dropped'
	cure r wireguard allowed-ips
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	says wireguard allowed-ips pass

	on r wg set wg-hybrid peer "$KEY_B" allowed-ips 10.77.60.7/32
	doctor r -f "$RUN/r.yaml"
	says wireguard allowed-ips fail "peer $(sed 's/[+]/./g' <<<"$KEY_B") gets its packets instead"
	cure r wireguard allowed-ips
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
}

@test "an overlay address that no allowed IP holds is allowed anyway, unless another peer has it" {
	one_host
	on r ip route add 203.0.113.20/32 dev lan0
	sed -i 's|allowedIPs: .*|allowedIPs: [192.0.2.0/24]|' "$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	on r wg show wg-hybrid allowed-ips | grep -F 10.252.0.1/32
	doctor r -f "$RUN/r.yaml"
	says wireguard overlay-address pass
	cat >>"$RUN/r.yaml" <<-END
		---
		apiVersion: net.routerd.net/v1alpha1
		kind: WireGuardPeer
		metadata: { name: other }
		spec: { interface: wg-hybrid, publicKey: $KEY_B, allowedIPs: [10.252.0.0/24] }
	END
	router r apply -f "$RUN/r.yaml"
	doctor r -f "$RUN/r.yaml"
	says wireguard overlay-address warn 10.252.0.1
	[[ $(remedy wireguard overlay-address) == "edit spec.allowedIPs in WireGuardPeer/cloud ($RUN/r.yaml:"*"): add 10.252.0.1/32, then "* ]]
}

@test "keys: not there, open to others, none at all" {
	well
	chmod 644 "$RUN/wg.key"
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	says config valid fail 'chmod 600'
	chmod 600 "$RUN/wg.key"
	mv "$RUN/wg.key" "$RUN/wg.old"
	doctor r -f "$RUN/r.yaml"
	says wireguard private-key fail 'is not there'
	echo nonsense >"$RUN/wg.key"
	chmod 600 "$RUN/wg.key"
	doctor r -f "$RUN/r.yaml"
	says wireguard private-key fail 'holds no WireGuard key'
	cure r wireguard private-key
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	cmp "$RUN/wg.old" "$RUN/wg.key"
	for text in '' nonsense; do
		on r ip link del wg-hybrid
		rm "$RUN/wg.key"
		[ -z "$text" ] || (umask 077 && echo "$text" >"$RUN/wg.key")
		doctor r -f "$RUN/r.yaml"
		says wireguard private-key fail 'apply .*makes a new one'
		cure r wireguard private-key
		doctor r -f "$RUN/r.yaml"
		[ "$status" -eq 0 ]
	done
	(umask 077 && wg genkey >"$RUN/wg.key")
	doctor r -f "$RUN/r.yaml"
	says wireguard private-key fail 'another key than the one in'
}

@test "this router's own key, given for the other side's" {
	well
	sed -i "s|publicKey: .*|publicKey: $(on r wg show wg-hybrid public-key)|" "$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	[ "$status" -ne 0 ]
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	says wireguard handshake fail "publicKey of WireGuardPeer/cloud .* this router's own"
	says wireguard allowed-ips skip
	line=$(grep -n publicKey "$RUN/r.yaml" | cut -d : -f 1)
	for check in 'config applied' 'wireguard handshake'; do
		[ "$(remedy ${check% *} ${check#* })" = "set spec.publicKey: KEY in WireGuardPeer/cloud ($RUN/r.yaml:$line), then routerctl apply -f $RUN/r.yaml" ]
	done
	jq -e 'all(.checks[] | select(.area | IN("config", "wireguard")).remedy; startswith("routerctl apply") | not)' "$RUN/doctor.json"
	sed -i "s|publicKey: .*|publicKey: $KEY_A|" "$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
}

@test "a listen port that another program has" {
	one_host
	on r ip route add 203.0.113.20/32 dev lan0
	on r socat -u UDP-RECV:51820 /dev/null 3>&- 4>&- &
	thief=$!
	until_ok on r sh -c 'ss -uln | grep -q :51820'
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	says wireguard interface fail 'UDP port 51820 .* in use by another program'
	on r sh -c 'kill $(pgrep -x socat)'
	wait "$thief" || true
	router r apply -f "$RUN/r.yaml"
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	says wireguard interface pass
}

@test "peers: a handshake that never was, one that was, and a name that is no name" {
	pair_new
	pair_configs
	on cr "$ROUTERCTL" apply -f "$RUN/cloud.yaml"
	doctor cr -f "$RUN/cloud.yaml"
	[ "$status" -eq 0 ]
	says wireguard handshake warn 'never a handshake'
	[[ $(remedy wireguard handshake) == *"publicKey $(on cr wg show wg-hybrid public-key)"* ]]
	apply_pair
	pings cc 10.77.60.9
	doctor cr -f "$RUN/cloud.yaml"
	says wireguard handshake pass
	run ! says wireguard endpoint-names pass

	sed -i 's/endpoint: .*/endpoint: nowhere.invalid:51820/' "$RUN/cloud.yaml"
	doctor cr -f "$RUN/cloud.yaml" wireguard
	says wireguard endpoint-names warn 'nowhere.invalid'
}

@test "a path that swallows what the clamp lets through, and the edit that fits it" {
	pair_new
	pair_configs
	apply_pair
	doctor cr --probe -f "$RUN/cloud.yaml" mtu
	[ "$status" -eq 0 ]
	says mtu path pass

	# Of a path that loses some, the sizes that come back when they are asked for again.
	on or nft 'table netdev loses { chain in { type filter hook ingress device "under" priority -1;
		udp dport 51820 ip length > 1000 quota until 8000 bytes counter drop; }; }'
	doctor cr --probe -f "$RUN/cloud.yaml" mtu
	on or nft -j list table netdev loses | jq -e '[.. | .counter? | objects | .packets] | add > 4'
	on or nft delete table netdev loses
	says mtu path pass
	pair_black_hole 1380
	doctor cr --probe -f "$RUN/cloud.yaml" mtu
	[ "$status" -eq 0 ]
	says mtu path warn 'packets of 1312 bytes get through wg-hybrid .* MSS 1300'
	[[ $(remedy mtu path) == 'set spec.underlay.mtu: 1372 in OverlayPeer/onprem-main '* ]]
	edit mtu path
	on cr "$ROUTERCTL" apply -f "$RUN/cloud.yaml"
	doctor cr --probe -f "$RUN/cloud.yaml" mtu
	[ "$status" -eq 0 ]
	says mtu path pass
	[ "$(transfer cc oc 10.77.60.9 4 20)" = 10.77.60.7 ]
	[ "$(transfer oc cc 10.77.60.7 4 20)" = 10.77.60.9 ]

	on or ip route del 10.252.0.1/32
	doctor cr --probe -f "$RUN/cloud.yaml" mtu
	says mtu path skip 'no route back'
}

@test "a path that nothing gets through is dead, not unmeasured" {
	pair_new
	pair_configs
	on cr "$ROUTERCTL" apply -f "$RUN/cloud.yaml"
	doctor cr --probe -f "$RUN/cloud.yaml" mtu
	[ "$status" -eq 0 ]
	says mtu path warn 'OverlayPeer/onprem-main .* is dead: not even small packets'
	cure cr mtu path | grep -q 'never a handshake'
}

@test "an interface towards the endpoint that is too small for the clamp" {
	well
	on r ip link set lan0 mtu 1300
	doctor r -f "$RUN/r.yaml" mtu
	says mtu underlay warn 'MSS 1300, but 1300 bytes of lan0'
	[[ $(remedy mtu underlay) == 'set spec.underlay.mtu: 1292 in '* ]]
	edit mtu underlay
	router r apply -f "$RUN/r.yaml"
	doctor r -f "$RUN/r.yaml" mtu
	says mtu underlay pass

	on r ip link set lan0 mtu 1500
	on r ip route change 203.0.113.20/32 dev lan0 mtu 1200 # as learnt from the path
	doctor r -f "$RUN/r.yaml" mtu
	says mtu underlay warn '1200 bytes of lan0'

	on r ip route del 203.0.113.20/32
	doctor r -f "$RUN/r.yaml" mtu
	[ "$status" -eq 1 ]
	says mtu underlay fail 'cannot be reached'
}

cloud_host() { # cloud_host: the example's cloud router, keys and all, on one host
	pair_new
	pair_configs
	on cr "$ROUTERCTL" apply -f "$RUN/cloud.yaml"
}

@test "a rule for what clients send, where a cloud captures and no interface is named" {
	cloud_host
	doctor cr -f "$RUN/cloud.yaml" hybrid
	says hybrid route-lookup pass
	on cr ip route add 10.77.60.0/24 dev under table 99
	for rule in 'from 10.77.60.0/24' 'iif eth0' 'iif eth0 to 10.77.60.9'; do
		# shellcheck disable=SC2086 # words
		on cr ip rule add $rule lookup 99
		doctor cr -f "$RUN/cloud.yaml" hybrid
		[ "$status" -eq 1 ]
		says hybrid delivery-route pass
		says hybrid route-lookup fail 'should leave by wg-hybrid, but the kernel would send it out by under .table 99'
		[[ $(remedy hybrid route-lookup) == *"'ip route get 10.77.60.9 from 10.77.60."*" iif eth0'"* ]]
		# shellcheck disable=SC2086
		on cr ip rule del $rule lookup 99
	done
	on cr ip rule add iif under lookup 99 # not where they come in
	doctor cr -f "$RUN/cloud.yaml" hybrid
	says hybrid route-lookup pass

	on cr ip rule add from 10.77.60.0/24 lookup 99
	on cr ip addr flush dev eth0 # no way in is known: what can be asked is asked
	doctor cr -f "$RUN/cloud.yaml" hybrid
	says hybrid route-lookup pass
}

@test "a nicRef of the wrong kind, and one of another machine" {
	cloud_host
	nic=$(sed -n 's/.*nicRef: //p' "$RUN/cloud.yaml")
	group=${nic%/providers/*}
	doctor cr -f "$RUN/cloud.yaml" provider
	[ "$status" -eq 0 ]
	says provider nicref pass
	says provider node skip node.json

	sed -i "s|nicRef: .*|nicRef: $group/providers/Microsoft.Compute/virtualMachines/rt|" "$RUN/cloud.yaml"
	doctor cr -f "$RUN/cloud.yaml" provider
	[ "$status" -eq 1 ]
	says provider nicref fail 'is the id of a virtual machine; azure wants'

	on cr mkdir -p /run/routerd
	printf '{"provider": "azure", "nics": [{"name": "eth0", "mac": "00:0d:3a:e5:1c:c0", "nicRef": "%s"}]}' "$nic" |
		on cr tee /run/routerd/node.json
	doctor cr -f "$RUN/cloud.yaml" provider
	edit provider nicref
	doctor cr -f "$RUN/cloud.yaml" provider
	[ "$status" -eq 0 ]
	says provider nicref pass 'of this machine'
	says provider provider pass azure

	sed -i "s|nicRef: .*|nicRef: ${nic%/*}/other|" "$RUN/cloud.yaml"
	doctor cr -f "$RUN/cloud.yaml" provider
	[ "$status" -eq 0 ]
	says provider nicref warn "no NIC of this machine: eth0 is $nic"
	edit provider nicref
	doctor cr -f "$RUN/cloud.yaml" provider
	says provider nicref pass

	sed -i "/nicRef: /d" "$RUN/cloud.yaml"
	doctor cr -f "$RUN/cloud.yaml" provider
	says provider nicref warn "names no nicRef.*eth0 is $nic"
	line=$(grep -n 'capture:' "$RUN/cloud.yaml" | cut -d : -f 1)
	[ "$(remedy provider nicref)" = "set spec.capture.nicRef: $nic in RemoteAddressClaim/onprem-vm-9 ($RUN/cloud.yaml:$((line + 1)))" ]

	sed -i "/providerRef: /d" "$RUN/cloud.yaml"
	doctor cr -f "$RUN/cloud.yaml" provider
	says provider profile warn 'names no CloudProviderProfile'
	echo nonsense: [ | on cr tee /run/routerd/node.json
	doctor cr -f "$RUN/cloud.yaml" provider
	says provider node warn 'not as first boot writes it'
}

@test "without root: skips say why, and nothing is said to be well that was not seen" {
	well
	run on r setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all \
		"$ROUTERCTL" doctor --probe -o json -f - <"$RUN/r.yaml"
	[ "$status" -eq 0 ]
	printf '%s\n' "$output" >"$RUN/doctor.json"
	for check in allowed-ips handshake; do says wireguard $check skip 'only root'; done
	says wireguard private-key skip 'root'
	says mtu clamp skip 'only root'
	says mtu path skip 'only root'
	says hybrid route-lookup pass
	says hybrid proxy-neighbour pass
	jq -e 'all(.checks[] | select(.status == "skip"); .detail | test("error|errno|[(= ]-[0-9]|not permitted|denied") | not)' \
		"$RUN/doctor.json"
}

@test "a configuration with faults, none at all, and words that are no area" {
	site_new r
	printf '%s\n' 'apiVersion: net.routerd.net/v1alpha1' 'kind: WireGuardInterface' 'metadata: { name: wg0 }' \
		"spec: { privateKeyFile: $RUN/wg.key }" --- 'apiVersion: net.routerd.net/v1alpha1' \
		'kind: IPv4StaticAddress' 'metadata: { name: o }' \
		'spec: { interface: wg0, address: 100.64.0.1/32 }' >"$RUN/odd.yaml"
	doctor r -f "$RUN/odd.yaml" config
	says config valid pass
	says config warnings warn 'odd.yaml:9:.*carrier NAT'

	printf 'kind: Nonsense\n---\nkind: Foo\n' >"$RUN/bad.yaml"
	doctor r -f "$RUN/bad.yaml"
	[ "$status" -eq 1 ]
	says config valid fail 'bad.yaml:1:.*Nonsense'
	# The fault tells the place; what lists them all comes once.
	jq -e --arg last "routerctl validate -f $RUN/bad.yaml" \
		'[.checks[] | select(.name == "valid").remedy] | .[-1] == $last and all(.[:-1][]; . == "") and length > 1' \
		"$RUN/doctor.json"
	says hybrid all skip 'configuration has faults'
	says host kernel pass

	for _ in {1..40}; do printf 'kind: Foo\n---\n'; done >"$RUN/many.yaml"
	doctor r -f "$RUN/many.yaml" config
	says config valid fail 'and 35 more'
	[ "$(jq '.checks | length' "$RUN/doctor.json")" -eq 6 ]

	doctor r
	[ "$status" -eq 0 ]
	says config there warn 'nothing is configured'
	says hybrid all skip 'nothing is configured'
	doctor r hybrid
	jq -e '.summary.overall == "skip"' "$RUN/doctor.json"

	doctor r -f "$RUN/no such.yaml" config
	[ "$status" -eq 1 ]
	[ "$(remedy config valid)" = "routerctl validate -f '$RUN/no such.yaml'" ]
	doctor r -f "$RUN/it's.yaml" config
	[ "$(on r sh -c "set -- $(remedy config valid); echo \"\$4\"")" = "$RUN/it's.yaml" ]

	router r doctor hybird
	[ "$status" -eq 2 ]
	[[ $output == *"no area 'hybird'"*wireguard* ]]
	router r plan --probe
	[ "$status" -eq 2 ]
}

@test "the host: a daemon or none, another manager of the network" {
	well
	doctor r -f "$RUN/r.yaml" host
	says host daemon warn 'does not run'
	says host networkd pass
	on r mkdir -p /run/routerd
	on r socat UNIX-LISTEN:/run/routerd/io.routerd,fork /dev/null 3>&- 4>&- &
	until_ok on r test -S /run/routerd/io.routerd
	doctor r -f "$RUN/r.yaml" host # applied, but not what the daemon reads
	says host daemon warn '/etc/routerd asks for nothing'
	echo 'kind: Nonsense' | on r tee /etc/routerd/router.yaml
	doctor r -f "$RUN/r.yaml" host
	says host daemon warn '/etc/routerd says has faults'
	doctor r host
	says host daemon warn 'has faults'
	on r cp "$RUN/r.yaml" /etc/routerd/router.yaml
	doctor r -f "$RUN/r.yaml" host
	says host daemon pass '/etc/routerd'
	says host run-folder pass
	on r chmod 777 /run/routerd
	doctor r -f "$RUN/r.yaml" host
	[ "$status" -eq 1 ]
	cure r host run-folder
	doctor r -f "$RUN/r.yaml" host
	[ "$status" -eq 0 ]
	on r sh -c 'kill $(pgrep -x socat)'
	on r rm -f /run/routerd/io.routerd

	on r mkdir -p /run/systemd/netif /run/systemd/networkd.conf.d
	doctor r -f "$RUN/r.yaml" host
	says host networkd warn 'takes away routes'
	printf '[Network]\nManageForeignRoutes=no\n' | on r tee /run/systemd/networkd.conf.d/routerd.conf
	doctor r -f "$RUN/r.yaml" host
	says host networkd pass
}

@test "a clock that nobody sets, and one that somebody sets in vain" {
	site_new r
	unset_clock() { # unset_clock [AS...]: TIME_ERROR
		status=0
		on r "$@" env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o /dev/null -e trace=adjtimex,clock_adjtime \
			-e inject=adjtimex,clock_adjtime:retval=5 "$ROUTERCTL" doctor -o json host >"$RUN/doctor.json" || status=$?
	}
	unset_clock
	says host clock warn 'is not synchronised: a jump'
	[ "$(remedy host clock)" = 'timedatectl set-ntp true' ]
	on r mkdir -p /run/chrony
	on r touch /run/chrony/chronyd.pid
	unset_clock
	says host clock warn 'although chronyd runs: it has just begun, or no server'
	[ "$(remedy host clock)" = 'chronyc tracking' ]
	on r chmod 700 /run/chrony
	unset_clock setpriv --reuid 65534 --regid 65534 --clear-groups
	[ "$(remedy host clock)" = 'chronyc tracking' ]
	on r mkdir -p /run/systemd/timesync
	unset_clock
	says host clock warn 'although systemd-timesyncd runs'
	[ "$(remedy host clock)" = 'timedatectl timesync-status' ]
}

@test "5,000 claims: a row for many, few for the bad ones, and soon" {
	one_host
	on r ip route add 203.0.113.20/32 dev lan0
	sed -i 's|prefix: 10.77.60.0/24|prefix: 10.77.0.0/16|' "$RUN/r.yaml"
	one=$(claim 10.77.99.99)
	for i in {0..4999}; do
		text=${one//10.77.99.99/10.77.$((100 + i / 250)).$((1 + i % 250))}
		printf '%s\n' "${text/name: vm-99/name: c$i}"
	done >>"$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	doctor r -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	says hybrid route-lookup pass 5001
	on r ip route flush proto 200
	SECONDS=0
	doctor r -f "$RUN/r.yaml"
	((SECONDS < 20))
	[ "$status" -eq 1 ]
	says hybrid delivery-route fail 'and 4996 more'
	[ "$(jq '.checks | length' "$RUN/doctor.json")" -lt 60 ]
}
