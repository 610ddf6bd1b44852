# shellcheck shell=bash
# site.bash - hosts in namespaces of their own, and wires between them.
#
#   site_new NAME...       a host: its own network, mounts and processes
#   on NAME COMMAND...     run there
#   site_file A FILE PATH  FILE stands at PATH there
#   wire A IF B IF         a cable between two hosts
#   site_end               everything gone, whatever still runs inside
#
# Inside a host /run, /dev/shm, /etc/routerd and /var/lib/routerd are its own and empty, so that sockets
# of userspace WireGuard and default paths do not meet the machine's; which gets the last two, empty, and
# keeps them: who takes a folder away takes away what is mounted on it in every host. Killing a host's first process
# kills all its others, and with the last of them its namespaces go.

declare -gA SITE=() SITE_HOLDER=()

site_new() {
	local name pid
	mkdir -p /etc/routerd /var/lib/routerd
	for name in "$@"; do
		# shellcheck disable=SC2016 # expands inside
		unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private \
			sh -c 'mount -t tmpfs run /run && mkdir /run/wireguard && mount -t tmpfs shm /dev/shm &&
				mount -t tmpfs etc /etc/routerd &&
				mount -t tmpfs lib /var/lib/routerd &&
				ip link set lo up && exec sleep infinity' \
			</dev/null >/dev/null 2>&1 3>&- 4>&- &
		SITE_HOLDER[$name]=$!
	done
	for name in "$@"; do
		until pid=$(pgrep -P "${SITE_HOLDER[$name]}" -x sleep); do
			kill -0 "${SITE_HOLDER[$name]}" || return 1
			sleep 0.01
		done
		SITE[$name]=$pid
	done
}

on() {
	local name=$1
	shift
	nsenter --target "${SITE[$name]}" --net --mount --pid -- "$@"
}

site_file() { # site_file SITE FILE PATH: there, PATH is FILE, though it be a link into /run
	local target
	target=$(readlink -m "$3")
	on "$1" mkdir -p "${target%/*}"
	on "$1" sh -c "test -e '$target' || : >'$target'"
	on "$1" mount --bind "$2" "$target"
}

wire() {
	ip link add "$2" netns "${SITE[$1]}" type veth peer name "$4" netns "${SITE[$3]}"
	on "$1" ip link set "$2" up
	on "$3" ip link set "$4" up
}

site_end() {
	local name
	for name in "${!SITE_HOLDER[@]}"; do
		kill -KILL "${SITE[$name]}" 2>/dev/null || true # an init minds nothing less
		wait "${SITE_HOLDER[$name]}" 2>/dev/null || true
	done
	SITE=() SITE_HOLDER=()
}

# until_ok COMMAND...: try for 10 s.
until_ok() {
	local i
	for ((i = 0; i < 100; i++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	echo "never true: $*" >&2
	return 1
}
