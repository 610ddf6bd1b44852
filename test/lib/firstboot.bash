# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034,SC2016 # for and from bats; jq has variables too
# firstboot.bash - a machine r on its first boot, from the picture of one in $RUN/picture: a
# Proxmox VE guest with a cidata disk. Needs bats.bash.

FIRST=${ROUTERCTL%/*}/routerd-firstboot
SEED=picture/dev/disk/by-label/cidata
EXPORT=/var/lib/routerd/export
FAR_KEY=5Jp1Jt2Zt0m9S5y2kq8g3T0qWmY9c1o7m0b8sGm0bWk= # nobody's

# machine_new: r, with a LAN and a console of its own
machine_new() {
	site_new r client
	wire r lan0 client lan0
	on r ip addr add 10.77.60.2/24 dev lan0
	on r sh -c 'touch /dev/shm/console && mount --bind /dev/shm/console /dev/console'
	picture
}

picture() {
	local net=$RUN/picture/sys/class/net/lan0
	mkdir -p "$RUN/picture/sys/class/dmi/id" "$net/device" "$RUN/$SEED"
	echo QEMU >"$RUN/picture/sys/class/dmi/id/sys_vendor"
	on r ip -j link show lan0 | jq -r ".[0].address" >"$net/address"
	echo 1500 >"$net/mtu"
	echo 1 >"$net/type"
	echo 'INTERFACE=lan0' >"$net/uevent"
	echo 'instance-id: 0f1e2d' >"$RUN/$SEED/meta-data"
}

# resources [KEYFILE [INTERFACE]]: a configuration that waits for cloud-rt's key
resources() {
	cat <<-END
		apiVersion: net.routerd.net/v1alpha1
		kind: WireGuardInterface
		metadata: { name: wg-hybrid }
		spec: { privateKeyFile: ${1:-/etc/routerd/keys/wg-hybrid.key}, selfNodeRef: pve-rt }
		---
		apiVersion: net.routerd.net/v1alpha1
		kind: IPv4StaticAddress
		metadata: { name: overlay }
		spec: { interface: wg-hybrid, address: 10.252.0.2/32 }
		---
		apiVersion: hybrid.routerd.net/v1alpha1
		kind: OverlayPeer
		metadata: { name: other }
		spec:
		  role: cloud
		  nodeID: cloud-rt
		  underlay: { type: wireguard, interface: wg-hybrid, address: 10.252.0.1 }
		---
		apiVersion: hybrid.routerd.net/v1alpha1
		kind: AddressMobilityDomain
		metadata: { name: lab }
		spec: { prefix: 10.77.60.0/24, peerRef: other, ownedAddresses: [10.77.60.9/32] }
		---
		apiVersion: hybrid.routerd.net/v1alpha1
		kind: RemoteAddressClaim
		metadata: { name: vm }
		spec:
		  domainRef: lab
		  address: 10.77.60.7/32
		  capture: { type: proxy-arp, interface: ${2:-auto} }
	END
}

# user_data: from lines on stdin below routerd:
user_data() {
	{
		printf '#cloud-config\nhostname: pve-rt\nrouterd:\n  install_packages: false\n'
		sed 's/^/  /'
	} >"$RUN/$SEED/user-data"
}

# inline: user-data that carries what is on stdin as its configuration
inline() {
	{
		echo 'node: pve-rt'
		echo 'config: |'
		sed 's/^/  /'
	} | user_data
}

# first [ARGUMENT]...: leaves $status, $output (both streams)
first() {
	run timeout 120 nsenter --target "${SITE[r]}" --net --mount --pid -- \
		env "PATH=$RUN/bin:$PATH" "$FIRST" --root "$RUN/picture" "$@"
	echo "routerd-firstboot $* -> $status"
	printf '%s\n' "$output" | head -n 40
}

reported() { # reported JQ: of first boot's report
	on r jq -e "$1" /run/routerd/firstboot.json
}

step() { # step NAME RESULT [WORDS]
	on r jq -e --arg n "$1" --arg r "$2" --arg w "${3-}" '.steps[] | select(.name == $n) |
		.result == $r and (.detail | contains($w))' /run/routerd/firstboot.json || {
		on r jq -c '.steps[]' /run/routerd/firstboot.json
		return 1
	}
}

# systemd: r has one, which notes in $RUN/calls what it is asked
systemd() {
	on r mkdir -p /run/systemd/system
	mkdir -p "$RUN/bin"
	printf '#!/bin/sh\n[ "$1" != is-enabled ] || exit 1\necho "$*" >>%s\n' "$RUN/calls" >"$RUN/bin/systemctl"
	chmod 755 "$RUN/bin/systemctl"
	: >"$RUN/calls"
}

# everything that is to survive, with contents and modes, but for times and for what a kill left
# half written, which is swept away a minute later
state_of() {
	on r sh -c 'cd / && find etc/routerd var/lib/routerd ! -name "*.lock" ! -name ".*.new-*" -printf "%p %y %m %n %l\n" |
		sort && find etc/routerd var/lib/routerd -type f ! -name "*.record" ! -name ".*.new-*" -exec sha256sum {} + | sort'
}
