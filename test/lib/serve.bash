# shellcheck shell=bash
# serve.bash - one router with the daemon, and what it says of it. Needs bats.bash.

# A router r with the configuration in place, and the daemon on it.
serve_one() {
	one_host
	on r cp "$RUN/r.yaml" /etc/routerd/router.yaml
	daemon r
}

object() { # object KIND/NAME FILTER: of what the daemon says of it
	on r "$ROUTERCTL" get "$1" -o json | jq -r ".objects[0] | $2"
}

has_route() { on r ip route | grep -q "^$1 dev wg-hybrid proto 200"; }
has_proxy() { on r ip neigh show proxy | grep -q "^$1 dev ${2:-lan0} proxy"; }
has_address() { on r ip -4 -o addr | grep -q "inet $1"; }
# renamed FROM TO: before 6.2 only a link that is down takes another name
renamed() {
	on r ip link set "$1" down
	on r ip link set "$1" name "$2"
	on r ip link set "$2" up
}
has_clamp() { on r nft list table inet routerd_mss | grep -q 'maxseg size set 1300'; }

has_peer() { on r wg show wg-hybrid peers | grep -qxF "$1"; }
