# One key after another: announced, tried, taken or given up.
load ../lib/bats
load ../lib/exchange

@test "rotate: peers that know the next key lose no more than a handshake" {
	met
	was=$(on or wg show wg-hybrid public-key)
	router or rotate
	[ "$status" -eq 0 ]
	carry or pve-rt cr
	grep -q nextPublicKey "$RUN/pve-rt.yaml"
	until_ok eval '[ "$(on cr wg show wg-hybrid peers | wc -l)" -eq 2 ]'
	[ "$(on cr "$ROUTERCTL" status -o json | jq '.config.warnings | length')" -eq 0 ]
	on cr "$ROUTERCTL" get -o json | jq -e '[.objects[] | select(.kind == "WireGuardPeer")] |
		length == 1 and .[0].status.receivedBytes > 0'
	[ "$(on cr "$ROUTERCTL" metrics | grep -c '^routerd_peer_receive_bytes_total')" -eq 1 ]
	on oc ping -i 0.1 -w 6 10.77.60.7 >"$RUN/ping" 3>&- 4>&- &
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
	[[ $output == *'does not accept the next key'* ]]
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

@test "rotate: nobody in touch, a damaged next key, a full disk: nothing is done" {
	met
	was=$(on or wg show wg-hybrid public-key)
	router or rotate
	on or sh -c "cp $KEY.next /run/next && echo rubbish >$KEY.next"
	router or rotate --commit
	[ "$status" -eq 1 ]
	[[ $output == *"$KEY.next: it holds no key"* ]]
	on or sh -c "umask 077; cat /run/next >$KEY.next"
	on or mount -t tmpfs -o ro full $EXPORT
	router or rotate --commit
	[ "$status" -eq 1 ]
	[[ $output == *"$EXPORT/pve-rt.yaml: Read-only"* ]]
	on or umount $EXPORT
	daemon_kill or TERM
	on or ip link del wg-hybrid
	until_ok on or sh -c '! ip link show wg-hybrid'
	router or apply
	router or rotate --commit
	[ "$status" -eq 1 ]
	[[ $output == *'peer cloud-rt '*'is not in touch'* ]]
	[ "$(on or wg show wg-hybrid public-key)" = "$was" ]
	[ "$(on or sh -c "ls $KEY*" | wc -l)" -eq 3 ]
}

@test "rotate: once more, and on both sides, without a second carrying" {
	met
	for i in 1 2; do
		for side in or:pve-rt:cr cr:cloud-rt:or; do
			IFS=: read -r at self far <<<"$side"
			router "$at" rotate
			carry "$at" "$self" "$far"
			until_ok eval '[ "$(peers_of "$far" | wc -l)" -eq 2 ]'
			on oc ping -c 1 -W 5 10.77.60.7
			router "$at" rotate --commit
			[ "$status" -eq 0 ]
			until_ok on oc ping -c 1 -W 1 10.77.60.7
		done
	done
	[ "$(on or "$ROUTERCTL" status -o json | jq '.keys[0].generation')" -eq 3 ]
	[ "$(on cr "$ROUTERCTL" status -o json | jq '.config.warnings | length')" -eq 0 ]
}

@test "a disk that is copied in the middle of a rotation gets a key of its own" {
	two_sites
	local machines=1
	machine or aaaaaaaa-0000-4000-8000-000000000001
	for call in rename:when=1 unlink:when=1; do
		router or apply
		router or rotate
		was=$(on or sh -c "sort $KEY $KEY.next")
		on or env ASAN_OPTIONS=detect_leaks=0 strace -qq -o /dev/null -e trace="${call%:*}" \
			-e "inject=${call%:*}:signal=KILL:${call#*:}" "$ROUTERCTL" rotate --commit --force || true
		on or ip link del wg-hybrid
		machine or "aaaaaaaa-0000-4000-8000-00000000000$((++machines))"
		router or apply
		[[ $output == *'copy of another machine'* ]]
		run ! grep -qF "$(on or cat $KEY)" <<<"$was"
		run ! on or ls $KEY.next $KEY.previous
		on or ip link del wg-hybrid
	done
}
