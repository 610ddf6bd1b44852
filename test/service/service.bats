#!/usr/bin/env bats
# The units under systemd as process 1: run by "make service", in a virtual machine that is
# for nothing else. Tests go on where the one before ended.
#
#   client 10.77.60.9 -lan- this machine -under- far, which is 10.77.60.7 too

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
# shellcheck source=test/lib/site.bash
source "$ROOT/test/lib/site.bash"

KEYS=/etc/routerd/keys

setup_file() {
	site_new far client
	SITE[here]=1
	wire here lan0 client lan0
	wire here under far under
	on client ip addr add 10.77.60.9/24 dev lan0
	ip addr add 10.77.60.2/24 dev lan0
	ip addr add 198.51.100.20/24 dev under
	on far ip addr add 198.51.100.1/24 dev under
	mkdir -p $KEYS
	chmod 700 $KEYS
	(umask 077 && wg genkey >$KEYS/wg-hybrid.key)
	wg genkey >"$BATS_FILE_TMPDIR/far.key"
	on far ip link add wg0 type wireguard
	on far wg set wg0 private-key "$BATS_FILE_TMPDIR/far.key" listen-port 51820 \
		peer "$(wg pubkey <$KEYS/wg-hybrid.key)" allowed-ips 10.252.0.2/32,10.77.60.0/24
	on far ip addr add 10.252.0.1/32 dev wg0
	on far ip addr add 10.77.60.7/32 dev lo
	on far ip addr add 10.77.60.8/32 dev lo
	on far ip link set wg0 up
	on far ip route add 10.77.60.9/32 dev wg0
	FAR_KEY=$(wg pubkey <"$BATS_FILE_TMPDIR/far.key")
	BEGIN=$(date +%s)
	export FAR=${SITE[far]} CLIENT=${SITE[client]} FAR_KEY BEGIN
	systemd-sysusers
	useradd_plain
	systemctl daemon-reload
}

# Members and strangers, without the package that has useradd.
useradd_plain() {
	echo 'member:x:2001:2001::/:/bin/sh' >>/etc/passwd
	echo 'stranger:x:2002:2002::/:/bin/sh' >>/etc/passwd
}

as() { # as UID GROUP COMMAND...: a plain user with that one group more
	local uid=$1 group=$2
	shift 2
	setpriv --reuid "$uid" --regid "$uid" --groups "$(getent_group "$group")" -- "$@"
}

getent_group() {
	sed -n "s/^$1:[^:]*:\([0-9]*\):.*/\1/p" /etc/group
}

setup() {
	SITE=([far]=$FAR [client]=$CLIENT [here]=1)
	RUN=$BATS_FILE_TMPDIR
	bats_require_minimum_version 1.5.0
}

teardown() {
	on client pkill -x 'ping|tcpdump' || true
	pkill -x nft || true
	pkill -fx 'ip -o monitor.*' || true
	[ -z "${BATS_ERROR_STATUS-}" ] || [ "$BATS_ERROR_STATUS" = 0 ] ||
		journalctl -u routerd -n 30 --no-pager -o cat
}

teardown_file() {
	kill -KILL "$FAR" "$CLIENT"
}

config() { # config CLAIM...
	local claim
	cat <<-END
		apiVersion: net.routerd.net/v1alpha1
		kind: WireGuardInterface
		metadata: { name: wg-hybrid }
		spec: { privateKeyFile: $KEYS/wg-hybrid.key, listenPort: 51820 }
		---
		apiVersion: net.routerd.net/v1alpha1
		kind: IPv4StaticAddress
		metadata: { name: overlay }
		spec: { interface: wg-hybrid, address: 10.252.0.2/32 }
		---
		apiVersion: net.routerd.net/v1alpha1
		kind: WireGuardPeer
		metadata: { name: cloud }
		spec:
		  interface: wg-hybrid
		  publicKey: $FAR_KEY
		  endpoint: 198.51.100.1:51820
		  allowedIPs: [10.252.0.1/32]
		---
		apiVersion: hybrid.routerd.net/v1alpha1
		kind: OverlayPeer
		metadata: { name: cloud }
		spec:
		  role: cloud
		  underlay: { type: wireguard, interface: wg-hybrid, address: 10.252.0.1 }
		---
		apiVersion: hybrid.routerd.net/v1alpha1
		kind: AddressMobilityDomain
		metadata: { name: lab }
		spec: { prefix: 10.77.60.0/24, peerRef: cloud }
	END
	for claim in "$@"; do
		cat <<-END
			---
			apiVersion: hybrid.routerd.net/v1alpha1
			kind: RemoteAddressClaim
			metadata: { name: vm-$claim }
			spec:
			  domainRef: lab
			  address: 10.77.60.$claim/32
			  ownerSide: cloud
			  capture: { type: proxy-arp, interface: lan0, gratuitousARP: true }
		END
	done
}

show() { # show PROPERTY [UNIT]
	systemctl show --value -p "$1" "${2-routerd}"
}

is() { # is PROPERTY VALUE [UNIT]
	[ "$(show "$1" "${3-routerd}")" = "$2" ]
}

log() {
	journalctl -u routerd --since "@$BEGIN" --no-pager -o cat
}

# What no stop, start or kill may touch, and nobody may even report to have changed: routes,
# links, rules, our addresses and tables. (Neighbours come and go by themselves.)
watch_start() {
	ip -o monitor link address route rule >"$RUN/events" 2>&1 3>&- 4>&- &
	echo $! >"$RUN/watchers"
	nft monitor >"$RUN/nft-events" 2>&1 3>&- 4>&- &
	echo $! >>"$RUN/watchers"
	# shellcheck disable=SC2016 # expands there
	on client sh -c 'echo $$ >"$1/pinger"; exec ping -i 0.05 -W 2 -n 10.77.60.7' sh "$RUN" \
		>"$RUN/ping" 2>&1 3>&- 4>&- &
	until_ok grep -q 'icmp_seq=3 ' "$RUN/ping"
}

replies() {
	sed -n 's/.* icmp_seq=\([0-9]*\) ttl.*/\1/p' "$RUN/ping" | sort -nu
}

later_than() {
	(($(replies | tail -n 1) > $1))
}

watch_end() {
	local seen
	sleep 0.5 # what is late is to be seen
	# That they do see is shown by changes of our own.
	ip route add 192.0.2.1/32 dev lo
	until_ok grep -q 192.0.2.1 "$RUN/events"
	nft add table ip canary
	until_ok grep -q canary "$RUN/nft-events"
	ip route del 192.0.2.1/32 dev lo
	nft delete table ip canary
	xargs -r kill <"$RUN/watchers"
	# Ping goes on, and all before its latest answer were answered.
	seen=$(replies | tail -n 1)
	until_ok later_than "$seen"
	on client kill -KILL "$(cat "$RUN/pinger")"
	replies | awk '$1 != NR { print "no answer to " NR; exit 1 }'
	cat "$RUN/events" "$RUN/nft-events"
	run -1 grep -v 192.0.2.1 "$RUN/events"
	run -1 grep -v 'canary\|^# new generation' "$RUN/nft-events"
}

traffic() {
	until_ok on client ping -c 1 -W 1 "10.77.60.${1-7}"
}

@test "it starts without a configuration, and says so" {
	rm -f /etc/routerd/router.yaml
	systemctl enable routerd routerd-metrics.socket
	systemctl start routerd
	[ "$(show ActiveState)" = active ]
	[ "$(show StatusText)" = "waiting for a configuration" ]
	[ -d /etc/routerd/conf.d ]
}

@test "a file makes it so: link, key, sysctls, proxy neighbour, clamp, store, traffic" {
	config 7 >/etc/routerd/conf.d/site.yaml
	traffic
	until_ok is StatusText "6 of 6 objects ready, 0 degraded"
	ip -d link show wg-hybrid | grep -q wireguard
	[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ]
	nft list table inet routerd_mss | grep -q maxseg
	[ -e /var/lib/routerd/good/conf.d/site.yaml ]
	run -1 grep -i 'cannot\|denied\|permitted\|read-only' <(log)
	log | grep 'was read' >"$RUN/reads" # one: not what is half written
	[ "$(cat "$RUN/reads")" = "the configuration was read: 6 objects" ]
}

@test "it makes a key where there is none" {
	config 7 | sed '/^---/,$d; s/wg-hybrid/wg-new/g; s/51820/51821/' >/etc/routerd/conf.d/new.yaml
	until_ok wg show wg-new
	[ "$(stat -c %a:%u $KEYS/wg-new.key)" = 600:0 ]
	rm /etc/routerd/conf.d/new.yaml
	until_ok test ! -e /sys/class/net/wg-new
}

@test "members of the group may ask, only root may change, strangers neither" {
	[ "$(stat -c %a:%U:%G /run/routerd/io.routerd)" = 660:root:routerd ]
	as 2001 routerd routerctl get | grep -q vm-7
	run -1 as 2001 routerd routerctl reload
	run -1 as 2002 nogroup routerctl status
	[[ $output == *"members of group 'routerd'"* ]]
}

@test "a reload takes up a claim, and one of faulty files fails and changes nothing" {
	on client tcpdump -lnn -c 1 -i lan0 'arp and arp[14:4] = 0x0a4d3c08' >"$RUN/arp" 2>"$RUN/arp.err" 3>&- 4>&- &
	until_ok grep -q 'listening on' "$RUN/arp.err"
	config 7 8 >/etc/routerd/conf.d/site.yaml
	systemctl reload routerd
	until_ok grep -q 'who-has 10.77.60.8 .*tell 10.77.60.8' "$RUN/arp" # gratuitous
	ip route show 10.77.60.8 | grep -q wg-hybrid
	traffic 8
	echo 'kind: Nonsense' >/etc/routerd/conf.d/zz.yaml
	run ! systemctl reload routerd
	[ "$(show ActiveState)" = active ]
	[[ $(show StatusText) == *"the files have faults, what was in force stays"* ]]
	ip route show 10.77.60.8 | grep -q wg-hybrid
	rm /etc/routerd/conf.d/zz.yaml
	systemctl kill -s HUP --kill-who=main routerd
	until_ok is ActiveState active
	until_ok is StatusText "7 of 7 objects ready, 0 degraded"
}

@test "stop leaves tunnel, routes and tables, traffic goes on, a start finds nothing to do" {
	watch_start
	systemctl stop routerd
	[ "$(show ActiveState)" = inactive ]
	on client ping -c 3 -i 0.2 -W 1 10.77.60.7
	systemctl start routerd
	watch_end
}

@test "a restart, as of an upgrade, is not seen by anyone" {
	local before
	before=$(show MainPID)
	watch_start
	cp /usr/sbin/routerd /usr/sbin/routerd.new
	mv /usr/sbin/routerd.new /usr/sbin/routerd
	systemctl restart routerd
	[ "$(show MainPID)" != "$before" ]
	watch_end
}

@test "killed, it comes again by itself, and nobody sees it" {
	local before
	before=$(show NRestarts)
	watch_start
	systemctl kill -s KILL --kill-who=main routerd
	until_ok is NRestarts $((before + 1))
	until_ok routerctl status
	[ "$(show ActiveState)" = active ]
	watch_end
}

@test "metrics are served over HTTP on loopback, without the network, by nobody" {
	systemctl start routerd-metrics.socket
	http 'GET /metrics HTTP/1.0' >"$RUN/metrics"
	head -n 1 "$RUN/metrics" | grep -q '200 OK'
	grep -qx 'routerd_up 1' <(tr -d '\r' <"$RUN/metrics")
	grep -q '^routerd_objects_ready{kind="RemoteAddressClaim"} 2' "$RUN/metrics"
	tail -n 1 "$RUN/metrics" | grep -qx '# EOF'
	http 'GET /other HTTP/1.0' | grep -q '404 Not Found'
	run ! on client socat -u TCP:10.77.60.2:21820,connect-timeout=1 -
	systemctl stop routerd
	http 'GET /metrics HTTP/1.0' | grep -qx 'routerd_up 0'
	systemctl start routerd
}

http() { # http REQUEST: prints the whole answer
	printf '%s\r\n\r\n' "$1" | timeout 20 socat -t 15 - TCP:127.0.0.1:21820
}

@test "garbage on the metrics socket leaves no failed unit, and the socket listens on" {
	local i
	for i in 1 2 3 4 5; do
		head -c 1000 /dev/urandom | timeout 5 socat -t 1 - TCP:127.0.0.1:21820 >/dev/null 2>&1 || true
	done
	http 'GET /metrics HTTP/1.0' | grep -qx 'routerd_up 1'
	[ -z "$(systemctl --failed --plain --no-legend list-units 'routerd*')" ]
	[ "$(show ActiveState routerd-metrics.socket)" = active ]
}

@test "the sandbox holds: no foreign file, no setting but the network's, no module, no device" {
	local pid
	pid=$(show MainPID)
	in_unit() { nsenter --target "$pid" --mount -- sh -c "$1"; }
	run ! in_unit 'echo x >/usr/x'
	run ! in_unit 'echo x >/etc/x'
	run ! in_unit 'echo 1 >/proc/sys/vm/swappiness'
	in_unit 'cat /proc/sys/net/ipv4/ip_forward >/proc/sys/net/ipv4/ip_forward'
	in_unit 'test -c /dev/net/tun && test ! -e /dev/ttyS0 && test ! -e /dev/mem'
	[ "$(sed -n 's/^CapBnd:\t//p' "/proc/$pid/status")" = 0000000000003000 ]
	[ "$(sed -n 's/^CapEff:\t//p' "/proc/$pid/status")" = 0000000000003000 ]
	[ "$(sed -n 's/^NoNewPrivs:\t//p' "/proc/$pid/status")" = 1 ]
	[ "$(sed -n 's/^Seccomp:\t//p' "/proc/$pid/status")" = 2 ]
}

@test "the watchdog is fed" {
	local first
	first=$(show WatchdogTimestampMonotonic)
	[ "$(show WatchdogUSec)" = 1min ]
	for _ in {1..30}; do
		(($(show WatchdogTimestampMonotonic) > first)) && return
		sleep 1
	done
	false
}

@test "where the kernel has no WireGuard, wireguard-go is started and outlives a restart" {
	local go
	systemctl stop routerd
	routerctl delete --all
	on far ip link del wg0 # the module is in use there
	modprobe -r wireguard || skip "this kernel's WireGuard cannot be unloaded"
	echo 'install wireguard /bin/false' >/etc/modprobe.d/none.conf
	rm -rf /run/wireguard
	timeout 60 systemctl start routerd
	until_ok pgrep -x wireguard-go
	go=$(pgrep -x wireguard-go)
	until_ok wg show wg-hybrid
	on far timeout 20 wireguard-go wg0 </dev/null >/dev/null 2>&1 3>&- 4>&-
	on far wg set wg0 private-key "$RUN/far.key" listen-port 51820 \
		peer "$(wg pubkey <$KEYS/wg-hybrid.key)" allowed-ips 10.252.0.2/32,10.77.60.0/24
	on far ip link set wg0 up
	on far ip route add 10.77.60.9/32 dev wg0
	traffic
	watch_start
	systemctl restart routerd
	watch_end
	systemctl stop routerd
	kill -0 "$go"
	systemctl start routerd
	traffic
}

@test "where WireGuard is a module, it need not be loaded before" {
	systemctl stop routerd
	routerctl delete --all
	rm /etc/modprobe.d/none.conf
	[ ! -e /sys/module/wireguard ] || skip "this kernel's WireGuard cannot be unloaded"
	systemctl start routerd
	until_ok is StatusText "7 of 7 objects ready, 0 degraded"
	[ -e /sys/module/wireguard ]
	traffic
}

@test "anybody may read the export, and nobody the key" {
	run as 2002 nogroup cat /var/lib/routerd/export/*.pub
	[ "$output" = "$(wg pubkey <$KEYS/wg-hybrid.key)" ]
	run ! as 2002 nogroup cat $KEYS/wg-hybrid.key $KEYS/wg-hybrid.key.record
	as 2002 nogroup grep -q '^kind: "WireGuardPeer"' /var/lib/routerd/export/*.yaml
}

@test "the service may write to the console" {
	# shellcheck disable=SC2016 # expands there
	sh -c 'echo $$ >/sys/fs/cgroup/system.slice/routerd.service/cgroup.procs &&
		exec nsenter -t "$1" -m sh -c "echo heard >/dev/console"' - \
		"$(systemctl show -P MainPID routerd)"
}
