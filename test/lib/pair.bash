# shellcheck shell=bash
# pair.bash - the two sites of examples/cloud.yaml and examples/onprem.yaml, with a client
# each and an underlay between them.
#
#   cc 10.77.60.7 - [cl 10.77.60.1] - cr 203.0.113.20 ===== 198.51.100.20 or - [ol] - oc .9
#
# cc, oc: clients, whose default gateway is 10.77.60.1 of their own segment (cl, ol). The
# cloud's fabric delivers by its table of address and NIC, and answers ARP itself: here that
# is cc's permanent neighbour entry for .9, the router's NIC.
#
# Needs site.bash, RUN (a folder), ROUTERCTL.

PAIR_FABRIC=10.77.60.9

segment() { # segment SITE: a bridge with the default gateway on it
	on "$1" ip link add lan type bridge
	on "$1" ip addr add 10.77.60.1/24 dev lan
	on "$1" ip link set lan up
}

attach() { # attach SITE IF SEGMENT ADDRESS: a NIC on a segment, default gateway included
	wire "$1" "$2" "$3" "to-$1"
	on "$3" ip link set "to-$1" master lan
	on "$1" ip addr add "$4/24" dev "$2"
	on "$1" ip route add default via 10.77.60.1
}

pair_new() {
	site_new cr cc cl or oc ol
	segment cl
	segment ol
	attach cr eth0 cl 10.77.60.4
	attach cc eth0 cl 10.77.60.7
	attach or ens21 ol 10.77.60.2
	attach oc eth0 ol 10.77.60.9
	on cc ip neigh add "$PAIR_FABRIC" dev eth0 nud permanent \
		lladdr "$(on cr ip -j link show eth0 | jq -r ".[0].address")"
	wire cr under or under
	on cr ip addr add 203.0.113.20/32 dev under
	on or ip addr add 198.51.100.20/32 dev under
	on cr ip route add 198.51.100.20/32 dev under
	on or ip route add 203.0.113.20/32 dev under
}

# The examples with keys of this run in them, to be used by -f FILE alone.
pair_configs() {
	local cloud onprem
	on cr mkdir -pm700 /etc/routerd/keys
	on or mkdir -pm700 /etc/routerd/keys
	on cr sh -c 'umask 077; wg genkey >/etc/routerd/keys/wg-hybrid.key'
	on or sh -c 'umask 077; wg genkey >/etc/routerd/keys/wg-hybrid.key'
	cloud=$(on cr sh -c 'wg pubkey </etc/routerd/keys/wg-hybrid.key')
	onprem=$(on or sh -c 'wg pubkey </etc/routerd/keys/wg-hybrid.key')
	with_key "$onprem" "$EXAMPLES/cloud.yaml" >"$RUN/cloud.yaml"
	with_key "$cloud" "$EXAMPLES/onprem.yaml" >"$RUN/onprem.yaml"
}

with_key() { # with_key KEY FILE
	sed -E "/kind: WireGuardPeer/,/interface:/ s|^( *)interface: wg-hybrid|&\n\1publicKey: $1|" "$2"
}

# A path that swallows big packets, and every fragment, without a word: ping works and TCP
# stalls. LIMIT is the largest outer packet that passes, in bytes.
pair_black_hole() { # pair_black_hole LIMIT
	local site
	for site in cr or; do
		on "$site" nft -f - <<-END
			table netdev black_hole {
				chain in {
					type filter hook ingress device "under" priority 0;
					ip length > $1 udp dport 51820 counter drop
					ip frag-off & 0x3fff != 0 counter drop
				}
			}
		END
	done
}

apply_pair() {
	on cr "$ROUTERCTL" apply -f "$RUN/cloud.yaml"
	on or "$ROUTERCTL" apply -f "$RUN/onprem.yaml"
}
