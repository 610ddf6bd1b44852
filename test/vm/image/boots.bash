# shellcheck shell=bash
# boots.bash - the image's boots, and what is seen of each: by the machine itself (found), by its
# console, and from outside, by a host on its LAN, which each machine has for itself. Everything
# lands in $OUT, named BOOT.WHAT:
#
#   uefi-1 uefi-2  under OVMF, on a LAN without DHCP: network-config version 2
#   bios-1 bios-2  under SeaBIOS, the same: version 1, as Proxmox VE writes it; a guest agent
#   wan-1          under OVMF, with an uplink that has DHCP: version 2 below 'network:'
#
# Needs machine.bash, OUT and IMAGE.

# shellcheck disable=SC2034 # image.bats
BOOTS=(uefi-1 uefi-2 bios-1 bios-2 wan-1)
HERE=$ROOT/test/vm/image
LIMIT=300 # s, for each boot
ADDRESS=10.77.60.2
CLOSED=5355 # a port that is no service's here

boots_all() {
	local machine pids=()
	mkdir -p "$OUT"
	machines_begin
	ssh-keygen -q -t ed25519 -N '' -C '' -f "$MACHINES/ssh"
	(umask 077 && wg genkey >"$MACHINES/key")
	for machine in uefi bios; do # a boot leaves one core idle, mostly
		boots_of "$machine" "$machine-1" "$machine-2" &
		pids+=($!)
	done
	wait "${pids[@]}"
	boots_of wan wan-1
}

boots_of() { # boots_of MACHINE BOOT...
	local machine=$1 boot
	shift
	lan_new "lan-$machine" || return
	for boot; do
		echo "# powering on: $boot" >&3
		if boot_once "$machine" "$boot" 2>"$OUT/$boot.fault"; then
			rm "$OUT/$boot.fault"
		else
			machine_kill "$machine"
			machine_kill "wire-$boot"
		fi || : # it may never have been on
		cp "$MACHINES/$machine/console" "$OUT/$boot.console" || :
	done
}

# A LAN without DHCP: a host, 10.77.60.1, with the far end of the machine's tunnel on it.
lan_new() {
	machine_net "$1" || return
	in_net "$1" ip tuntap add dev lan0 mode tap
	in_net "$1" ip addr add 10.77.60.1/24 dev lan0
	in_net "$1" ip link set lan0 up
	machine_helper "far-$1" net="$1" env LOG_LEVEL=verbose wireguard-go -f wg0
	machine_line "far-$1" log 10 "UAPI listener started" >/dev/null || return
	in_net "$1" wg set wg0 private-key "$MACHINES/key"
	in_net "$1" ip link set wg0 up
}

cidata() { # cidata MACHINE: its folder is printed
	local dir=$MACHINES/$1-cidata hostname='' network=v2
	mkdir -p "$dir"
	echo "instance-id: $(machine_mac "$1" 0 | md5sum | cut -c-16)" >"$dir/meta-data"
	case $1 in
	bios) hostname="hostname: $1-host" network=v1 ;;
	wan) network=wrapped ;;&
	*) echo "local-hostname: $1-host" >>"$dir/meta-data" ;;
	esac
	sed "s/@MAC0@/$(machine_mac "$1" 0)/; s/@MAC1@/$(machine_mac "$1" 1)/" \
		"$HERE/network-$network" >"$dir/network-config"
	sed "s|@HOSTNAME@|$hostname|; s|@SSH@|$(<"$MACHINES/ssh.pub")|; s|@FOUND@|$(base64 -w 0 "$HERE/found")|
		s|@NODE@|$1-rt|; s|@PEER@|$(wg pubkey <"$MACHINES/key")|" "$HERE/user-data" >"$dir/user-data"
	echo "$dir"
}

boot_once() { # boot_once MACHINE BOOT
	local -A more=([uefi]="firmware=uefi" [bios]="firmware=bios agent=yes"
		[wan]="firmware=uefi nic=user:restrict=on,net=10.88.0.0/24")
	local words
	read -ra words <<<"${more[$1]}"
	machine_helper "wire-$2" net="lan-$1" tcpdump -Z root -Unn -i lan0 -w "$OUT/$2.pcap"
	machine_line "wire-$2" log 10 "listening on" >/dev/null || return
	machine_on "$1" disk="$IMAGE" size=8G disc="cidata:$(cidata "$1")" net="lan-$1" nic=tap:lan0 \
		"${words[@]}" || return
	machine_result "$1" "$LIMIT" >"$OUT/$2.json" || return
	from_outside "$1" "$2"
	[[ $1 != bios ]] || by_agent "$1" "$2"
	machine_stop "$1" 60 || return
	machine_kill "wire-$2"
}

seen() { # seen BOOT WHAT COMMAND...: what it says, and its exit status in the last line
	local status=0
	"${@:3}" >"$OUT/$1.$2" 2>&1 </dev/null || status=$?
	echo "exit $status" >>"$OUT/$1.$2"
}

from_outside() { # from_outside MACHINE BOOT
	local lan=lan-$1 ssh=(ssh -i "$MACHINES/ssh" -o "UserKnownHostsFile=$MACHINES/$1/known" -o StrictHostKeyChecking=yes
		-o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=20 -F none)
	seen "$2" ping in_net "$lan" ping -c 1 -W 10 $ADDRESS
	seen "$2" neighbour in_net "$lan" ip -j neigh show $ADDRESS
	seen "$2" banner in_net "$lan" timeout 20 bash -c "read -r line </dev/tcp/$ADDRESS/22 && echo \"\$line\""
	seen "$2" closed in_net "$lan" timeout 3 bash -c "</dev/tcp/$ADDRESS/$CLOSED"
	jq -r --arg address $ADDRESS '.host_keys[] | "\($address) \(.)"' "$OUT/$2.json" | grep . >"$MACHINES/$1/known"
	seen "$2" login in_net "$lan" "${ssh[@]}" -vE "$OUT/$2.ssh" debian@$ADDRESS "whoami; hostname; sudo -n id -un"
	[[ $2 != @(uefi|bios)-1 ]] || seen "$2" kernel in_net "$lan" "${ssh[@]}" debian@$ADDRESS "sudo bash -c '$(<"$HERE/new-kernel")'"
	[[ $2 != wan-1 ]] || seen "$2" firewall in_net "$lan" "${ssh[@]}" debian@$ADDRESS "sudo bash -c '$(<"$HERE/broken-firewall")'"
	in_net "$lan" wg set wg0 peer "$(console_key "$1")" endpoint $ADDRESS:51820 persistent-keepalive 1
	seen "$2" tunnel shakes_hands
	in_net "$lan" wg set wg0 peer "$(console_key "$1")" remove # the next boot knows nothing of it
	seen "$2" captured in_net "$lan" ping -c 1 -W 3 10.77.60.7
	seen "$2" capture in_net "$lan" ip -j neigh show 10.77.60.7
	in_net "$lan" ip neigh flush dev lan0
}

shakes_hands() {
	local i
	for ((i = 0; i < 200; i++)); do # of tenths of a second
		if in_net "$lan" wg show wg0 latest-handshakes | grep -P '\t[1-9][0-9]*$'; then return; fi
		sleep 0.1
	done
	in_net "$lan" wg show wg0
	return 1
}

by_agent() { # by_agent MACHINE BOOT
	seen "$2" agent-ping machine_agent "$1" guest-ping
	seen "$2" agent-nics machine_agent "$1" guest-network-get-interfaces
	seen "$2" agent-cat machine_agent "$1" exec /usr/bin/cat "/var/lib/routerd/export/$1-rt.yaml"
}

console_key() { # console_key MACHINE
	sed -nE 's/.*routerd: node [^ ]+: public key ([^ ]+) fingerprint.*/\1/p' "$MACHINES/$1/console" | tail -n 1
}
