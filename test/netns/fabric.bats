# What is written once: three sites that read one file, an address that moves, and doctor.
#
#   ca .7 - [la] - ra 203.0.113.1 ---+
#   cb .9 - [lb] - rb 203.0.113.2 --[net]   one subnet, 10.77.60.0/24; b is behind NAT, so it dials
#   cc .11 - [lc] - rc 203.0.113.3 --+      .50 lives at b first, then at c
load ../lib/bats
load ../lib/serve
load ../lib/exchange

site() { # site LETTER CLIENT ROUTER: a segment, its client and its router
	segment "l$1"
	attach "c$1" eth0 "l$1" "10.77.60.$2"
	attach "r$1" eth0 "l$1" "10.77.60.$3"
	wire "r$1" under net "to-r$1"
	on net ip link set "to-r$1" master net0
	on "r$1" ip addr add "203.0.113.$3/24" dev under
	on "r$1" sh -c "echo node-$1 >/etc/routerd/node; mkdir /etc/routerd/peers"
	on "r$1" cp "$RUN/fabric.yaml" /etc/routerd/router.yaml
}

captured() { # captured ADDRESS: the cloud brings it to ra
	on ca ip neigh replace "10.77.60.$1" dev eth0 nud permanent \
		lladdr "$(on ra ip -j link show eth0 | jq -r '.[0].address')"
}

three_sites() {
	written_once >"$RUN/fabric.yaml"
	site_new net ra ca la rb cb lb rc cc lc
	on net ip link add net0 type bridge
	on net ip link set net0 up
	site a 7 1
	site b 9 2
	site c 11 3
	on cb ip addr add 10.77.60.50/24 dev eth0
	captured 9
	captured 11
	captured 50
}

written_once() {
	cat <<-END
		apiVersion: mobility.routerd.net/v1alpha1
		kind: SAMNodeSet
		metadata: { name: lab }
		spec:
		  nodes:
		    - { nodeRef: node-a, role: cloud, samEndpoint: 10.252.0.1, wireGuard: { endpoint: 203.0.113.1:51820 } }
		    - { nodeRef: node-b, role: onprem, samEndpoint: 10.252.0.2 }
		    - { nodeRef: node-c, role: onprem, samEndpoint: 10.252.0.3, wireGuard: { endpoint: 203.0.113.3:51820 } }
		---
		apiVersion: mobility.routerd.net/v1alpha1
		kind: MobilityPool
		metadata: { name: lab }
		spec:
		  prefix: 10.77.60.0/24
		  membersFrom: [{ resource: SAMNodeSet/lab }]
		  members:
		    - nodeRef: node-a
		      staticOwnedAddresses:
		        - 10.77.60.7
		    - nodeRef: node-b
		      staticOwnedAddresses:
		        - 10.77.60.9
		        - 10.77.60.50
		    - nodeRef: node-c
		      staticOwnedAddresses:
		        - 10.77.60.11
	END
}

in_touch() {
	local from to
	for from in a b c; do
		daemon "r$from"
	done
	for from in a b c; do
		for to in a b c; do
			[ $from = $to ] || carry "r$from" "node-$from" "r$to"
		done
	done
	for to in ca:10.77.60.9 ca:10.77.60.11 cb:10.77.60.7 cb:10.77.60.11 cc:10.77.60.7 cc:10.77.60.9; do
		until_ok on "${to%:*}" ping -c 1 -W 1 "${to#*:}"
	done
}

@test "three sites from one file: a full mesh, each client reaches each other, its address preserved" {
	three_sites
	in_touch
	[ "$(on ra wg show wg-hybrid peers | wc -l)" -eq 2 ]
	[ "$(transfer cb cc 10.77.60.11 2 20)" = 10.77.60.9 ]
	[ "$(transfer cc ca 10.77.60.7 2 20)" = 10.77.60.11 ]
	[ "$(transfer ca cb 10.77.60.9 2 20)" = 10.77.60.7 ]
	for r in ra rb rc; do
		[ "$(on $r "$ROUTERCTL" status -o json | jq -r '.config.warnings | length')" -eq 0 ]
		on $r "$ROUTERCTL" get -o json | jq -e '[.objects[] | select(.conditions[0].status != "True")] | length == 0'
	done
	on rb "$ROUTERCTL" describe RemoteAddressClaim/10.77.60.7 | grep -q 'expandedFrom.*MobilityPool/lab'
	on rb "$ROUTERCTL" doctor wireguard -o json | jq -e '.checks[] |
		select(.name == "fabric") | .status == "pass" and (.detail | endswith(": 2"))'
}

@test "one line moves an address to another site, and nobody else is disturbed" {
	three_sites
	in_touch
	until_ok on cc ping -c 1 -W 1 10.77.60.50
	on cc timeout --foreground 60 ping -Dn -i 0.05 -W 1 10.77.60.9 >"$RUN/others" 2>&1 3>&- 4>&- &
	watch=$!
	for r in ra rb rc; do
		on $r timeout 60 ip -4 monitor link address route neigh >"$RUN/$r.events" 2>&1 3>&- 4>&- &
	done
	until_ok grep -q 'bytes from' "$RUN/others"

	# the machine moves, and its line in the file
	on cb ip addr del 10.77.60.50/24 dev eth0
	on cc ip addr add 10.77.60.50/24 dev eth0
	sed '/- 10.77.60.50/d; /- 10.77.60.11/a\        - 10.77.60.50' "$RUN/fabric.yaml" >"$RUN/moved.yaml"
	[ "$(diff "$RUN/fabric.yaml" "$RUN/moved.yaml" | grep -c '^>')" -eq 1 ]
	router ra plan -f "$RUN/moved.yaml" # as it will be, beside the peers that are known
	[ "$(grep -c '^add\|^change\|^delete' <<<"$output")" -eq 1 ]
	[[ $output == *'allowed-ip 10.77.60.50/32 '* ]]
	router ra plan --against "$RUN/fabric.yaml" -f "$RUN/moved.yaml"
	[ "$(grep -c '^add\|^change\|^delete' <<<"$output")" -eq 1 ]
	for r in ra rb rc; do on $r cp "$RUN/moved.yaml" /etc/routerd/router.yaml; done

	until_ok on ca ping -c 1 -W 1 10.77.60.50
	until_ok on cb ping -c 1 -W 1 10.77.60.50
	[ "$(transfer ca cc 10.77.60.50 1 20)" = 10.77.60.7 ]
	on rb ip neigh show proxy | grep -q '^10.77.60.50 dev eth0'
	has_not eval 'on rc ip neigh show proxy | grep -q 10.77.60.50'
	has_not eval 'on rc ip -4 route | grep -q 10.77.60.50'

	on cc pkill -INT -x ping
	wait $watch || true
	grep -q ' 0% packet loss' "$RUN/others"
	for r in ra rb rc; do # of routes and proxies that are ours, it was this one alone
		has_not grep -E 'proto 200|proxy' <(grep -v 10.77.60.50 "$RUN/$r.events")
	done
	grep -q 10.77.60.50 "$RUN/rb.events"
	grep -q 10.77.60.50 "$RUN/rc.events"
	has_not grep -q 10.77.60.50 "$RUN/ra.events" # here it is only another peer's now
	on ra wg show wg-hybrid allowed-ips | grep "$(on rc cat $EXPORT/node-c.pub)" | grep -qw 10.77.60.50/32
}

@test "the interface is found where nobody told of it, as soon as it has its address" {
	three_sites
	on rb ip addr del 10.77.60.2/24 dev eth0
	daemon rb
	[ "$(object_of rb RemoteAddressClaim/10.77.60.7 '.conditions[0].reason')" = WaitingForFacts ]
	router rb get
	[[ $output == *'no interface of this machine has an address of 10.77.60.0/24'* ]]
	on rb ip addr add 10.77.60.2/24 dev eth0
	daemon ra
	carry ra node-a rb
	carry rb node-b ra
	until_ok eval '[ "$(object_of rb RemoteAddressClaim/10.77.60.7 ".conditions[0].status")" = True ]'
	on rb ip neigh show proxy | grep -q '^10.77.60.7 dev eth0'
}

@test "doctor tells a node whose file is another, and of an export that is older" {
	three_sites
	in_touch
	sed 's/samEndpoint: 10.252.0.3/samEndpoint: 10.252.0.33/' "$RUN/fabric.yaml" >"$RUN/other.yaml"
	was=$(on rc cat $EXPORT/node-c.yaml)
	on rc cp "$RUN/other.yaml" /etc/routerd/router.yaml
	until_ok eval '[ "$(on rc cat $EXPORT/node-c.yaml)" != "$was" ]'
	carry rc node-c ra
	until_ok eval 'on ra "$ROUTERCTL" doctor wireguard -o json | jq -e ".checks[] | select(.name == \"fabric\" and .status == \"warn\")
		| (.detail | test(\"WireGuardPeer/node-c\")) and (.remedy | test(\"copy the newer\"))"'
	# comments and layout are no difference
	on rc cp "$RUN/fabric.yaml" /etc/routerd/router.yaml
	on rc sh -c 'echo "# a remark" >>/etc/routerd/router.yaml'
	until_ok eval '[ "$(on rc cat $EXPORT/node-c.yaml)" = "$was" ]'
}

object_of() { # object_of SITE KIND/NAME FILTER
	on "$1" "$ROUTERCTL" get "$2" -o json | jq -r ".objects[0] | $3"
}

rendered() { # rendered COMMAND...: the overlay address of the node that it is taken for
	"$@" "$ROUTERCTL" render -o table -f "$RUN/f.yaml" | sed -n 's/^address \([0-9.]*\).*/\1/p'
}

@test "a node is found by selfNodeRef, /etc/routerd/node and its host name, in this order" {
	site_new r
	written_once >"$RUN/f.yaml"
	run ! on r "$ROUTERCTL" render -f "$RUN/f.yaml"
	router r render -f "$RUN/f.yaml"
	[ "$status" -eq 1 ]
	[[ $output == *'which of its nodes is this machine?'*'the nodes are node-a, node-b, node-c:'*'/etc/routerd/node'* ]]
	router r validate -f "$RUN/f.yaml"
	[ "$status" -eq 0 ]
	for command in validate action-plan graph; do # nobody's machine, and yet a file is not forgotten
		router r $command -f "$RUN/f.yaml" -f "$RUN/typo.yaml"
		[ "$status" -eq 1 ]
		[[ $output == *"$RUN/typo.yaml: error: cannot be read: No such file or directory"* ]]
	done
	named() { on r unshare --uts sh -c 'hostname "$0"; exec "$@"' "$@"; }
	[ "$(rendered named node-c.example.net)" = 10.252.0.3 ]
	on r sh -c 'echo node-c.example.net >/etc/routerd/node' # what a person writes is the whole of it
	run ! on r "$ROUTERCTL" render -f "$RUN/f.yaml"
	on r sh -c 'echo node-b >/etc/routerd/node'
	[ "$(rendered named node-c)" = 10.252.0.2 ]
	[ "$(on r "$ROUTERCTL" render --node node-c -o table -f "$RUN/f.yaml" | grep -c '10.252.0.3/32 dev')" -eq 1 ]
	cat >>"$RUN/f.yaml" <<-END
		---
		apiVersion: net.routerd.net/v1alpha1
		kind: WireGuardInterface
		metadata: { name: wg-hybrid }
		spec: { privateKeyFile: $RUN/wg.key, selfNodeRef: node-a }
	END
	[ "$(rendered named node-c)" = 10.252.0.1 ]
	# a name that a person wrote is right or a fault, and no other is tried then
	sed -i 's/selfNodeRef: node-a/selfNodeRef: node-d/' "$RUN/f.yaml"
	router r render -f "$RUN/f.yaml"
	[ "$status" -eq 1 ]
	[[ $output == *"'node-d' (selfNodeRef) (did you mean 'node-a'?)"*'name one of them there'* ]]
	[[ $output == "$RUN/f.yaml:$(grep -n node-d "$RUN/f.yaml" | cut -d : -f 1):"* ]]
}

@test "a node that is taken out of the file is let in no more, and one with our name is no peer" {
	three_sites
	in_touch
	sed '/{ nodeRef: node-c,/d; /- nodeRef: node-c$/,$d' "$RUN/fabric.yaml" >"$RUN/less.yaml"
	"$ROUTERCTL" validate --node node-b -f "$RUN/less.yaml"
	for r in ra rb; do on $r cp "$RUN/less.yaml" /etc/routerd/router.yaml; done
	until_ok eval '[ "$(on rb wg show wg-hybrid peers | wc -l)" -eq 1 ]'
	until_ok eval 'on rb "$ROUTERCTL" status | grep -q "no SAMNodeSet has a node .node-c"'
	on rb "$ROUTERCTL" validate
	has_not on cc ping -c 1 -W 1 10.77.60.9
	pings ca 10.77.60.9

	on rb cp "$RUN/fabric.yaml" /etc/routerd/router.yaml
	until_ok on cb ping -c 1 -W 1 10.77.60.11
	on rb sh -c 'echo node-c >/etc/routerd/node'
	until_ok eval 'on rb "$ROUTERCTL" status | grep -q "two machines have one name"'
	run ! grep -F "$(on rc cat $EXPORT/node-c.pub)" <(on rb wg show wg-hybrid peers)
}

@test "a node's own export, or its private key, is not taken for another's" {
	three_sites
	daemon rb
	until_ok on rb test -s $EXPORT/node-b.yaml
	on rb "$ROUTERCTL" export >"$RUN/own.yaml"
	router rb import "$RUN/own.yaml"
	[ "$status" -eq 1 ]
	[[ $output == *'the key of this node itself'* ]]
	on rb cp /etc/routerd/keys/wg-hybrid.key /etc/routerd/peers/node-a.pub
	until_ok eval 'on rb "$ROUTERCTL" status | grep -q "this is the PRIVATE key"'
	[ "$(on rb wg show wg-hybrid peers | wc -l)" -eq 0 ]
}

@test "a file with a fault moves nothing: the last good one stays in force" {
	three_sites
	in_touch
	sed 's/- 10.77.60.50/- 10.77.60.7/' "$RUN/fabric.yaml" >"$RUN/bad.yaml"
	on rb cp "$RUN/bad.yaml" /etc/routerd/router.yaml
	until_ok grep -q 'router.yaml:2[0-9].*10.77.60.7 is owned by node .node-b., and by node-a' "$RUN/rb.log"
	pings cb 10.77.60.7
	on rb ip neigh show proxy | grep -q '^10.77.60.7 dev eth0'
}
