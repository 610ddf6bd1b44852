# shellcheck shell=bash
# shellcheck disable=SC2034 # for tests
# exchange.bash - the two sites of pair.bash with configurations that name no key. Needs
# bats.bash.

KEY=/etc/routerd/keys/wg-hybrid.key
EXPORT=/var/lib/routerd/export
PEERS=/etc/routerd/peers

# tunnel SELF ENDPOINT OVERLAY: a node's own end, of a configuration
tunnel() {
	cat <<-END
		apiVersion: net.routerd.net/v1alpha1
		kind: WireGuardInterface
		metadata: { name: wg-hybrid }
		spec: { privateKeyFile: $KEY, selfNodeRef: $1, endpoint: "$2:51820" }
		---
		apiVersion: net.routerd.net/v1alpha1
		kind: IPv4StaticAddress
		metadata: { name: overlay }
		spec: { interface: wg-hybrid, address: $3/32 }
		---
	END
}

# configure SITE SELF ENDPOINT OVERLAY OWNED NIC PEER ROLE OVERLAY CLAIM CAPTURE: a
# configuration that names no key and no peer's endpoint.
configure() {
	on "$1" mkdir -p $PEERS
	{ tunnel "$2" "$3" "$4" && cat; } <<-END | on "$1" sh -c 'cat >/etc/routerd/router.yaml'
		apiVersion: hybrid.routerd.net/v1alpha1
		kind: OverlayPeer
		metadata: { name: other }
		spec:
		  role: $8
		  nodeID: $7
		  underlay: { type: wireguard, interface: wg-hybrid, address: $9 }
		---
		apiVersion: hybrid.routerd.net/v1alpha1
		kind: AddressMobilityDomain
		metadata: { name: lab }
		spec: { prefix: 10.77.60.0/24, peerRef: other, ownedAddresses: [$5/32] }
		---
		apiVersion: hybrid.routerd.net/v1alpha1
		kind: RemoteAddressClaim
		metadata: { name: vm }
		spec: { domainRef: lab, address: ${10}/32, capture: { type: ${11}, interface: $6 } }
	END
}

two_sites() {
	pair_new
	configure cr cloud-rt 203.0.113.20 10.252.0.1 10.77.60.7 eth0 \
		pve-rt onprem 10.252.0.2 10.77.60.9 provider-secondary-ip
	configure or pve-rt 198.51.100.20 10.252.0.2 10.77.60.9 ens21 \
		cloud-rt cloud 10.252.0.1 10.77.60.7 proxy-arp
}

# carry FROM NODE TO: the one file, as scp would
carry() {
	until_ok on "$1" test -s $EXPORT/"$2.yaml"
	on "$1" cat $EXPORT/"$2.yaml" >"$RUN/$2.yaml"
	on "$3" sh -c "cat >$PEERS/$2.yaml" <"$RUN/$2.yaml"
}

met() {
	two_sites
	daemon cr
	daemon or
	carry cr cloud-rt or
	carry or pve-rt cr
	until_ok on oc ping -c 1 -W 1 10.77.60.7
}

print_of() { # print_of SITE: the fingerprint of the key in use
	on "$1" "$ROUTERCTL" status -o json | jq -r '.keys[0].fingerprint'
}

# machine SITE UUID [PROVIDER INSTANCE]: what firmware and first boot say
machine() {
	on "$1" sh -c "mountpoint -q /sys/class || mount -t tmpfs class /sys/class;
		mkdir -p /sys/class/dmi/id /run/routerd; echo $2 >/sys/class/dmi/id/product_uuid;
		echo '{\"provider\": \"${3:-}\", \"instanceId\": \"${4:-}\"}' >/run/routerd/node.json"
}

peers_of() { on "$1" wg show wg-hybrid peers; }

# stranger NAME [KEY]: an export of the same contents as cloud-rt's, but for name and key
stranger() {
	sed -e "s/cloud-rt/$1/" -e "s|publicKey: .*|publicKey: \"${2-$(wg genkey | wg pubkey)}\"|" \
		"$RUN/cloud-rt.yaml"
}
