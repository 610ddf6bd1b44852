# shellcheck shell=bash
# machine.bash - whole machines under QEMU, without hardware virtualisation, and what they need
# around them. All of it ends with machines_end, and with the shell that called machines_begin
# however that ends: a keeper, which no signal of a terminal reaches, waits for it.
#
#   machines_begin                       a folder, $MACHINES; each NAME below is one in it
#   machine_net NAME                     a network (and a /run) of its own, with nothing in it
#   in_net NAME COMMAND...               run there
#   machine_helper NAME [net=NAME] COMMAND...    a program in the background; it writes NAME/log
#   machine_on NAME [KEY=VALUE]...       power on; the next time with the disk that it has then
#   machine_wait NAME SECONDS PATTERN    for a line of its console, which is printed
#   machine_result NAME SECONDS          for a line of JSON on its second serial port, printed
#   machine_agent NAME COMMAND [JSON]    asks its guest agent; 'exec' as 'qm guest exec' does
#   machine_off NAME SECONDS             until it is off, by itself
#   machine_stop NAME SECONDS            press its power button, then machine_off
#   machine_kill NAME                    pull the plug; it ends a program, too
#   machines_end                         everything gone
#
# Of machine_on, with what they are where they are not given:
#
#   firmware=uefi|bios  uefi: q35 and virtio-blk, as clouds have it; bios: pc and virtio-scsi, as
#                       Proxmox VE has it
#   disk=FILE size=8G   the disk grows from FILE, which is not written to; none
#   disc=LABEL:DIR      files of a CD with that label; none
#   nic=tap:IF          or user[:OPTIONS], or dgram:OURS:THEIRS, two sockets' files; again for
#                       another. Its MAC is what machine_mac NAME 0 (then 1...) prints
#   net=NAME            the network that QEMU, and so a tap, is in; the caller's
#   mtu=BYTES           what its NICs say they can; 1500
#   agent=yes           a port for a guest agent; none
#   reboot=yes          it boots again by itself, as where its kernel dies; no: then it is off
#   uuid= smbios=       as QEMU takes them; smbios= again for another table
#   memory=1024
#   cpus=1              with two, emulated, one now and then runs a breakpoint that the other has
#                       taken back already (the kernel patches itself), and the guest panics
#   cpu=qemu64          the plainest: WireGuard with SSSE3, emulated, is three times slower, and AVX of
#                       QEMU 7.2 kills a guest now and then
#
# The console is NAME/console: seconds since power-on before each line. Whoever waits is told how
# the console ends when what he waits for does not come. What is told of machines is in
# $MACHINES/said, too.

MACHINE_LIB=$(realpath "${BASH_SOURCE[0]}")

machines_begin() {
	local owner=$BASHPID
	MACHINES=$(mktemp -d "${TMPDIR:-/tmp}/machines.XXXXXX")
	export MACHINES
	# shellcheck disable=SC2016 # expands inside
	setsid bash -c 'source "$1"; tail -s 0.1 --pid="$2" -f /dev/null; machines_clear' keeper \
		"$MACHINE_LIB" "$owner" </dev/null >/dev/null 2>&1 3>&- 4>&- &
	echo $! >"$MACHINES/keeper"
}

machines_end() {
	local keeper
	[[ -e ${MACHINES-}/keeper ]] || return 0
	read -r keeper <"$MACHINES/keeper"
	machines_clear
	kill -- "-$keeper" 2>/dev/null || :
	wait "$keeper" 2>/dev/null || : # its end is nobody's to hear of
}

machines_clear() {
	local dir pids=()
	for dir in "$MACHINES"/*/; do
		! machine_is_on "$(basename "$dir")" || pids+=("$(<"$dir/pid")")
	done
	process_end "${pids[@]}"
	mapfile -t pids < <(machine_strays)
	process_end "${pids[@]}"
	rm -rf "$MACHINES"
}

# What a program of ours has left behind, as an SSH server its sessions; but not the keeper.
machine_strays() {
	local keeper pid
	read -r keeper <"$MACHINES/keeper"
	grep -lszxF "MACHINES=$MACHINES" /proc/[0-9]*/environ | while IFS=/ read -r _ _ pid _; do
		[[ $pid = "$$" || $(ps -o pgid= -p "$pid") -eq $keeper ]] || echo "$pid"
	done
}

# What has ended by itself may have left its number to a stranger: all of ours have MACHINES.
machine_is_on() {
	local pid
	read -r pid 2>/dev/null <"$MACHINES/$1/pid" && grep -qszxF "MACHINES=$MACHINES" "/proc/$pid/environ"
}

process_end() { # process_end PID...: by asking, and after 5 s without
	local pid
	(($#)) || return 0
	kill "$@" 2>/dev/null || :
	for pid; do
		timeout 5 tail -s 0.1 --pid="$pid" -f /dev/null || kill -KILL "$pid" 2>/dev/null || :
	done
}

# ---- what is around a machine -------------------------------------------------------------------

machine_helper() {
	local name=$1 dir=$MACHINES/$1 enter=()
	shift
	mkdir -p "$dir"
	if [[ $1 == net=* ]]; then
		machine_enter "${1#*=}" && shift || return
	fi
	: >"$dir/log"
	machine_spawn "${enter[@]}" "$@" </dev/null >>"$dir/log" 2>&1 3>&- 4>&-
	cp "$dir/pid" "$dir/reader"
}

# What becomes the program writes its pid itself, and alone: the keeper knows it though our shell
# ends meanwhile, and nobody reads a file that is half written.
machine_spawn() {
	rm -f "$dir/pid"
	(
		echo "$BASHPID" >"$dir/pid"
		exec "$@"
	) &
	until [[ -s $dir/pid ]]; do sleep 0.01; done
}

machine_enter() { # machine_enter NET: the words that do, into enter
	local pid
	read -r pid <"$MACHINES/$1/pid" && enter=(nsenter --target "$pid" --net --mount --wdns="$PWD" --)
}

machine_net() {
	mkdir -p "$MACHINES/$1"
	mkfifo "$MACHINES/$1/up"
	# shellcheck disable=SC2016 # expands inside
	machine_helper "$1" unshare --net --mount --propagation private sh -c 'mount -t tmpfs run /run &&
		mkdir /run/wireguard && ip link set lo up && echo up >"$0" && exec sleep infinity' "$MACHINES/$1/up"
	timeout 10 cat "$MACHINES/$1/up" >/dev/null || machine_fail "$1" "is no network after 10 s"
}

in_net() {
	local enter=()
	machine_enter "$1" && "${enter[@]}" "${@:2}"
}

machine_mac() { # machine_mac NAME NUMBER: the same each time, and no other's
	local sum
	sum=$(md5sum <<<"$1 $2")
	echo "52:54:00:${sum:0:2}:${sum:2:2}:${sum:4:2}"
}

# ---- power on -----------------------------------------------------------------------------------

machine_on() {
	local name=$1 dir=$MACHINES/$1 word enter=() args nics=() tables=()
	local -A with=([firmware]=uefi [disk]='' [size]=8G [disc]='' [net]='' [agent]='' [uuid]='' [mtu]=1500
		[reboot]=no [memory]=1024 [cpu]=qemu64 [cpus]=1)
	for word in "${@:2}"; do
		case $word in
		nic=*) nics+=("${word#*=}") ;;
		smbios=*) tables+=(-smbios "${word#*=}") ;;
		*=*)
			[[ -v with[${word%%=*}] ]] || { machine_say "$name" "has no setting '${word%%=*}'" && return 2; }
			with[${word%%=*}]=${word#*=}
			;;
		*) machine_say "$name" "cannot be '$word': KEY=VALUE" && return 2 ;;
		esac
	done
	mkdir -p "$dir"
	args=(-accel "tcg,thread=multi" -cpu "${with[cpu]}" -smp "${with[cpus]}" -m "${with[memory]}" -nodefaults
		-display none -device virtio-rng-pci -monitor "unix:$dir/monitor,server=on,wait=off"
		-chardev "stdio,id=console,signal=off" -serial chardev:console -serial "file:$dir/results"
		"${tables[@]}")
	[[ ${with[reboot]} = yes ]] || args+=(-no-reboot)
	[[ ! ${with[uuid]} ]] || args+=(-uuid "${with[uuid]}")
	machine_board "${with[firmware]}" || return
	machine_disks || return
	machine_nics "${nics[@]}" || return
	[[ ! ${with[agent]} ]] || args+=(-device virtio-serial
		-chardev "socket,id=agent,path=$dir/agent,server=on,wait=off"
		-device "virtserialport,chardev=agent,name=org.qemu.guest_agent.0")
	[[ ! ${with[net]} ]] || machine_enter "${with[net]}" || return
	machine_start
}

machine_board() { # machine_board FIRMWARE: into args, as all below that machine_on calls
	local code=/usr/share/OVMF/OVMF_CODE_4M.fd vars=/usr/share/OVMF/OVMF_VARS_4M.fd
	case $1 in
	uefi)
		[[ -e $dir/vars.fd ]] || cp $vars "$dir/vars.fd" || return
		args+=(-M q35 -drive "if=pflash,format=raw,readonly=on,file=$code"
			-drive "if=pflash,format=raw,file=$dir/vars.fd")
		;;
	bios) args+=(-M pc) ;;
	*) machine_say "$name" "cannot have firmware '$1': uefi, bios" && return 2 ;;
	esac
}

machine_disks() {
	local format
	args+=(-device "virtio-scsi-pci,id=scsi")
	if [[ ${with[disk]} && ! -e $dir/disk.qcow2 ]]; then
		format=$(qemu-img info --output=json "${with[disk]}" | jq -r .format) || return
		qemu-img create -q -f qcow2 -F "$format" -b "$(realpath "${with[disk]}")" "$dir/disk.qcow2" \
			"${with[size]}" || return
	fi
	if [[ -e $dir/disk.qcow2 ]]; then
		args+=(-drive "if=none,id=root,format=qcow2,discard=unmap,file=$dir/disk.qcow2" -device)
		case ${with[firmware]} in
		uefi) args+=("virtio-blk-pci,drive=root,bootindex=1") ;;
		bios) args+=("scsi-hd,bus=scsi.0,drive=root,bootindex=1") ;;
		esac
	fi
	[[ ${with[disc]} ]] || return 0
	genisoimage -quiet -V "${with[disc]%%:*}" -r -J -o "$dir/disc.iso" "${with[disc]#*:}" || return
	args+=(-drive "if=none,id=disc,format=raw,readonly=on,file=$dir/disc.iso"
		-device "scsi-cd,bus=scsi.0,drive=disc")
}

machine_nics() {
	local nic link i=0
	for nic; do
		case $nic in
		tap:*) link="tap,id=nic$i,ifname=${nic#*:},script=no,downscript=no" ;;
		user) link="user,id=nic$i" ;;
		user:*) link="user,id=nic$i,${nic#*:}" ;;
		dgram:*:*)
			nic=${nic#*:}
			link="dgram,id=nic$i,local.type=unix,local.path=${nic%%:*},remote.type=unix,remote.path=${nic#*:}"
			;;
		*)
			machine_say "$name" "cannot have a NIC '$nic': tap:IF, user[:OPTIONS], dgram:OURS:THEIRS"
			return 2
			;;
		esac
		args+=(-netdev "$link" -device "virtio-net-pci,netdev=nic$i,mac=$(machine_mac "$name" $i),host_mtu=${with[mtu]}")
		i=$((i + 1))
	done
}

machine_start() {
	! machine_is_on "$name" || { machine_say "$name" "is on already" && return 1; }
	rm -f "$dir"/{out,console,results,monitor,agent}
	mkfifo "$dir/out"
	: >"$dir/results"
	: >"$dir/console"
	machine_stamp <"$dir/out" >>"$dir/console" 3>&- 4>&- &
	echo $! >"$dir/reader"
	machine_spawn "${enter[@]}" qemu-system-x86_64 "${args[@]}" \
		</dev/null >"$dir/out" 2>"$dir/qemu" 3>&- 4>&-
}

machine_stamp() {
	local start=${EPOCHREALTIME/./} line now
	shopt -s extglob
	while IFS= read -r line || [[ $line ]]; do
		now=$((${EPOCHREALTIME/./} - start))
		line=${line//$'\e'?(\[)*([0-9;?=!])[a-zA-Z]/} # colours and cursors
		line=${line//$'\e]'*([0-9;])/}
		printf '[%3d.%d] %s\n' $((now / 1000000)) $((now / 100000 % 10)) "${line//[$'\r\e']/}"
	done
}

# ---- wait, ask, power off -----------------------------------------------------------------------

machine_say() { echo "machine $1 ${*:2}" | tee -a "$MACHINES/said" >&2; }

# What went wrong, with QEMU's own words and the end of the console.
machine_fail() { # machine_fail NAME WORD...
	local dir=$MACHINES/$1
	machine_say "$@"
	[[ ! -s $dir/log ]] || tail -n 20 "$dir/log" | sed 's/^/  it said: /' >&2
	[[ ! -s $dir/qemu ]] || tail -n 20 "$dir/qemu" | sed 's/^/  QEMU: /' >&2
	[[ -e $dir/console ]] || return
	{
		grep -aE 'BUG: |Kernel panic' "$dir/console" | sed 's/^/  its kernel died: /'
		echo "  its console ends:"
		tail -n 40 "$dir/console"
	} >&2
	return 1
}

# The reader of the console ends after QEMU, when it has written everything.
machine_line() { # machine_line NAME FILE SECONDS PATTERN
	local reader
	read -r reader <"$MACHINES/$1/reader"
	grep -aEm 1 -e "$4" < <(exec timeout "$3" \
		tail -n +1 -s 0.1 --pid="$reader" -f "$MACHINES/$1/$2") && return
	if kill -0 "$reader" 2>/dev/null; then
		machine_fail "$1" "did not come to '$4' in its $2 within $3 s"
	else
		machine_fail "$1" "went off, and there is no '$4' in its $2"
	fi
}

machine_wait() { machine_line "$1" console "$2" "$3"; }

machine_result() { machine_line "$1" results "$2" '^\{.*\}.?$'; }

machine_agent() {
	timeout 60 python3 "${MACHINE_LIB%/*}/agent.py" "$MACHINES/$1/agent" "${@:2}" ||
		machine_fail "$1" "has no guest agent that answers '$2'"
}

machine_off() {
	local reader
	read -r reader <"$MACHINES/$1/reader"
	timeout "$2" tail -s 0.1 --pid="$reader" -f /dev/null ||
		machine_fail "$1" "is not off after $2 s" || return
	rm -f "$MACHINES/$1/pid"
}

machine_stop() {
	socat -t 5 - "UNIX-CONNECT:$MACHINES/$1/monitor" <<<system_powerdown >/dev/null ||
		machine_fail "$1" "has no power button" || return
	machine_off "$@"
}

machine_kill() {
	local pid
	read -r pid <"$MACHINES/$1/pid" || return
	process_end "$pid"
	machine_off "$1" 5
}
