#!/usr/bin/env bats
# The disk that "make image" made, under UEFI and BIOS: each machine is powered on twice, and each
# test is one sentence about what was seen then (boots.bash). Run by test/vm/image/run.

ROOT=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
# shellcheck source=test/lib/machine.bash
source "$ROOT/test/lib/machine.bash"
# shellcheck source=test/vm/image/boots.bash
source "$ROOT/test/vm/image/boots.bash"

setup_file() {
	boots_all
}

setup() {
	bats_require_minimum_version 1.5.0
	for boot in "${BOOTS[@]}"; do
		[ -s "$OUT/$boot.json" ] || [ "$BATS_TEST_NUMBER" = 1 ] || {
			echo "there is no report of $boot: see why at the first test" && return 1
		}
	done
}

teardown_file() {
	machines_end
}

wrong() { # wrong BOOT WORD...: and how its console ended, before it was switched off
	echo "$1 ${*:2}"
	echo "its console ended:"
	sed '/image-test: looked at/q' "$OUT/$1.console" | tail -n 20
	return 1
}

none() { # none FILTER [BOOT...]: of no boot's report there is such a thing
	local boot boots=("${@:2}")
	for boot in "${boots[@]:-${BOOTS[@]}}"; do
		jq -c "$1" "$OUT/$boot.json" >"$BATS_TEST_TMPDIR/found" 2>&1 ||
			wrong "$boot" "has another report: $1: $(<"$BATS_TEST_TMPDIR/found")"
		[ ! -s "$BATS_TEST_TMPDIR/found" ] || wrong "$boot" "has $1: $(head -c 2000 "$BATS_TEST_TMPDIR/found")"
	done
}

is() { # is VALUE FILTER [BOOT...]: of each boot's report that is the value
	local boot found boots=("${@:3}")
	for boot in "${boots[@]:-${BOOTS[@]}}"; do
		found=$(jq -cr "$2" "$OUT/$boot.json" 2>&1) || wrong "$boot" "has another report: $2: $found"
		[ "$found" = "$1" ] || wrong "$boot" "has at $2: $found; it should be: $1"
	done
}

saw() { # saw WHAT PATTERN [BOOT...]: a line of what was seen from outside
	local boot boots=("${@:3}")
	for boot in "${boots[@]:-${BOOTS[@]}}"; do
		grep -aEq -e "$2" "$OUT/$boot.$1" || wrong "$boot" "has no '$2' in $1: $(tail -n 20 "$OUT/$boot.$1")"
	done
}

packets() { # packets BOOT FILTER: their number
	tcpdump -nr "$OUT/$1.pcap" "$2" 2>/dev/null | wc -l
}

mac() { machine_mac "${1%-*}" 0; } # mac BOOT

both() { # both PROGRAM: of the first and the second boot of each machine, it writes the same
	local machine
	for machine in uefi bios; do
		diff <(jq -S "$1" "$OUT/$machine-1.json") <(jq -S "$1" "$OUT/$machine-2.json") || wrong "$machine-2" "has another $1"
	done
}

@test "the disk boots by UEFI and by BIOS, reports, and goes off when its power button is pressed" {
	local boot
	for boot in "${BOOTS[@]}"; do
		[ ! -e "$OUT/$boot.fault" ] || { cat "$OUT/$boot.fault" && false; }
	done
}

# ---- first boot and cloud-init ------------------------------------------------------------------

@test "first boot comes to its end, and says so on the console" {
	local boot
	for boot in "${BOOTS[@]}"; do
		saw console "routerd: first boot done: node ${boot%-*}-rt on nocloud \(" "$boot"
	done
	is done .first.result
	none '.first.steps[] | select(.result != "done")'
	is nocloud .node.provider
}

@test "the public key and its fingerprint are on the console" {
	local boot
	for boot in "${BOOTS[@]}"; do
		saw console "routerd: node ${boot%-*}-rt: public key $(jq -r '.public | gsub("[+]"; "[+]")' "$OUT/$boot.json") fingerprint $(
			jq -r .first.fingerprint "$OUT/$boot.json")$" "$boot"
	done
}

@test "cloud-init is done, not degraded, and has nothing to complain of" {
	is '["done","done",[],{}]' '.cloud | [.status, .extended_status, .errors, .recoverable_errors]'
	none '.cloud | .. | objects | (.errors // [])[], (.recoverable_errors // {} | .[])'
}

@test "no unit failed" {
	none '.failed[]'
}

@test "no check of doctor's fails, and its firewall checks pass" {
	none '.doctor.checks[] | select(.status == "fail")'
	is '["pass","pass"]' '[.doctor.checks[] | select(.area == "firewall" and (.name | test("listen-port|forward"))) | .status]'
}

@test "the journal has no warning of routerd, first boot or cloud-init" {
	none '.complaints[] | select(.unit | test("^(routerd|cloud-)"))'
}

@test "routerd runs before cloud-init's last stage starts" {
	none '.units | select(."routerd.service".to == 0 or ."routerd.service".to >= ."cloud-final.service".from)'
}

@test "the steps of each boot are in their order" {
	none "$(<"$BATS_TEST_DIRNAME/times.jq")"' | map(select(.[0] | test("systemd starts|kernel|cloud-init|final|all"))) |
		map(.[1] // empty) | select(length < 7 or . != sort)'
}

# ---- the second boot ----------------------------------------------------------------------------

@test "the second boot has the same machine-id, SSH host keys, WireGuard key and configuration, unwritten" {
	both .sums
	both .files
	both .host_keys
	none '.sums | keys | select(length < 9)'
}

@test "at the second boot, first boot finds the key made and the service enabled before" {
	is '["/etc/routerd/keys/wg-hybrid.key was made","routerd.service is enabled, and starts"]' \
		'[.first.steps[] | select(.name == "key" or .name == "service") | .detail]' uefi-1 bios-1 wan-1
	is '["/etc/routerd/keys/wg-hybrid.key","routerd.service was enabled before"]' \
		'[.first.steps[] | select(.name == "key" or .name == "service") | .detail]' uefi-2 bios-2
}

@test "a kernel that its package installs is what both loaders start next" {
	saw kernel '^exit 0$' uefi-1 bios-1
	none '.esp[] | select(test("/(vmlinuz|initrd.img)[^/]*$") and (test("^./routerd/[^/]*/initrd.img") | not))' uefi-2 bios-2
	is 1 '[.esp[] | select(test("^./routerd/[^/]*/linux$"))] | length' uefi-2 bios-2
}

@test "two machines from one disk have no identity and no secret in common" {
	local filter names
	for filter in .machine .public '.sums | to_entries[] | select(.key | test("_key$|[.]key$")) | .value'; do
		names=$(jq -r "$filter" "$OUT"/{uefi,bios,wan}-1.json)
		[ -z "$(sort <<<"$names" | uniq -d)" ] || { echo "$filter: $names" && false; }
		(($(wc -l <<<"$names") >= 3))
	done
}

# ---- the machine --------------------------------------------------------------------------------

@test "the root fills a disk of 8 GB, but for the system partition of 512 MB" {
	none '.root | select(. < 0.96 * (8192 - 513) * 1048576)'
}

@test "the machine has the name that metadata or user-data gives it" {
	local boot
	for boot in "${BOOTS[@]}"; do is "${boot%-*}-host" .hostname "$boot"; done
}

@test "no account has a password, and root is locked" {
	is '*' .accounts.root
	none '.accounts | to_entries[] | select(.value | test("^[!*]") | not)'
}

@test "what listens is what is listed" {
	local boot network
	for boot in "${BOOTS[@]}"; do
		network=static
		[ "$boot" != wan-1 ] || network=dhcp
		diff <(sed -nE "/^#/d; s/^([^ ]+ [^ ]+ [^ ]+ [^ ]+)( $network)?$/\1/p" "$BATS_TEST_DIRNAME/sockets" | sort -u) \
			<(jq -r "$(<"$BATS_TEST_DIRNAME/sockets.jq")" "$OUT/$boot.json" | sort -u) ||
			wrong "$boot" "listens otherwise than test/vm/image/sockets says (<)"
	done
}

@test "the SSH daemon takes keys and no password" {
	is '["no","no","yes"]' '.sshd | [.passwordauthentication, .kbdinteractiveauthentication, .pubkeyauthentication]'
	none '.sshd.permitrootlogin | select(. == "yes")'
}

# ---- from outside -------------------------------------------------------------------------------

@test "network-config version 1, as Proxmox VE writes it, gives the machine its address" {
	is '["10.77.60.2/24","10.77.60.1 eth0","10.77.60.3"]' "$(management eth0)" bios-1 bios-2
}

@test "network-config version 2 gives the machine its address, and the NIC its name" {
	is '["10.77.60.2/24","10.77.60.1 mgmt0","10.77.60.3"]' "$(management mgmt0)" uefi-1 uefi-2
}

@test "network-config version 2 below 'network:' gives the machine its address, beside DHCP's" {
	is '["10.77.60.2/24"]' '[.addresses[] | select(.ifname == "mgmt0").addr_info[] |
		select(.family == "inet") | "\(.local)/\(.prefixlen)"]' wan-1
	is '["10.88.0.15"]' '[.addresses[] | select(.ifname == "up0").addr_info[] |
		select(.family == "inet" and .dynamic) | .local]' wan-1
}

management() { # management NIC: a filter of its addresses, the default route and name servers
	echo "[(.addresses[] | select(.ifname == \"$1\").addr_info[] | select(.family == \"inet\") |
		\"\\(.local)/\\(.prefixlen)\"), (.routes[] | select(.dst == \"default\") | \"\\(.gateway) \\(.dev)\"),
		(.resolved[] | select(contains(\"($1)\")) | sub(\".*: *\"; \"\"))]"
}

@test "the static address answers ARP and pings, and nobody was asked for one by DHCP" {
	local boot
	saw ping '1 received'
	for boot in "${BOOTS[@]}"; do
		saw neighbour "\"lladdr\":\"$(mac "$boot")\"" "$boot"
		(($(packets "$boot" "arp and ether src $(mac "$boot")") > 0)) || wrong "$boot" "was not heard on the LAN"
		(($(packets "$boot" "udp and (port 67 or port 68 or port 546 or port 547)") == 0)) || wrong "$boot" "asked for an address"
	done
}

@test "SSH answers from outside, and offers nothing but keys" {
	saw banner '^SSH-2.0-OpenSSH'
	saw ssh 'Authentications that can continue: publickey.?$'
}

@test "the key in user-data lets debian in, who may be root" {
	local boot
	for boot in "${BOOTS[@]}"; do
		[ "$(<"$OUT/$boot.login")" = $'debian\n'"${boot%-*}-host"$'\nroot\nexit 0' ] ||
			wrong "$boot" "had at the login: $(<"$OUT/$boot.login")"
	done
}

@test "TCP to another port than SSH's is dropped without a word" {
	local boot
	saw closed '^exit 124$'
	for boot in "${BOOTS[@]}"; do
		(($(packets "$boot" "dst $ADDRESS and tcp dst port $CLOSED") > 0)) || wrong "$boot" "was not tried"
		(($(packets "$boot" "src $ADDRESS and (tcp src port $CLOSED or icmp[icmptype] == icmp-unreach)") == 0)) ||
			wrong "$boot" "answered"
	done
}

@test "a firewall's file with a fault opens nothing, neither at a restart nor at boot" {
	saw firewall '^exit 0$' wan-1
	saw firewall '^kept: .*oifname "wg\*" accept' wan-1
	saw firewall '^closed: .*policy drop' wan-1
	saw firewall '^closed: .*tcp dport 22 accept' wan-1
	run grep -aE '^closed: .*(wg|51820)|succeeds' "$OUT/wan-1.firewall"
	[ "$status" = 1 ] || wrong wan-1 "said: $output"
	saw firewall '^mended: .*oifname "wg\*" accept' wan-1
}

@test "the tunnel's link is up, and WireGuard answers a peer that knows the key from the console" {
	local boot
	is wg-hybrid '.links[] | select(.linkinfo.info_kind == "wireguard" and (.flags | index("UP"))).ifname'
	saw tunnel '^exit 0$'
	for boot in "${BOOTS[@]}"; do
		(($(packets "$boot" "src $ADDRESS and udp src port 51820") > 0)) || wrong "$boot" "was silent on port 51820"
	done
}

@test "the router answers ARP for the address that is at the other site" {
	local boot
	for boot in uefi-1 uefi-2 bios-1 bios-2; do
		saw capture "\"lladdr\":\"$(mac "$boot")\"" "$boot"
	done
}

# ---- the guest agent ----------------------------------------------------------------------------

@test "the guest agent answers, and tells the machine's addresses" {
	saw agent-ping '^\{\}$' bios-1 bios-2
	for boot in bios-1 bios-2; do
		[ "$(head -n 1 "$OUT/$boot.agent-nics" | jq -r '.[] | select(.name == "eth0") |
			."hardware-address", (."ip-addresses"[] | select(."ip-address-type" == "ipv4")."ip-address")')" = \
			"$(mac "$boot")"$'\n'"$ADDRESS" ] || wrong "$boot" "has at its agent: $(<"$OUT/$boot.agent-nics")"
	done
}

@test "the guest agent hands out the export, with the key that is on the console" {
	local boot key
	for boot in bios-1 bios-2; do
		head -n 1 "$OUT/$boot.agent-cat" | jq -e '.exitcode == 0' || wrong "$boot" "said: $(<"$OUT/$boot.agent-cat")"
		diff <(head -n 1 "$OUT/$boot.agent-cat" | jq -r '."out-data"') <(jq -r '.exports["bios-rt.yaml"]' "$OUT/$boot.json")
		key=$(head -n 1 "$OUT/$boot.agent-cat" | jq -r '."out-data"' | sed -nE 's/^ *publicKey: "(.*)"$/\1/p')
		[ "${#key}" = 44 ]
		grep -aqF "public key $key fingerprint" "$OUT/$boot.console" || wrong "$boot" "has another key on the console than $key"
	done
}
