# The picture of the overlay, with what this node sees of it.
load ../lib/bats
load ../lib/serve

drawn() { # drawn SITE ARGS...: the picture as Mermaid, a node's lines apart
	local site=$1
	shift
	on "$site" "$ROUTERCTL" graph "$@" | sed 's/<br.>/|/g'
}

state_of() { # state_of NODE: how its box is drawn, in $picture
	sed -nE "s/^ *n[0-9]+\\[\"$1\\|.*\"\\]:::([a-z]+)\$/\\1/p" <<<"$picture"
}

# one_picture SITE ARGS...: the forms can be read, and are one picture
one_picture() {
	local site=$1 form
	shift
	for form in mermaid dot svg; do
		on "$site" "$ROUTERCTL" graph -o $form "$@" >"$RUN/drawn.$form"
	done
	"$ROOT/test/golden/drawn" "$RUN/drawn"
}

looks_up() {
	picture=$(drawn "$@") && [ "$(state_of "$peer")" = good ] && [ "$(state_of "$self")" = good ]
}

@test "a tunnel that is up and claims that are ready are drawn so, in each form" {
	pair_new
	pair_configs
	peer=pve-rt self=cloud-rt
	picture=$(drawn cr -f "$RUN/cloud.yaml") # nothing of it is in the kernel yet
	[ "$(state_of cloud-rt)" = unknown ]
	[ "$(state_of pve-rt)" = unknown ]
	apply_pair
	pings cc 10.77.60.9
	looks_up cr -f "$RUN/cloud.yaml"
	grep -q 'pve-rt|onprem, 10.252.0.2|tunnel up|owns 10.77.60.9"' <<<"$picture"
	grep -q 'cloud-rt|10.252.0.1, this node|captures 10.77.60.9|by provider-secondary-ip: ready"' <<<"$picture"
	grep -q 'linkStyle 0 stroke:#009e73' <<<"$picture"
	on cr "$ROUTERCTL" graph -o dot -f "$RUN/cloud.yaml" | grep -q '^  n1 -- n2 .color="#009e73", penwidth=3'
	on cr "$ROUTERCTL" graph -o svg -f "$RUN/cloud.yaml" | grep -q '^<path d="M.*C.* stroke="#009e73"'
	one_picture cr -f "$RUN/cloud.yaml"
	# by the daemon's word, too
	on cr cp "$RUN/cloud.yaml" /etc/routerd/router.yaml
	daemon cr
	until_ok looks_up cr
	# without root the kernel tells nothing of WireGuard, but the daemon does to whom it lets ask
	picture=$(drawn_by_nobody cr)
	[ "$(state_of pve-rt)" = unknown ]
	on cr chmod 0666 /run/routerd/io.routerd
	picture=$(drawn_by_nobody cr)
	grep -q 'tunnel up' <<<"$picture"
	[ "$(state_of cloud-rt)" = good ]
	daemon_kill cr TERM
	picture=$(drawn_by_nobody cr)
	[ "$(state_of pve-rt)" = unknown ]
	[ "$(state_of cloud-rt)" = unknown ]
	# a claim that has lost its route is not ready, until it has it again
	on cr ip route del 10.77.60.9
	picture=$(drawn cr)
	[ "$(state_of cloud-rt)" = failed ]
	grep -q 'captures 10.77.60.9|by provider-secondary-ip: not ready, Pending"' <<<"$picture"
	[ "$(state_of pve-rt)" = good ]
	one_picture cr
}

drawn_by_nobody() { on "$1" setpriv --reuid 65534 --regid 65534 --clear-groups "$ROUTERCTL" graph | sed 's/<br.>/|/g'; }

@test "a peer that never answered is silent, and one whose key is not known is waited for" {
	one_host
	on r "$ROUTERCTL" apply -f "$RUN/r.yaml"
	picture=$(drawn r -f "$RUN/r.yaml")
	[ "$(state_of cloud)" = silent ]
	grep -q 'cloud|cloud, 10.252.0.1|tunnel silent, never a handshake|owns 10.77.60.7"' <<<"$picture"
	grep -q 'linkStyle 0 .*stroke-dasharray:2 5' <<<"$picture"
	one_picture r -f "$RUN/r.yaml"
	sed -i '/publicKey/d' "$RUN/r.yaml"
	on r "$ROUTERCTL" apply -f "$RUN/r.yaml"
	picture=$(drawn r -f "$RUN/r.yaml")
	[ "$(state_of cloud)" = waiting ]
	grep -q '|tunnel waiting for key|' <<<"$picture"
	grep -q '|captures 10.77.60.7|by proxy-arp: waiting for key"' <<<"$picture"
	grep -q 'linkStyle 0 .*stroke-dasharray:10 6' <<<"$picture"
	one_picture r -f "$RUN/r.yaml"
}

@test "of the other nodes nothing is known, nor of any when it is drawn as another node reads it" {
	one_host
	on r sh -c 'echo node-a >/etc/routerd/node'
	cat >"$RUN/f.yaml" <<-END
		apiVersion: mobility.routerd.net/v1alpha1
		kind: SAMNodeSet
		metadata: { name: lab }
		spec:
		  nodes:
		    - { nodeRef: node-a, site: a, role: onprem, samEndpoint: 10.252.0.1, wireGuard: { endpoint: 203.0.113.1:51820 } }
		    - { nodeRef: node-b, site: b, role: onprem, samEndpoint: 10.252.0.2, wireGuard: { publicKey: $KEY_B, endpoint: 203.0.113.2:51820 } }
		    - { nodeRef: node-c, site: c, role: onprem, samEndpoint: 10.252.0.3, wireGuard: { endpoint: 203.0.113.3:51820 } }
		    - { nodeRef: node-d, site: a, role: onprem, samEndpoint: 10.252.0.4 }
	END
	on r "$ROUTERCTL" apply -f "$RUN/f.yaml"
	picture=$(drawn r -f "$RUN/f.yaml")
	[ "$(state_of node-b)" = silent ]
	[ "$(state_of node-c)" = waiting ]
	[ "$(state_of node-d)" = unknown ] # at this node's site: no tunnel leads there
	grep -q 'linkStyle 2,3,4 stroke:#6b6b6b' <<<"$picture"
	[ "$(drawn r --node node-a -f "$RUN/f.yaml")" = "$picture" ]
	picture=$(drawn r --node node-b -f "$RUN/f.yaml")
	grep -q 'n3\["node-b|onprem, 10.252.0.2, this node"\]:::unknown' <<<"$picture"
	has_not grep -qE 'silent|waiting|:::(good|failed)' <<<"$picture"
	on r rm /etc/routerd/node # a machine that is none of them draws it all the same
	picture=$(drawn r -f "$RUN/f.yaml")
	has_not grep -qE 'this node|silent|waiting|:::(good|failed)' <<<"$picture"
	[ "$(grep -c ' --- ' <<<"$picture")" -eq 5 ]
}
