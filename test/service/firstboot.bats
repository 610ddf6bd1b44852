#!/usr/bin/env bats
# First boot under systemd as process 1, from real disks: run by "make service" before
# service.bats, on a machine that has nothing yet. Tests go on where the one before ended.

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
# shellcheck source=test/lib/site.bash
source "$ROOT/test/lib/site.bash"

LABELS=/dev/disk/by-label

setup_file() {
	ip link add lan0 type dummy
	ip addr add 10.77.60.2/24 dev lan0
	ip link set lan0 up
	modprobe loop
	mkdir -p $LABELS
	systemd-sysusers
	systemctl daemon-reload
	systemctl enable routerd-firstboot
}

setup() {
	RUN=$BATS_FILE_TMPDIR
	bats_require_minimum_version 1.5.0
}

teardown() {
	[ -z "${BATS_ERROR_STATUS-}" ] || [ "$BATS_ERROR_STATUS" = 0 ] ||
		journalctl -u routerd-firstboot -n 40 --no-pager -o cat
}

teardown_file() {
	systemctl disable --now routerd-firstboot routerd routerd-exchange.timer routerd-exchange.path
	routerctl delete --all
	ip link del lan0
	losetup -D
	rm -rf $LABELS /etc/routerd /var/lib/routerd /run/routerd
}

show() {
	systemctl show --value -p "$1" routerd-firstboot
}

is() { # is PROPERTY VALUE
	[ "$(show "$1")" = "$2" ]
}

# run_once: and until it has ended
run_once() {
	systemctl restart routerd-firstboot
	until_ok ended
}

ended() {
	is SubState exited || is SubState auto-restart
}

disk() { # disk LABEL FILE: as udev would call it
	ln -sfn "$(losetup -f --show -r "$2")" "$LABELS/$1"
}

cidata() { # cidata: of user-data on stdin
	mkdir -p "$RUN/seed"
	cat >"$RUN/seed/user-data"
	echo 'instance-id: 5ba93c9d' >"$RUN/seed/meta-data"
	[ ! -e $LABELS/cidata ] || losetup -d "$(readlink $LABELS/cidata)"
	genisoimage -quiet -V cidata -r -J -o "$RUN/cidata.iso" "$RUN/seed"
	disk cidata "$RUN/cidata.iso"
}

resources() {
	cat <<-END
		apiVersion: net.routerd.net/v1alpha1
		kind: WireGuardInterface
		metadata: { name: wg-hybrid }
		spec: { privateKeyFile: /etc/routerd/keys/wg-hybrid.key, selfNodeRef: pve-rt }
		---
		apiVersion: net.routerd.net/v1alpha1
		kind: IPv4StaticAddress
		metadata: { name: overlay }
		spec: { interface: wg-hybrid, address: ${1:-10.252.0.2}/32 }
		---
		apiVersion: net.routerd.net/v1alpha1
		kind: WireGuardPeer
		metadata: { name: cloud-rt }
		spec: { interface: wg-hybrid }
	END
}

@test "an ISO as Proxmox VE attaches it: key, configuration, service, all by itself" {
	{
		printf '#cloud-config\nrouterd:\n  install_packages: false\n  node: pve-rt\n  config: |\n'
		resources | sed 's/^/    /'
	} | cidata
	run_once
	is SubState exited
	is Result success
	is ExecMainStatus 2
	[[ $(show StatusText) == 'first boot waits: node pve-rt on nocloud (5ba93c9d)'* ]]
	systemctl is-enabled routerd
	until_ok systemctl is-active routerd
	until_ok ip link show wg-hybrid
	ip -d link show wg-hybrid | grep -q wireguard
	grep -qF "$(cat /var/lib/routerd/export/pve-rt.pub)" <(wg show wg-hybrid public-key)
	routerctl get node | grep -q 'lan0.*10.77.60.2'
	journalctl -u routerd-firstboot -o cat | grep -q 'public key .* fingerprint'
	# What it mounted nobody else ever saw.
	run -1 grep -E 'iso9660|cidata' /proc/self/mountinfo
	stat -c '%U:%G %a' /etc/routerd/router.yaml | grep -qx 'root:routerd 640'
}

@test "the other's export: routerd takes it up, and first boot says done from then on" {
	echo 5Jp1Jt2Zt0m9S5y2kq8g3T0qWmY9c1o7m0b8sGm0bWk= >/etc/routerd/peers/cloud-rt.pub
	until_ok eval '[ "$(wg show wg-hybrid peers | wc -l)" -eq 1 ]'
	run_once
	is ExecMainStatus 0
	is Result success
}

@test "a disk ROUTERD_CFG, vfat: it comes before user-data, and is in force at once" {
	truncate -s 1M "$RUN/config.img"
	mkfs.fat -n ROUTERD_CFG "$RUN/config.img" 2>/dev/null
	resources 10.252.0.9 >"$RUN/router.yaml"
	mkdir -p "$RUN/mnt"
	mount -t vfat -o loop,iocharset=ascii "$RUN/config.img" "$RUN/mnt"
	cp "$RUN/router.yaml" "$RUN/mnt"
	umount "$RUN/mnt"
	disk ROUTERD_CFG "$RUN/config.img"
	run_once
	is ExecMainStatus 0
	until_ok eval 'ip addr show wg-hybrid | grep -q 10.252.0.9/32'
	[ -z "$(ip addr show wg-hybrid | grep -F 10.252.0.2/32)" ]
	rm $LABELS/ROUTERD_CFG
}

@test "a disk that is no disk: failed, told, and tried again; what is in force stays" {
	head -c 64k /dev/urandom >"$RUN/noise"
	disk ROUTERD_CFG "$RUN/noise"
	run_once
	is SubState auto-restart
	is ExecMainStatus 1
	journalctl -u routerd-firstboot -o cat | grep -q 'could not find the configuration: .*ROUTERD_CFG'
	systemctl is-active routerd
	ip addr show wg-hybrid | grep -q 10.252.0.9/32
	rm $LABELS/ROUTERD_CFG
	run_once
	is ExecMainStatus 2 || is ExecMainStatus 0
}

@test "killed in the middle: systemd starts it again, and it ends whole" {
	mkdir -p /run/systemd/system/routerd-firstboot.service.d
	printf '[Service]\nRestartSec=1\n' >/run/systemd/system/routerd-firstboot.service.d/soon.conf
	systemctl daemon-reload
	for delay in 0 0.01 0.05 0.1; do
		systemctl restart routerd-firstboot
		sleep $delay
		systemctl kill -s KILL routerd-firstboot || true
		until_ok is SubState exited
		routerctl validate
	done
	rm -r /run/systemd/system/routerd-firstboot.service.d
	systemctl daemon-reload
}
