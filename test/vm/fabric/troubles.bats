#!/usr/bin/env bats
# What went wrong at real sites, provoked: one pair of routers, Azure's fabric and a Proxmox VE site,
# is powered on once, and each test breaks one thing and looks; what it says by "later" puts it back,
# however it ends. A ping every 50 ms from one client to the other measures what was interrupted. OUT
# keeps consoles and the numbers.

ROOT=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
# shellcheck source=test/lib/machine.bash
source "$ROOT/test/lib/machine.bash"
# shellcheck source=test/vm/fabric/fabric.bash
source "$ROOT/test/vm/fabric/fabric.bash"

setup_file() {
	local name
	OUT=${OUT:-$ROOT/build/evidence/troubles}
	IMAGES=${IMAGES:-$ROOT/build/image}
	export OUT IMAGES
	fabric_can azure
	rm -rf "$OUT"/*.{yaml,console,md} "$OUT/numbers"
	mkdir -p "$OUT"
	touch "$OUT/numbers"
	# By its name, which outlives its address.
	FABRIC_EDIT="s/$PUBLIC:51820/cloud-rt.example:51820/"
	fabric_begin azure
	cloud_on
	pve_on
	for name in cloud-rt pve-rt; do
		first_boot "$name" 400 >&3
		take "$name" file "$OUT/$name"
	done
	give cloud-rt "$OUT/pve-rt.yaml"
	give pve-rt "$OUT/cloud-rt.yaml"
	head -c 20M /dev/urandom >"$MACHINES/data"
	machine_helper watch net=onprem-vm ping -Dn -O -i 0.05 10.77.60.7
	machine_line watch log 60 'bytes from' >/dev/null
}

setup() {
	bats_require_minimum_version 1.5.0
	: >"$BATS_TEST_TMPDIR/later"
	SINCE=$EPOCHREALTIME
	answered 60 || { echo "the test before this one left the pair without traffic" && false; }
}

teardown() {
	local name undo
	while IFS= read -r undo; do
		eval "$undo" </dev/null || echo "not undone: $undo"
	done < <(tac "$BATS_TEST_TMPDIR/later")
	for name in cloud-rt pve-rt; do cp "$MACHINES/$name/console" "$OUT/$name.console"; done
}

teardown_file() {
	machines_end
	{
		printf '# The longest silence of a ping every 50 ms\n\n| Trouble | ms |\n|---|---|\n'
		jq -r '"| \(.name) | \(.ms) |"' "$OUT/numbers"
	} >"$OUT/summary.md"
}

later() { # later COMMAND: at the end of this test
	echo "$1" >>"$BATS_TEST_TMPDIR/later"
}

# ---- traffic, watched ---------------------------------------------------------------------------

gap() { # the longest time without an answer since SINCE, in ms
	awk -v since="$SINCE" -v now="$EPOCHREALTIME" 'BEGIN { last = since }
		/bytes from/ { at = substr($1, 2) + 0; if (at > since) { if (at - last > most) most = at - last; last = at } }
		END { if (now - last > most) most = now - last; printf "%.0f\n", most * 1000 }' "$MACHINES/watch/log"
}

answered() { # answered SECONDS: within them there is an answer from now on
	within "$1" answered_since "$EPOCHREALTIME"
}

answered_since() {
	tail -n 1 "$MACHINES/watch/log" | awk -v since="$1" '/bytes from/ && substr($1, 2) + 0 > since { yes = 1 } END { exit !yes }'
}

silent() { # silent MS: there was no answer for that long, and there is none now
	tail -n 200 "$MACHINES/watch/log" | awk -v before="$(awk "BEGIN { printf \"%.3f\", $EPOCHREALTIME - $1 / 1000 }")" '
		/bytes from/ && substr($1, 2) + 0 > before { yes = 1 } END { exit yes }'
}

within() { # within SECONDS COMMAND...: it succeeds
	local end=$((SECONDS + $1))
	until "${@:2}" >/dev/null 2>&1; do
		((SECONDS < end)) || { echo "not within $1 s: ${*:2}" && return 1; }
		sleep 0.2
	done
}

number() { # number NAME MS
	echo "# $1: $2 ms" >&3
	jq -cn --arg name "$1" --argjson ms "$2" '$ARGS.named' >>"$OUT/numbers"
}

copying() { # a transfer from the cloud's client to the site's, in the background
	copy cloud-vm onprem-vm -l 8192 3>&- 4>&- &
	COPY=$!
	within 30 test -s "$MACHINES/onprem-vm/home/data"
}

copied() {
	wait "$COPY"
	cmp "$MACHINES/data" "$MACHINES/onprem-vm/home/data"
	rm "$MACHINES/onprem-vm/home/data"
}

doctor() { # doctor ROUTER ARG...: what it warns of is printed, and in $CHECKS
	CHECKS=$(router "$1" routerctl doctor -o json "${@:2}") || :
	CHECKS=$(jq -c '.checks[] | select(.status == "fail" or .status == "warn")' <<<"$CHECKS")
	echo "$CHECKS"
}

named() { # named AREA PATTERN: it is in CHECKS
	jq -es --arg area "$1" --arg pattern "$2" 'any(.[]; .area == $area and
		("\(.name): \(.detail) \(.remedy)" | test($pattern)))' <<<"$CHECKS" >/dev/null
}

cured() { # cured ROUTER AREA: what doctor says is to be done is done, as it says it
	router "$1" bash -es <<<"$(jq -r --arg area "$2" 'select(.area == $area).remedy' <<<"$CHECKS")"
}

edited() { # edited ROUTER SED: in its configuration
	later "router $1 mv /root/router.yaml /etc/routerd/router.yaml"
	router "$1" cp /etc/routerd/router.yaml /root/router.yaml
	router "$1" "sed -i '$2' /etc/routerd/router.yaml"
	run ! router "$1" cmp -s /etc/routerd/router.yaml /root/router.yaml
}

# ---- the daemon and the machines ----------------------------------------------------------------

@test "a daemon that is killed interrupts neither a transfer nor a ping" {
	local name
	copying
	for name in cloud-rt pve-rt; do
		router "$name" systemctl kill -s KILL routerd
		within 30 router "$name" systemctl is-active routerd
	done
	copied
	number "daemon killed on both routers" "$(gap)"
	(($(gap) < 1000))
}

@test "a transfer goes on after the on-premises router's reboot" {
	copying
	router pve-rt systemctl reboot || :
	machine_off pve-rt 90
	pve_on
	answered 300
	number "on-premises router rebooted" "$(gap)"
	copied
}

@test "a transfer goes on after the cloud router's reboot, though cloud-init then adds the captured address" {
	router cloud-rt tee /etc/cloud/cloud.cfg.d/99-secondary.cfg <<<'datasource: { Azure: { apply_network_config_for_secondary_ips: true } }'
	later 'router cloud-rt rm /etc/cloud/cloud.cfg.d/99-secondary.cfg'
	router cloud-rt rm /var/lib/cloud/instance/obj.pkl # else it goes by the settings of its first boot
	copying
	router cloud-rt systemctl reboot || :
	machine_off cloud-rt 90
	cloud_on
	answered 300
	number "cloud router rebooted" "$(gap)"
	copied
	router cloud-rt grep -rq 10.77.60.9 /etc/systemd/network /run/systemd/network
	router cloud-rt journalctl -b -u routerd | grep 10.77.60.9
	run ! eval 'router cloud-rt ip -o address | grep -w 10.77.60.9'
}

@test "the cloud router comes back with another public address, and is found by its name" {
	machine_stop cloud-rt 90
	fabric_public 203.0.113.21
	cloud_on
	answered 300
	number "cloud router stopped and started, with another address" "$(gap)"
	router pve-rt wg show wg-hybrid endpoints | grep -F 203.0.113.21:51820
}

# ---- what others do to the cloud router's addresses and filter ----------------------------------

@test "a captured address that a DHCP renewal and networkd add is taken out at once" {
	later "router cloud-rt 'sh -c \"rm -r /etc/systemd/network/*.d; networkctl reload\"'"
	router cloud-rt bash -es <<-'END'
		file=$(networkctl --json=short status eth0 | jq -r .NetworkFile)
		mkdir -p "/etc/systemd/network/${file##*/}.d"
		printf '[Network]\nAddress=10.77.60.9/24\n' >"/etc/systemd/network/${file##*/}.d/captured.conf"
		networkctl reload && networkctl reconfigure eth0
	END
	within 30 taken_out 1
	router cloud-rt networkctl renew eth0
	router cloud-rt networkctl reconfigure eth0
	within 30 taken_out 2
	number "captured address added by networkd" "$(gap)"
}

taken_out() { # taken_out TIMES: since this test began, and is not there
	(($(router cloud-rt journalctl -u routerd --since="@${SINCE%.*}" | grep -c 'removed 10.77.60.9') >= $1)) &&
		! router cloud-rt ip -o address | grep -qw 10.77.60.9
}

@test "a stale table routerd_filter that drops is named, with the command that ends it" {
	later 'router cloud-rt nft delete table inet routerd_filter 2>/dev/null || :'
	router cloud-rt nft -f - <<-END
		table inet routerd_filter {
			chain forward { type filter hook forward priority filter; policy drop; }
		}
	END
	within 10 silent 1000
	doctor cloud-rt nft
	named nft routerd_filter
	cured cloud-rt nft
	answered 10
}

@test "a host firewall as OCI's Ubuntu has it is named, and its cure lets the tunnel through" {
	later 'router cloud-rt systemctl start nftables'
	later 'router cloud-rt nft delete table ip filter'
	router cloud-rt systemctl stop nftables
	router cloud-rt nft -f - <<-END
		table ip filter {
			chain INPUT {
				type filter hook input priority filter; policy accept;
				ct state related,established counter accept
				meta l4proto icmp counter accept
				iifname "lo" counter accept
				ct state new tcp dport 22 counter accept
				counter reject with icmp host-prohibited
			}
			chain FORWARD {
				type filter hook forward priority filter; policy accept;
				counter reject with icmp host-prohibited
			}
		}
	END
	within 10 silent 1000
	doctor cloud-rt firewall
	named firewall '51820.* INPUT '
	named firewall 'wg-hybrid.* FORWARD '
	cured cloud-rt firewall
	answered 30
	doctor cloud-rt firewall
	[ -z "$CHECKS" ]
}

# ---- what is configured wrong -------------------------------------------------------------------

@test "a source/destination check that was left on drops what is not the NIC's own, and is named" {
	local dropped
	spoofed() { in_net vpc nft -j list counter inet vpc spoofed | jq '.nftables[] | .counter?.packets // empty'; }
	later 'fabric_check off'
	fabric_check on
	dropped=$(spoofed)
	run ! router pve-rt ping -c 1 -W 2 -I 10.252.0.2 10.77.60.7
	(($(spoofed) > dropped))
	doctor cloud-rt --probe provider
	named provider 'ip-forwarding true'
	fabric_check off
	doctor cloud-rt --probe provider
	run ! named provider source-check
}

@test "a nicRef that is none of Azure's is named, with the form that it wants" {
	later 'router cloud-rt rm /etc/routerd/conf.d/profile.yaml'
	router cloud-rt mkdir -p /etc/routerd/conf.d
	router cloud-rt tee /etc/routerd/conf.d/profile.yaml <<-END
		apiVersion: hybrid.routerd.net/v1alpha1
		kind: CloudProviderProfile
		metadata: { name: lab }
		spec: { provider: azure }
	END
	edited cloud-rt '/ members:/,$ s/^\( *\)- nodeRef: cloud-rt$/&\n\1  capture: { providerRef: lab, nicRef: rt-nic }/'
	doctor cloud-rt provider
	named provider "rt-nic.*/subscriptions/"
}

@test "a capture interface that is none is named, and so is the one that it should be" {
	edited pve-rt '/ members:/,$ s/^\( *\)- nodeRef: pve-rt$/&\n\1  capture: { interface: ens21 }/'
	doctor pve-rt hybrid
	named hybrid 'ens21.*eth1'
}

@test "a peer's key that was replaced is not taken without a word, and then is" {
	router pve-rt bash -es <<-'END'
		rm /etc/routerd/keys/wg-hybrid.key # which the kernel still has, so it alone is only told of
		ip link delete wg-hybrid
		systemctl restart routerd
	END
	within 30 silent 1000
	take pve-rt file "$OUT/pve-rt-new"
	run ! cmp "$OUT/pve-rt.yaml" "$OUT/pve-rt-new.yaml"
	cp "$OUT/pve-rt-new.yaml" "$MACHINES/pve-rt.yaml"
	give cloud-rt "$MACHINES/pve-rt.yaml"
	within 20 eval 'router cloud-rt routerctl status | grep -q "import --replace"'
	silent 1000
	router cloud-rt routerctl import --replace /etc/routerd/peers/pve-rt.yaml
	answered 30
}

# ---- what is between the sites ------------------------------------------------------------------

@test "over a path that swallows big packets TCP stalls without our clamp, and passes with it" {
	local name
	later 'fabric_path "${FABRIC_LIMIT[$PROVIDER]}"'
	fabric_path 1420
	for name in cloud-rt pve-rt; do
		later "router $name systemctl start routerd"
		router "$name" systemctl stop routerd
		router "$name" nft delete table inet routerd_mss
	done
	run ! two_mib 10
	answered 5
	for name in cloud-rt pve-rt; do router "$name" systemctl start routerd; done
	for name in cloud-rt pve-rt; do within 30 router "$name" nft list table inet routerd_mss; done
	two_mib 60
}

two_mib() { # two_mib SECONDS: from the cloud, which has forgotten what it learnt of the path
	in_net cloud-vm ip route flush cache
	head -c 2M "$MACHINES/data" | in_net cloud-vm timeout "$1" ssh -F "$MACHINES/ssh_config" onprem-vm wc -c |
		grep -x 2097152
}

@test "two minutes without the underlay, and traffic is back by itself" {
	later 'fabric_path "${FABRIC_LIMIT[$PROVIDER]}"'
	fabric_path 0
	within 10 silent 1000
	sleep 120 # the two minutes
	fabric_path "${FABRIC_LIMIT[$PROVIDER]}"
	answered 60
	number "underlay gone for 120 s" "$(gap)"
}
