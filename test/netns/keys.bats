# Keys: made, exported, exchanged by one file each way, refused, rotated, and of a copied disk.
load ../lib/bats

KEY=/etc/routerd/keys/wg-hybrid.key
EXPORT=/var/lib/routerd/export
PEERS=/etc/routerd/peers

# configure SITE SELF ENDPOINT OVERLAY OWNED NIC PEER ROLE OVERLAY CLAIM CAPTURE: a
# configuration that names no key and no peer's endpoint.
configure() {
	cat <<-END | on "$1" sh -c "mkdir -p $PEERS && cat >/etc/routerd/router.yaml"
		apiVersion: net.routerd.net/v1alpha1
		kind: WireGuardInterface
		metadata: { name: wg-hybrid }
		spec: { privateKeyFile: $KEY, selfNodeRef: $2, endpoint: "$3:51820" }
		---
		apiVersion: net.routerd.net/v1alpha1
		kind: IPv4StaticAddress
		metadata: { name: overlay }
		spec: { interface: wg-hybrid, address: $4/32 }
		---
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

@test "two sites without any key: one file each way, and clients talk" {
	two_sites
	daemon cr
	daemon or
	on or "$ROUTERCTL" get -o json | jq -e '.objects[] | select(.kind == "RemoteAddressClaim")
		| .conditions[0] | .status == "False" and .reason == "WaitingForKey"'
	carry cr cloud-rt or
	carry or pve-rt cr
	until_ok on oc ping -c 1 -W 1 10.77.60.7
	until_ok on cc ping -c 1 -W 1 10.77.60.9
	[ "$(on or "$ROUTERCTL" status -o json | jq -r '.config.warnings | length')" -eq 0 ]
}

@test "the export is what wg pubkey prints, and the fingerprint what sha256sum begins with" {
	two_sites
	router or apply
	[ "$status" -eq 0 ]
	[ "$(on or cat $EXPORT/pve-rt.pub)" = "$(on or sh -c "wg pubkey <$KEY")" ]
	sum=$(on or base64 -d $EXPORT/pve-rt.pub | sha256sum)
	router or export
	[[ ${output//-/} == *"fingerprint ${sum:0:20}"* ]]
	[[ $output == *'generation 1'* ]]
	router or export -o pub
	[ "$output" = "$(on or cat $EXPORT/pve-rt.pub)" ]
	router or export -o json --node other-name
	jq -e '.metadata.name == "other-name" and .spec.endpoint == "198.51.100.20:51820"
		and .spec.allowedIPs == ["10.252.0.2/32", "10.77.60.9/32"]' <<<"$output"
	[ "$(on or stat -c %a $EXPORT)" = 755 ]
	[ "$(on or stat -c %a $EXPORT/pve-rt.yaml)" = 644 ]
	[ "$(on or stat -c %a $KEY)" = 600 ]
}

@test "the export follows key, name and endpoint, and is not written again for nothing" {
	two_sites
	daemon or
	until_ok on or test -s $EXPORT/pve-rt.yaml
	was=$(on or stat -c %i:%Y $EXPORT/pve-rt.yaml)
	on or "$ROUTERCTL" reload
	[ "$(on or stat -c %i:%Y $EXPORT/pve-rt.yaml)" = "$was" ]
	on or sed -i 's/198.51.100.20:51820/vpn.example.net:1/' /etc/routerd/router.yaml
	until_ok on or grep -q 'vpn.example.net:1' $EXPORT/pve-rt.yaml
	on or sed -i 's/selfNodeRef: pve-rt/selfNodeRef: new-rt/' /etc/routerd/router.yaml
	until_ok on or test -s $EXPORT/new-rt.yaml
	until_ok on or test ! -e $EXPORT/pve-rt.yaml
	on or rm $EXPORT/new-rt.pub
	on or "$ROUTERCTL" reload
	[ "$(on or cat $EXPORT/new-rt.pub)" = "$(on or sh -c "wg pubkey <$KEY")" ]
}

@test "a known node's key is not replaced without a word" {
	met
	known=$(on cr cat $EXPORT/cloud-rt.pub)
	sed "s|publicKey: .*|publicKey: \"$(wg genkey | wg pubkey)\"|" "$RUN/cloud-rt.yaml" \
		>"$RUN/evil.yaml"
	on or sh -c "cat >$PEERS/cloud-rt.yaml" <"$RUN/evil.yaml"
	until_ok eval 'on or "$ROUTERCTL" status | grep -q "is known by the key"'
	grep -q 'import --replace' "$RUN/or.log"
	[ "$(on or wg show wg-hybrid peers)" = "$known" ]
	on oc ping -c 1 -W 2 10.77.60.7
	router or import "$RUN/evil.yaml"
	[ "$status" -eq 1 ]
	[[ $output == *"$(print_of cr)"* ]]
	router or import --replace "$RUN/evil.yaml"
	[ "$status" -eq 0 ]
	until_ok eval '[ "$(on or wg show wg-hybrid peers)" != "$known" ]'
	on or sh -c "cat >$PEERS/cloud-rt.yaml" <"$RUN/cloud-rt.yaml"
	until_ok eval 'on or "$ROUTERCTL" status | grep -q "is known by the key"'
	router or import --replace "$PEERS/cloud-rt.yaml"
	[ "$status" -eq 0 ]
	until_ok eval '[ "$(on or wg show wg-hybrid peers)" = "$known" ]'
}

@test "what is known outlives a restart and the removal of the file" {
	met
	on or rm $PEERS/cloud-rt.yaml
	until_ok eval '[ -z "$(on or wg show wg-hybrid peers)" ]'
	daemon_kill or TERM
	daemon or
	on or sh -c "cat >$PEERS/cloud-rt.pub" <<<"$(wg genkey | wg pubkey)"
	until_ok eval 'on or "$ROUTERCTL" status | grep -q "is known by the key"'
	until_ok eval '[ "$(on or wg show wg-hybrid peers)" = "$(on cr cat $EXPORT/cloud-rt.pub)" ]'
}

@test "import: each mistake has its own words, and nothing is done" {
	two_sites
	router or apply
	router cr apply
	on cr "$ROUTERCTL" export >"$RUN/good.yaml"
	print=$(sed -n 's/^# fingerprint //p' "$RUN/good.yaml")
	private=$(on or cat $KEY) public=$(on or cat $EXPORT/pve-rt.pub)
	bad() { # bad WORDS ARGS...: and standard input
		cat >"$RUN/in"
		run on or "$ROUTERCTL" import "${@:2}" "$RUN/in"
		echo "$output"
		[ "$status" -eq 1 ]
		[[ $output == *"$1"* ]]
		[[ $output != *"$private"* ]]
	}
	with() { sed "s|publicKey: .*|publicKey: \"$1\"|" "$RUN/good.yaml"; }
	with "$private" | bad 'this is the PRIVATE key of'
	with "$public" | bad 'the key of this node itself'
	with AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= | bad 'low order'
	with abc | bad '44 characters of base64'
	wg genkey | bad 'may be a PRIVATE key' --node x
	echo "$public" | bad 'does not say whose it is'
	bad 'is not the key that was' --expect 0000-0000-0000-0000-0000 <"$RUN/good.yaml"
	bad "is the export of node 'cloud-rt'" --node other <"$RUN/good.yaml"
	sed '/^spec:/,$d' "$RUN/good.yaml" | bad 'publicKey'
	head -c 280 "$RUN/good.yaml" | bad 'unexpected end of stream'
	sed 's/kind: .*/kind: Sysctl/' "$RUN/good.yaml" | bad 'no field spec.publicKey'
	{ cat "$RUN/good.yaml" && echo --- && cat "$RUN/good.yaml"; } | bad 'holds one WireGuardPeer'
	head -c 70000 /dev/zero | bad 'larger than 64 KiB'
	sed 's/allowedIPs:/privateKey: x\n  allowedIPs:/' "$RUN/good.yaml" | bad 'privateKey'
	[ -z "$(on or ls $PEERS)" ]
	router or import --expect "${print^^}" "$RUN/good.yaml"
	[ "$status" -eq 0 ]
	[ "$(on or ls $PEERS)" = cloud-rt.yaml ]
	router or import "$RUN/good.yaml"
	[[ $output == *'it is there already'* ]]
	sed 's/name: .*/name: twin/' "$RUN/good.yaml" | bad 'no two nodes have one key'
	on or "$ROUTERCTL" import --node cloud-rt - <<<"$(on cr cat $EXPORT/cloud-rt.pub)"
}

@test "what is wrong in the peers folder is left out, and holds nothing up" {
	met
	on or sh -c "cd $PEERS && ln -s /etc/shadow link.yaml && mkfifo fifo.yaml && mkdir dir.yaml &&
		truncate -s 1G huge.yaml && head -c 60 cloud-rt.yaml >half.yaml &&
		head -c 3000 /dev/urandom >noise.yaml && : >empty.yaml && : >empty.pub &&
		echo nonsense >'a\"b.pub' && wg genkey >private.pub && cp cloud-rt.yaml twin2.yaml &&
		sed -i s/cloud-rt/twin/ twin2.yaml"
	until_ok eval 'on or "$ROUTERCTL" status | grep -q "twin2.yaml.*no two nodes"'
	on or "$ROUTERCTL" status >"$RUN/status"
	for name in link fifo dir huge half noise empty private; do
		grep -q "$PEERS/$name[.].*left out" "$RUN/status"
	done
	[ "$(on or wg show wg-hybrid peers)" = "$(on cr cat $EXPORT/cloud-rt.pub)" ]
	on oc ping -c 1 -W 2 10.77.60.7
	daemon_kill or KILL
	daemon or
	on oc ping -c 1 -W 2 10.77.60.7
	router or validate
	[ "$status" -eq 0 ]
}

@test "what an import takes from others is left out, and the configuration stays" {
	met
	sed -e 's/cloud-rt/thief/' -e "s|publicKey: .*|publicKey: \"$(wg genkey | wg pubkey)\"|" \
		"$RUN/cloud-rt.yaml" >"$RUN/thief.yaml"
	on or sh -c "cat >$PEERS/thief.yaml" <"$RUN/thief.yaml"
	until_ok eval 'on or "$ROUTERCTL" status | grep -q "thief.yaml.*left out"'
	[ "$(on or wg show wg-hybrid peers)" = "$(on cr cat $EXPORT/cloud-rt.pub)" ]
	on oc ping -c 1 -W 2 10.77.60.7
}

@test "rotate: peers that know the next key lose no more than a handshake" {
	met
	was=$(on or wg show wg-hybrid public-key)
	router or rotate
	[ "$status" -eq 0 ]
	carry or pve-rt cr
	grep -q nextPublicKey "$RUN/pve-rt.yaml"
	until_ok eval '[ "$(on cr wg show wg-hybrid peers | wc -l)" -eq 2 ]'
	[ "$(on cr "$ROUTERCTL" status -o json | jq '.config.warnings | length')" -eq 0 ]
	on oc ping -i 0.1 -w 12 10.77.60.7 >"$RUN/ping" 3>&- 4>&- &
	ping=$!
	router or rotate --commit
	[ "$status" -eq 0 ]
	wait "$ping" || true
	tail -n 3 "$RUN/ping"
	read -r sent received < <(sed -n 's/^\([0-9]*\) packets transmitted, \([0-9]*\) .*/\1 \2/p' \
		"$RUN/ping")
	((sent - received < 50)) # REKEY_TIMEOUT, 5 s
	[ "$(on or wg show wg-hybrid public-key)" != "$was" ]
	[[ $(on or "$ROUTERCTL" status -o json | jq '.keys[0].generation') -eq 2 ]]
	run ! on or ls $KEY.next $KEY.previous
	carry or pve-rt cr
	until_ok eval '[ "$(on cr wg show wg-hybrid peers)" = "$(on or wg show wg-hybrid public-key)" ]'
	[ "$(on cr "$ROUTERCTL" status -o json | jq '.config.warnings | length')" -eq 0 ]
	on oc ping -c 1 -W 2 10.77.60.7
}

@test "rotate: a peer that was not told brings the old key back" {
	met
	was=$(on or wg show wg-hybrid public-key)
	router or rotate
	router or rotate --commit
	[ "$status" -eq 1 ]
	[[ $output == *'does not accept the new key'* ]]
	[ "$(on or wg show wg-hybrid public-key)" = "$was" ]
	until_ok on oc ping -c 1 -W 1 10.77.60.7
	router or rotate --abort
	[ "$status" -eq 0 ]
	run ! on or ls $KEY.next
	router or rotate --abort
	[ "$status" -eq 1 ]
}

@test "a next key that the known one does not vouch for is not used" {
	met
	router or rotate
	until_ok on or grep -q nextPublicKey $EXPORT/pve-rt.yaml
	on or cat $EXPORT/pve-rt.yaml |
		sed "s|nextPublicKey: .*|nextPublicKey: \"$(wg genkey | wg pubkey)\"|" >"$RUN/evil.yaml"
	on cr sh -c "cat >$PEERS/pve-rt.yaml" <"$RUN/evil.yaml"
	until_ok eval 'on cr "$ROUTERCTL" status | grep -q "does not vouch"'
	[ "$(on cr wg show wg-hybrid peers | wc -l)" -eq 1 ]
	router cr import "$RUN/evil.yaml"
	[ "$status" -eq 1 ]
	router cr import --replace "$RUN/evil.yaml"
	[ "$status" -eq 0 ]
	until_ok eval '[ "$(on cr wg show wg-hybrid peers | wc -l)" -eq 2 ]'
}

# machine SITE UUID [PROVIDER INSTANCE]: what firmware and first boot say
machine() {
	on "$1" sh -c "mountpoint -q /sys/class || mount -t tmpfs class /sys/class;
		mkdir -p /sys/class/dmi/id /run/routerd; echo $2 >/sys/class/dmi/id/product_uuid;
		echo '{\"provider\": \"${3:-}\", \"instanceId\": \"${4:-}\"}' >/run/routerd/node.json"
}

@test "a copied disk gets a key of its own; stop, start and NoCloud's edits keep it" {
	two_sites
	machine or aaaaaaaa-0000-4000-8000-000000000001 nocloud one
	router or apply
	was=$(on or cat $EXPORT/pve-rt.pub)
	machine or aaaaaaaa-0000-4000-8000-000000000001 nocloud two
	router or apply
	[ "$(on or cat $EXPORT/pve-rt.pub)" = "$was" ]
	on or ip link del wg-hybrid
	machine or aaaaaaaa-0000-4000-8000-000000000002 nocloud two
	on or sh -c 'touch /dev/shm/console && mount --bind /dev/shm/console /dev/console'
	daemon or
	until_ok grep -q 'copy of another machine' "$RUN/or.log"
	on or grep -q 'copy of another machine' /dev/console
	on or grep -q 'public key .* fingerprint' /dev/console
	until_ok eval '[ "$(on or cat $EXPORT/pve-rt.pub)" != "$was" ]'
	aside=$(on or sh -c "ls $KEY.clone-*Z")
	[ "$(on or sh -c "wg pubkey <$aside")" = "$was" ]
	[ "$(on or stat -c %a "$aside")" = 600 ]
	daemon_kill or TERM
	on or mv "$aside" $KEY
	router or apply
	[ "$(on or cat $EXPORT/pve-rt.pub)" = "$was" ]
}

@test "--adopt-identity: a restored disk keeps its key" {
	two_sites
	machine or aaaaaaaa-0000-4000-8000-000000000001 aws i-1
	router or apply
	was=$(on or cat $EXPORT/pve-rt.pub)
	on or ip link del wg-hybrid
	machine or aaaaaaaa-0000-4000-8000-000000000001 aws i-2
	router or apply --adopt-identity
	[ "$(on or cat $EXPORT/pve-rt.pub)" = "$was" ]
	router or apply
	[ "$(on or cat $EXPORT/pve-rt.pub)" = "$was" ]
	on or ip link del wg-hybrid
	machine or aaaaaaaa-0000-4000-8000-000000000001 aws i-3
	router or apply
	[ "$(on or cat $EXPORT/pve-rt.pub)" != "$was" ]
}

@test "a kill at any call of making a next key and its export leaves whole files" {
	two_sites
	router or apply
	whole() { # each file is there, whole, with its own mode; or not at all
		for file in pve-rt.pub pve-rt.yaml; do
			mode=$(on or stat -c %a "$EXPORT/$file" 2>/dev/null) || continue
			[ "$mode" = 644 ]
		done
		[ "$(on or cat $EXPORT/pve-rt.pub 2>/dev/null | wc -c)" = 45 ] ||
			[ ! "$(on or ls $EXPORT/pve-rt.pub 2>/dev/null)" ]
		! on or test -e $EXPORT/pve-rt.yaml || on or tail -n 1 $EXPORT/pve-rt.yaml | grep -q 10.77.60.9
		! on or test -e $KEY.next || [ "$(on or stat -c %a:%s $KEY.next)" = 600:45 ]
	}
	kills=0
	for call in openat write fsync fchmod linkat rename unlinkat mkdir; do
		for ((n = 1; n < 100; n++)); do
			on or sh -c "rm -rf $KEY.next $EXPORT"
			on or env ASAN_OPTIONS=detect_leaks=0 strace -qq -o /dev/null \
				-e "trace=$call" -e "inject=$call:signal=KILL:when=$n" \
				"$ROUTERCTL" rotate >/dev/null 2>&1 && break
			kills=$((kills + 1))
			whole
		done
		((n < 100))
	done
	((kills > 30))
	on or "$ROUTERCTL" rotate
	[ "$(on or sh -c "ls $KEY* $EXPORT | wc -w")" -eq 6 ]
}
