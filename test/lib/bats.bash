# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # status, output, lines and KEY_* are for and from bats
# bats.bash - loaded by every test in netns/.
#
# A test has hosts of its own in RUN; router SITE ARGS runs $ROUTERCTL there and leaves
# $status, $output (both streams) and $lines.

ROOT=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
# shellcheck source-path=SCRIPTDIR
source "$ROOT/test/lib/site.bash"
source "$ROOT/test/lib/pair.bash"
source "$ROOT/test/lib/evidence.bash"
EXAMPLES=$ROOT/examples
: "${ROUTERCTL:=$ROOT/build/release/bin/routerctl}"

setup() {
	RUN=$BATS_TEST_TMPDIR
	bats_require_minimum_version 1.5.0
}

teardown() {
	site_end
}

router() { # router SITE ARGS...
	local site=$1
	shift
	run timeout 120 nsenter --target "${SITE[$site]}" --net --mount --pid -- "$ROUTERCTL" "$@"
	echo "routerctl $* -> $status"
	printf '%s\n' "$output" | head -n 40
}

# bare_key: a public key in no private one's form, which one in 16 has: alone in a file it is doubted.
bare_key() {
	local key low high
	while key=$(wg genkey | wg pubkey); do
		read -r low high < <(base64 -d <<<"$key" | od -An -tu1 -v -w32 | awk '{ print $1 % 8, $32 }')
		((low || high < 64)) && break
	done
	echo "$key"
}

# one_host: a router r with a LAN, lan0 10.77.60.2/24, and a WireGuard config in $RUN/r.yaml.
one_host() {
	site_new r peer
	wire r lan0 peer lan0
	on r ip addr add 10.77.60.2/24 dev lan0
	KEY_A=$(wg genkey | wg pubkey)
	KEY_B=$(wg genkey | wg pubkey)
	base >"$RUN/r.yaml"
	claim 10.77.60.7 >>"$RUN/r.yaml"
}

base() {
	cat <<-END
		apiVersion: net.routerd.net/v1alpha1
		kind: WireGuardInterface
		metadata: { name: wg-hybrid }
		spec: { privateKeyFile: $RUN/wg.key, listenPort: 51820 }
		---
		apiVersion: net.routerd.net/v1alpha1
		kind: IPv4StaticAddress
		metadata: { name: overlay }
		spec: { interface: wg-hybrid, address: 10.252.0.2/32 }
		---
		apiVersion: net.routerd.net/v1alpha1
		kind: WireGuardPeer
		metadata: { name: cloud }
		spec:
		  interface: wg-hybrid
		  publicKey: $KEY_A
		  endpoint: ${ENDPOINT:-203.0.113.20:51820}
		  allowedIPs: [10.252.0.1/32]
		  persistentKeepalive: 25
		---
		apiVersion: hybrid.routerd.net/v1alpha1
		kind: OverlayPeer
		metadata: { name: cloud }
		spec:
		  role: cloud
		  underlay: { type: wireguard, interface: wg-hybrid, address: 10.252.0.1 }
		---
		apiVersion: hybrid.routerd.net/v1alpha1
		kind: AddressMobilityDomain
		metadata: { name: lab }
		spec: { prefix: 10.77.60.0/24, peerRef: cloud }
	END
}

claim() { # claim ADDRESS [INTERFACE]
	cat <<-END
		---
		apiVersion: hybrid.routerd.net/v1alpha1
		kind: RemoteAddressClaim
		metadata: { name: vm-${1##*.} }
		spec:
		  domainRef: lab
		  address: $1/32
		  ownerSide: cloud
		  capture: { type: proxy-arp, interface: ${2:-lan0}, gratuitousARP: true }
	END
}

# daemon SITE: routerd serve there, until its first pass is over; its log is $RUN/SITE.log.
daemon() {
	on "$1" env "NOTIFY_SOCKET=${NOTIFY-}" "WATCHDOG_USEC=${WATCHDOG-}" "$ROUTERCTL" serve \
		>>"$RUN/$1.log" 2>&1 3>&- 4>&- &
	until_ok served "$1"
}

served() {
	on "$1" "$ROUTERCTL" status | grep -E '^lastPass:|source: "none"'
}

daemon_pid() { # daemon_pid SITE: as the machine counts
	pgrep --ns "${SITE[$1]}" --nslist pid -f ' serve$' | tail -n 1 | grep .
}

daemon_kill() { # daemon_kill SITE SIGNAL: and wait for its end
	local pid
	until_ok daemon_pid "$1"
	pid=$(daemon_pid "$1")
	kill "-$2" "$pid"
	until_ok eval "! kill -0 $pid"
}

has_not() { ! "$@"; }

# varlink SITE METHOD [PARAMETERS [MORE]]: the bare answer, as JSON
varlink() {
	printf '{"method":"%s","parameters":%s%s}\0' "$2" "${3:-{\}}" "${4-}" |
		on "$1" timeout 10 socat -t 5 - UNIX-CONNECT:/run/routerd/io.routerd | tr '\0' '\n'
}
