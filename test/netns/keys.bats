# Keys: made, exported, exchanged by one file each way, refused, and of a copied disk.
load ../lib/bats
load ../lib/exchange

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
	on or sh -c "cat >$PEERS/cloud-rt.pub" <<<"$(bare_key)"
	until_ok eval 'on or "$ROUTERCTL" status | grep -q "is known by the key"'
	until_ok eval '[ "$(on or wg show wg-hybrid peers)" = "$(on cr cat $EXPORT/cloud-rt.pub)" ]'
}

@test "import: each mistake has its own words, and nothing is done" {
	two_sites
	KEY_C=$(wg genkey | wg pubkey)
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
	{ cat "$RUN/good.yaml" && echo --- && cat "$RUN/good.yaml"; } | bad 'want one WireGuardPeer and nothing else'
	head -c 1100000 /dev/zero | bad 'larger than 1 MiB'
	sed 's/allowedIPs:/privateKey: x\n  allowedIPs:/' "$RUN/good.yaml" | bad 'privateKey'
	: | bad 'empty: did the export'
	bad 'is no fingerprint' --expect 3f2a-91bc <"$RUN/good.yaml"
	[ -z "$(on or ls $PEERS)" ]
	router or import --expect "${print^^}" "$RUN/good.yaml"
	[ "$status" -eq 0 ]
	[ "$(on or ls $PEERS)" = cloud-rt.yaml ]
	router or import "$RUN/good.yaml"
	[[ $output == *'it is there already'* ]]
	sed 's/name: .*/name: twin/' "$RUN/good.yaml" | bad 'no two nodes have one key'
	on or "$ROUTERCTL" import --node cloud-rt - <<<"$(on cr cat $EXPORT/cloud-rt.pub)"
	wg genkey | bad 'may be a PRIVATE key' --replace --node cloud-rt
	sed 's/name: .*/name: typo-rt/' "$RUN/good.yaml" |
		sed "s|publicKey: .*|publicKey: \"$KEY_C\"|" >"$RUN/typo.yaml"
	on or rm $PEERS/cloud-rt.yaml
	router or import --dry-run "$RUN/typo.yaml"
	[[ $output == *"still, OverlayPeer/other waits for the public key of node 'cloud-rt'"* ]]
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
	[ "$(on or "$ROUTERCTL" status -o json | jq -r '.keys[0].setAsideAsCopy')" = "$aside" ]
	run on or "$ROUTERCTL" doctor wireguard
	[[ $output == *"$aside"*'copy of another machine'* ]]
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
	signs=$(on or "${ROUTERCTL%/*}/routerd-exchange" --show)
	on or ip link del wg-hybrid
	machine or aaaaaaaa-0000-4000-8000-000000000001 aws i-2
	router or apply --adopt-identity
	[ "$(on or cat $EXPORT/pve-rt.pub)" = "$was" ]
	[ "$(on or "${ROUTERCTL%/*}/routerd-exchange" --show)" = "$signs" ]
	router or apply
	[ "$(on or cat $EXPORT/pve-rt.pub)" = "$was" ]
	on or ip link del wg-hybrid
	machine or aaaaaaaa-0000-4000-8000-000000000001 aws i-3
	router or apply
	[ "$(on or cat $EXPORT/pve-rt.pub)" != "$was" ]
}

@test "of several files about a node the good one is taken, in any order" {
	met
	known=$(peers_of or)
	for name in aaa.yaml cloud-rt.json zzz.yaml; do
		stranger cloud-rt | on or sh -c "cat >$PEERS/$name"
		until_ok eval 'on or "$ROUTERCTL" status | grep -q "$PEERS/$name"'
		[ "$(peers_of or)" = "$known" ]
		[ "$(on or "$ROUTERCTL" status -o json | jq '.config.warnings | length')" -eq 1 ]
		on or rm "$PEERS/$name"
	done
	on or cp $PEERS/cloud-rt.yaml $PEERS/again.yaml
	until_ok eval 'on or "$ROUTERCTL" status | grep -q "is about node .*cloud-rt.* already"'
	[ "$(peers_of or)" = "$known" ]
	on or rm $PEERS/again.yaml
	on cr cat $EXPORT/cloud-rt.pub | on or sh -c "cat >$PEERS/cloud-rt.pub"
	until_ok eval 'on or "$ROUTERCTL" status | grep -q "warnings: \[\]"'
}

@test "no name, copy or next key takes the place of a known node" {
	met
	known=$(peers_of or)
	stranger other >"$RUN/other.yaml"             # as the OverlayPeer is called
	stranger aaa "$known" >"$RUN/aaa.yaml"        # a copy of the known key
	stranger aab | sed "s|^  endpoint|  nextPublicKey: $known\n  endpoint|" >"$RUN/aab.yaml"
	stranger aac >"$RUN/aac.yaml"                 # the known one's addresses
	for name in other aaa aab aac; do
		(cd "$RUN" && router or import "$RUN/$name.yaml" && [ "$status" -eq 1 ])
		on or sh -c "cat >$PEERS/$name.yaml" <"$RUN/$name.yaml"
		until_ok eval 'on or "$ROUTERCTL" status | grep -q "$PEERS/$name.yaml.*left out"'
		[ "$(peers_of or)" = "$known" ]
	done
	on oc ping -c 1 -W 2 10.77.60.7
}

@test "an import says nothing of our keys, our files or the whole world" {
	met
	router or rotate
	{
		stranger x | sed "s|^  endpoint|  nextPublicKey: $(on or cat $KEY)\n  endpoint|"
	} >"$RUN/a.yaml"
	stranger x "$(on or cat $KEY.next)" >"$RUN/b.yaml"
	stranger x "$(on or sh -c "wg pubkey <$KEY.next")" >"$RUN/c.yaml"
	stranger x | sed 's|^  endpoint|  presharedKeyFile: /etc/passwd\n  endpoint|' >"$RUN/d.yaml"
	stranger x | sed 's|10.252.0.1/32|0.0.0.0/0|' >"$RUN/e.yaml"
	stranger "$(printf 'n%.0s' {1..201})" >"$RUN/f.yaml"
	for name in a:PRIVATE b:PRIVATE c:itself d:"no other file" e:'every address' f:'200 bytes'; do
		router or import "$RUN/${name%%:*}.yaml"
		[ "$status" -eq 1 ]
		[[ $output == *"${name#*:}"* ]]
		on or sh -c "cat >$PEERS/x.yaml" <"$RUN/${name%%:*}.yaml"
		until_ok eval 'on or "$ROUTERCTL" status | grep -q "x.yaml.*left out"'
	done
	run ! on or ls /var/lib/routerd/known/x.yaml
	on oc ping -c 1 -W 2 10.77.60.7
}

@test "a damaged known document is told, and another key is not believed for it" {
	met
	on or sh -c 'echo "{" >/var/lib/routerd/known/cloud-rt.yaml'
	stranger cloud-rt | on or sh -c "cat >$PEERS/cloud-rt.yaml"
	until_ok eval 'on or "$ROUTERCTL" status | grep -q "cloud-rt.yaml (it is damaged)"'
	[ -z "$(peers_of or)" ]
	router or import --replace "$RUN/cloud-rt.yaml"
	[ "$status" -eq 0 ]
	until_ok on oc ping -c 1 -W 1 10.77.60.7
}

@test "a bare key of a known node leaves its endpoint and addresses" {
	met
	router or import --replace --node cloud-rt - <<<"$(on cr cat $EXPORT/cloud-rt.pub)"
	[ "$status" -eq 0 ]
	on or grep -q 203.0.113.20:51820 $PEERS/cloud-rt.yaml
	on or grep -q 10.77.60.7/32 $PEERS/cloud-rt.yaml
}

@test "the export folder keeps what others put there" {
	two_sites
	daemon or
	until_ok on or test -s $EXPORT/pve-rt.yaml
	on or sh -c "echo mine >$EXPORT/mine.txt; cp $EXPORT/pve-rt.pub $EXPORT/other.pub
		sed s/pve-rt/far-rt/ $EXPORT/pve-rt.yaml >$EXPORT/copy.yaml"
	on or sed -i 's/selfNodeRef: pve-rt/selfNodeRef: new-rt/' /etc/routerd/router.yaml
	until_ok on or test -s $EXPORT/new-rt.yaml
	until_ok on or test ! -e $EXPORT/pve-rt.pub
	[ "$(on or ls $EXPORT | xargs)" = 'copy.yaml mine.txt new-rt.pub new-rt.yaml other.pub' ]
}

@test "an export that cannot be written is told once, and put right by itself" {
	two_sites
	daemon or
	until_ok on or test -s $EXPORT/pve-rt.yaml
	on or mount -t tmpfs -o ro none $EXPORT
	for _ in 1 2 3; do
		sleep 1.1 # get looks anew when the last look is a second old
		on or "$ROUTERCTL" get >/dev/null
	done
	[ "$(grep -c 'pve-rt.yaml cannot be written: Read-only' "$RUN/or.log")" -eq 1 ]
	on or mount -o remount,rw $EXPORT
	sleep 1.1
	on or "$ROUTERCTL" get >/dev/null
	on or test -s $EXPORT/pve-rt.yaml
}
