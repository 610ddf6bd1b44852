# Keys, peers, allowed IPs and endpoints.

load ../lib/bats

@test "a key is made where there is none: 0600, in a folder of 0700, and never again" {
	one_host
	sed -i "s|$RUN/wg.key|$RUN/keys/wg.key|" "$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	[ "$(stat -c %a "$RUN/keys" "$RUN/keys/wg.key" | xargs)" = '700 600' ]
	public=$(wg pubkey <"$RUN/keys/wg.key")
	[[ $output == *"made the key $RUN/keys/wg.key; its public half is $public"* ]]
	[ "$(on r wg show wg-hybrid public-key)" = "$public" ]
	router r delete --all
	router r apply -f "$RUN/r.yaml"
	[[ $output != *'made the key'* ]]
	[ "$(on r wg show wg-hybrid public-key)" = "$public" ]
}

@test "the private key is nowhere but in its file" {
	one_host
	router r apply -f "$RUN/r.yaml"
	key=$(cat "$RUN/wg.key")
	[[ $output != *"$key"* ]]
	router r plan -o json -f "$RUN/r.yaml"
	[[ $output != *"$key"* ]]
	router r render -f "$RUN/r.yaml"
	[[ $output != *"$key"* ]]
}

@test "a key file others can read is refused, and nothing is changed" {
	one_host
	wg genkey >"$RUN/wg.key"
	chmod 644 "$RUN/wg.key"
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	[[ $output == *"r.yaml:4:"*"spec.privateKeyFile: $RUN/wg.key can be read or written by others; run 'chmod 600 $RUN/wg.key'"* ]]
	run ! on r ip link show wg-hybrid
	[ "$(on r cat /proc/sys/net/ipv4/ip_forward)" = 0 ]
}

@test "a damaged key file is moved aside, and a key made" {
	one_host
	for text in '' 'rubbish' "$(head -c 80 /dev/zero | tr '\0' A)"; do
		printf '%s' "$text" >"$RUN/wg.key"
		chmod 600 "$RUN/wg.key"
		router r plan -f "$RUN/r.yaml"
		[[ $output == *'link wg-hybrid'*'(its key will be made)'* ]]
		[ "$(cat "$RUN/wg.key")" = "$text" ]
		router r apply -f "$RUN/r.yaml"
		aside=$(echo "$RUN"/wg.key.damaged-20*Z)
		[ "$(cat "$aside")" = "$text" ]
		public=$(wg pubkey <"$RUN/wg.key")
		[[ $output == *"moved the damaged $RUN/wg.key to $aside; made the key $RUN/wg.key; its public half is $public"* ]]
		[ "$(on r wg show wg-hybrid public-key)" = "$public" ]
		router r apply -f "$RUN/r.yaml"
		[ -z "$output" ]
		on r "$ROUTERCTL" delete --all
		rm "$aside" "$RUN/wg.key"
	done
}

@test "a key file that is gone or damaged under a tunnel that works is left to its operator" {
	one_host
	router r apply -f "$RUN/r.yaml"
	key=$(cat "$RUN/wg.key")
	for how in gone damaged; do
		rm "$RUN/wg.key"
		[[ $how == gone ]] || (umask 077 && echo rubbish >"$RUN/wg.key")
		router r apply -f "$RUN/r.yaml"
		[ "$status" -eq 1 ]
		[[ $output == *"$RUN/wg.key is $how, but wg-hybrid still has the key"* ]]
		[[ $how == damaged ]] || [ ! -e "$RUN/wg.key" ]
		[ -z "$(find "$RUN" -name 'wg.key.damaged*')" ]
		[ "$(on r wg show wg-hybrid private-key)" = "$key" ]
		on r sh -c "$(sed -n "s/.*key: '\((umask[^']*\)' writes it back.*/\1/p" <<<"$output")"
		router r apply -f "$RUN/r.yaml"
		[ -z "$output" ]
		[ "$(cat "$RUN/wg.key")" = "$key" ]
	done
}

@test "a symbolic link to a damaged key is an error, and moves nothing" {
	one_host
	echo rubbish >"$RUN/real"
	chmod 600 "$RUN/real"
	ln -s real "$RUN/wg.key"
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	[[ $output == *"$RUN/wg.key is no plain file with a WireGuard key; move it away"* ]]
	[[ $output == *'6 more wait for what failed'* ]]
	[ "$(cat "$RUN/wg.key")" = rubbish ]
	run ! on r ip link show wg-hybrid
	on r ip neigh show proxy | grep -q 10.77.60.7
}

@test "a key that changes in its file is taken up" {
	one_host
	router r apply -f "$RUN/r.yaml"
	(umask 077 && wg genkey >"$RUN/wg.key")
	router r apply -f "$RUN/r.yaml"
	[[ ${lines[0]} == 'change link wg-hybrid'* ]]
	[ "$(on r wg show wg-hybrid public-key)" = "$(wg pubkey <"$RUN/wg.key")" ]
	router r apply -f "$RUN/r.yaml"
	[ -z "$output" ]
}

@test "a preshared key comes, changes and goes" {
	one_host
	(umask 077 && wg genpsk >"$RUN/psk")
	cp "$RUN/r.yaml" "$RUN/without.yaml"
	sed -i "s|persistentKeepalive: 25|&\n  presharedKeyFile: $RUN/psk|" "$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	[ "$(on r wg show wg-hybrid preshared-keys)" = "$KEY_A	$(cat "$RUN/psk")" ]
	[[ $output != *"$(cat "$RUN/psk")"* ]]
	router r apply -f "$RUN/r.yaml"
	[ -z "$output" ]
	(umask 077 && wg genpsk >"$RUN/psk")
	router r apply -f "$RUN/r.yaml"
	[[ $output == 'change peer'* ]]
	[ "$(on r wg show wg-hybrid preshared-keys)" = "$KEY_A	$(cat "$RUN/psk")" ]
	router r apply -f "$RUN/without.yaml"
	[ "$(on r wg show wg-hybrid preshared-keys)" = "$KEY_A	(none)" ]
	rm "$RUN/psk"
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	[[ $output == *'WireGuardPeer/cloud'*"presharedKeyFile $RUN/psk: is not there"* ]]
}

@test "one's own key as a peer's is refused with words" {
	one_host
	router r apply -f "$RUN/r.yaml"
	sed -i "s|publicKey: .*|publicKey: $(wg pubkey <"$RUN/wg.key")|" "$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	[[ $output == *"WireGuardPeer/cloud: cannot add peer"*"its publicKey is this router's own"* ]]
	[ "$(on r wg show wg-hybrid peers)" = "$KEY_A" ] # the one that works stays
	router r plan -f "$RUN/r.yaml"
	[[ $output == *"apply will fail here: its publicKey is this router's own"* ]]
}

@test "an endpoint's name is looked up; an unknown one is an error, and the peer is made" {
	ENDPOINT=vpn.example.test:51820
	one_host
	echo '192.0.2.77 vpn.example.test' >"$RUN/hosts"
	site_file r "$RUN/hosts" /etc/hosts
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	[ "$(on r wg show wg-hybrid endpoints)" = "$KEY_A	192.0.2.77:51820" ]
	router r apply -f "$RUN/r.yaml"
	[ -z "$output" ]
	router r delete --all

	: >"$RUN/hosts"
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	[[ $output == *'WireGuardPeer/cloud'*'endpoint vpn.example.test: '*'apply again when the name resolves'* ]]
	[ "$(on r wg show wg-hybrid endpoints)" = "$KEY_A	(none)" ]
	echo '192.0.2.78 vpn.example.test' >"$RUN/hosts"
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	[ "$(on r wg show wg-hybrid endpoints)" = "$KEY_A	192.0.2.78:51820" ]
}

@test "an endpoint's name is asked of DNS, again when the first question is lost" {
	ENDPOINT=vpn.example.test:51820
	one_host
	echo 'nameserver 127.0.0.1' >"$RUN/resolv.conf"
	: >"$RUN/hosts"
	site_file r "$RUN/resolv.conf" /etc/resolv.conf
	site_file r "$RUN/hosts" /etc/hosts
	on r dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --user=root --pid-file= \
		--address=/vpn.example.test/192.0.2.79 >/dev/null 2>&1 3>&- 4>&- &
	until_ok on r sh -c 'ss -uln | grep -q :53'
	on r nft 'table inet loses { chain in { type filter hook input priority 0;
		udp dport 53 quota until 150 bytes counter drop; }; }'
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	on r nft -j list table inet loses | jq -e '[.. | .counter? | objects | .packets] | add > 0'
	[ "$(on r wg show wg-hybrid endpoints)" = "$KEY_A	192.0.2.79:51820" ]
}

@test "a name server that is dead costs seconds, not the apply" {
	ENDPOINT=vpn.example.test:51820
	one_host
	echo 'nameserver 127.0.0.1' >"$RUN/resolv.conf"
	site_file r "$RUN/resolv.conf" /etc/resolv.conf
	on r socat -u UDP4-RECV:53 /dev/null >/dev/null 2>&1 3>&- & # takes questions, answers none
	until_ok on r sh -c 'ss -uln | grep -q :53'
	start=$SECONDS
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	[ $((SECONDS - start)) -le 30 ]
	[[ $output == *'endpoint vpn.example.test: '*'apply again when the name resolves'* ]]
	on r ip route | grep -q '^10.77.60.7 dev wg-hybrid'
}

@test "an IPv6 endpoint" {
	ENDPOINT='"[2001:db8::20]:51820"'
	one_host
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	[ "$(on r wg show wg-hybrid endpoints)" = "$KEY_A	[2001:db8::20]:51820" ]
	router r apply -f "$RUN/r.yaml"
	[ -z "$output" ]
}

@test "a roamed endpoint is left alone; a changed configuration is applied" {
	one_host
	router r apply -f "$RUN/r.yaml"
	on r wg set wg-hybrid peer "$KEY_A" endpoint 192.0.2.99:4444
	router r apply -f "$RUN/r.yaml"
	[ -z "$output" ]
	[ "$(on r wg show wg-hybrid endpoints)" = "$KEY_A	192.0.2.99:4444" ]
	sed -i 's/203.0.113.20/203.0.113.21/' "$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	[ "$(on r wg show wg-hybrid endpoints)" = "$KEY_A	203.0.113.21:51820" ]
	router r apply -f "$RUN/r.yaml"
	[ -z "$output" ]
}

@test "a peer that comes or goes leaves the others where they roamed to" {
	one_host
	router r apply -f "$RUN/r.yaml"
	on r wg set wg-hybrid peer "$KEY_A" endpoint 192.0.2.99:4444
	cp "$RUN/r.yaml" "$RUN/one.yaml"
	cat >>"$RUN/r.yaml" <<-END
		---
		apiVersion: net.routerd.net/v1alpha1
		kind: WireGuardPeer
		metadata: { name: third }
		spec: { interface: wg-hybrid, publicKey: $KEY_B, endpoint: 192.0.2.3:51820 }
	END
	router r apply -f "$RUN/r.yaml"
	[[ $output == "add peer $KEY_B"* ]]
	on r wg show wg-hybrid endpoints | grep -q '192.0.2.99:4444'
	sed -i 's/persistentKeepalive: 25/persistentKeepalive: 20/' "$RUN/r.yaml" "$RUN/one.yaml"
	router r apply -f "$RUN/r.yaml"
	on r wg show wg-hybrid endpoints | grep -q '192.0.2.99:4444'
	router r apply -f "$RUN/one.yaml"
	[ "$output" = "delete peer $KEY_B dev wg-hybrid endpoint 192.0.2.3:51820" ]
	on r wg show wg-hybrid endpoints | grep -q '192.0.2.99:4444'
	router r apply -f "$RUN/one.yaml"
	[ -z "$output" ]
}

@test "a peer whose preshared key is not there is not made without it" {
	one_host
	sed -i "s|persistentKeepalive: 25|&\n  presharedKeyFile: $RUN/psk|" "$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	[[ $output == *'WireGuardPeer/cloud: cannot add peer'*"presharedKeyFile $RUN/psk: is not there; 'wg genpsk' makes one"* ]]
	[ -z "$(on r wg show wg-hybrid peers)" ]
	(umask 077 && wg genpsk >"$RUN/psk")
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	[ "$(on r wg show wg-hybrid preshared-keys)" = "$KEY_A	$(cat "$RUN/psk")" ]
}

@test "wireguard-go outlives the session that started it, and a terminal's hang-up" {
	one_host
	on r setsid --wait sh -c "'$ROUTERCTL' apply -f '$RUN/r.yaml' >/dev/null; kill -HUP 0" || true
	on r setsid --wait sh -c "'$ROUTERCTL' apply -f '$RUN/r.yaml' >/dev/null; kill -INT 0" || true
	on r wg show wg-hybrid >/dev/null
	router r apply -f "$RUN/r.yaml"
	[ -z "$output" ]
}

@test "20,000 allowed IPs on one peer: made, seen whole, half removed, the rest kept" {
	one_host
	cp "$RUN/r.yaml" "$RUN/small.yaml"
	with_ips() { # with_ips N: $RUN/r.yaml, its peer allowing N addresses
		seq 0 $(($1 - 1)) | awk 'BEGIN { print "  allowedIPs:" }
			{ printf("    - 10.200.%d.%d/32\n", int($1 / 256), $1 % 256) }' >"$RUN/ips"
		sed -e "/allowedIPs:/{r $RUN/ips" -e 'd}' "$RUN/small.yaml" >"$RUN/r.yaml"
	}
	with_ips 20000
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	[ "$(on r wg show wg-hybrid allowed-ips | wc -w)" -eq 20003 ]
	router r apply -f "$RUN/r.yaml"
	[ -z "$output" ]
	with_ips 10000
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 10000 ]
	[ "$(on r wg show wg-hybrid allowed-ips | wc -w)" -eq 10003 ]
	[ "$(on r wg show wg-hybrid peers)" = "$KEY_A" ]
	router r apply -f "$RUN/r.yaml"
	[ -z "$output" ]
}

@test "an allowed IP that moves to another peer moves, and is not removed after" {
	one_host
	cat >>"$RUN/r.yaml" <<-END
		---
		apiVersion: net.routerd.net/v1alpha1
		kind: WireGuardPeer
		metadata: { name: third }
		spec: { interface: wg-hybrid, publicKey: $KEY_B, allowedIPs: [10.252.0.3/32] }
		---
		apiVersion: hybrid.routerd.net/v1alpha1
		kind: OverlayPeer
		metadata: { name: third }
		spec: { role: cloud, underlay: { type: wireguard, interface: wg-hybrid } }
	END
	router r apply -f "$RUN/r.yaml"
	sed -i 's/prefix: 10.77.60.0\/24, peerRef: cloud/prefix: 10.77.60.0\/24, peerRef: third/' "$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	[ "${#lines[@]}" -eq 1 ]
	[[ ${lines[0]} == "change allowed-ip 10.77.60.7/32 dev wg-hybrid peer $KEY_B (was: "* ]]
	on r wg show wg-hybrid allowed-ips | grep -F "$KEY_B" | grep -q 10.77.60.7/32
	router r apply -f "$RUN/r.yaml"
	[ -z "$output" ]
}

@test "an interface that is renamed keeps its port" {
	one_host
	router r apply -f "$RUN/r.yaml"
	sed -i 's/wg-hybrid/wg-new/' "$RUN/r.yaml"
	sed -i 's/interface: wg-hybrid/interface: wg-new/' "$RUN/r.yaml"
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == 'delete link wg-hybrid'* ]]
	[ "$(on r wg show wg-new listen-port)" = 51820 ]
	run ! on r ip link show wg-hybrid
	router r apply -f "$RUN/r.yaml"
	[ -z "$output" ]
}

@test "a port in use is named" {
	one_host
	on r socat UDP4-LISTEN:51820,fork /dev/null >/dev/null 2>&1 3>&- &
	until_ok on r sh -c 'ss -uln | grep -q :51820'
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	[[ $output == *'WireGuardInterface/wg-hybrid'*'UDP port 51820 is in use by another program'* ]]
}

@test "a WireGuard program that is slow to end is waited for" {
	one_host
	router r apply -f "$RUN/r.yaml"
	on r test -S /run/wireguard/wg-hybrid.sock || skip "the kernel carries WireGuard here"
	on r pkill -STOP -x wireguard-go
	until_ok on r sh -c 'ps -o stat= -C wireguard-go | grep -q T'
	{ sleep 7; on r pkill -CONT -x wireguard-go; } 3>&- &
	router r delete --all
	[ "$status" -eq 0 ]
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	[ "$(grep -c 'add link' <<<"$output")" -eq 1 ]
	router r apply -f "$RUN/r.yaml"
	[ -z "$output" ]
}

@test "a WireGuard program that hangs is named, and what does not need it is done" {
	one_host
	router r apply -f "$RUN/r.yaml"
	on r test -S /run/wireguard/wg-hybrid.sock || skip "the kernel carries WireGuard here"
	on r ip neigh del proxy 10.77.60.7 dev lan0
	on r pkill -STOP -x wireguard-go
	until_ok on r sh -c 'ps -o stat= -C wireguard-go | grep -q T'
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 1 ]
	[[ $output == *'WireGuardInterface/wg-hybrid: cannot change link wg-hybrid'*'does not answer'* ]]
	[[ $output == *'add proxy 10.77.60.7 dev lan0'* ]]
	on r pkill -CONT -x wireguard-go
	router r apply -f "$RUN/r.yaml"
	[ "$status" -eq 0 ]
	router r apply -f "$RUN/r.yaml"
	[ -z "$output" ]
}
