#!/usr/bin/env bats
# image/check on copies of the disk (IMAGE): it passes as it is, and whatever must not be in it is
# found by name and place. One copy has all that may be planted in files, another all that is
# about the disk itself; each is looked at once, and each test is about one finding.

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
# shellcheck source=test/lib/disk.bash
source "$ROOT/test/lib/disk.bash"

ID=0f1e2d3c4b5a69788796a5b4c3d2e1f0
KEY=mB6xP3u0Jw9v1tYkq8ZrT5sL2nQ4aW7cE0hG6dF8iUo=
ARMOUR='-----BEGIN OPENSSH PRIVATE KEY-----'

setup_file() {
	export TMPDIR=$BATS_FILE_TMPDIR/tmp
	export LEFT=$BATS_FILE_TMPDIR/left.said FORM=$BATS_FILE_TMPDIR/form.said
	mkdir "$TMPDIR"
	disk_copy "$BATS_FILE_TMPDIR/left.raw"
	plant_secrets
	plant_leftovers
	plant_rights
	plant_units
	plant_strangers
	planted
	esp_plant /loader/random-seed "$ID"
	esp_plant /user-data "#cloud-config"
	esp_plant /loader/host.pem '-----BEGIN RSA PRIVATE KEY-----'
	check "$DISK" >"$LEFT" || true
	rm "$DISK"
	disk_copy "$BATS_FILE_TMPDIR/form.raw"
	plant_form
	check "$DISK" >"$FORM" || true
	rm "$DISK"
}

check() { timeout 200 "$ROOT/image/check" "$@"; }

plant_secrets() {
	plant /etc/machine-id $ID
	plant /var/lib/dbus/machine-id $ID
	plant /etc/ssh/ssh_host_ed25519_key "$ARMOUR"
	plant /etc/ssh/ssh_host_rsa_key.pub "ssh-rsa AAAA"
	plant /etc/wireguard/wg0.conf "[Interface]"
	plant /etc/routerd/keys/wg-hybrid.key $KEY
	plant /etc/systemd/network/wg.netdev "  PrivateKey = $KEY"
	plant /home/ops/export.json "\"privateKey\": \"$KEY\","
	plant /var/backups/key $KEY
	plant /opt/tool/ssh "$ARMOUR"
	plant /srv/tls/server "-----BEGIN EC PRIVATE KEY-----"
	plant /usr/local/etc/pgp "-----BEGIN PGP PRIVATE KEY BLOCK-----"
	plant /root/pkcs8 "-----BEGIN ENCRYPTED PRIVATE KEY-----"
	plant /var/lib/age "# created AGE-SECRET-KEY-1QQQQQQQQQQQQ"
	plant /home/ops/id_ed25519
	plant /root/.aws/credentials
	plant /var/lib/systemd/credential.secret
	plant /root/.ssh/authorized_keys "ssh-ed25519 AAAA ops"
	plant /var/lib/systemd/random-seed $ID
	plant /etc/passwd "$(content /etc/passwd)
toor:x:0:0::/root:/bin/sh
nopass::4000:4000::/:/bin/sh"
	plant /etc/shadow "$(content /etc/shadow)
unlocked:\$y\$j9T\$salt\$hash:20000::::::
empty::20000::::::"
	plant /etc/sudoers.d/ops "%ops ALL=(ALL) NOPASSWD: ALL"
}

plant_leftovers() {
	local path
	for path in /var/lib/cloud/instance/user-data.txt /run/cloud-init/result.json \
		/var/log/cloud-init.log /etc/sudoers.d/90-cloud-init-users \
		/run/systemd/netif/leases/2 /var/lib/dhcp/dhclient.leases /var/lib/dhcpcd/eth0.lease \
		/var/lib/systemd/network/state /var/lib/apt/lists/deb.debian.org_dists_trixie_InRelease \
		/var/cache/apt/archives/jq_1.7.1_amd64.deb /var/cache/apt/pkgcache.bin /root/own.deb \
		/var/log/dpkg.log /var/log/journal/$ID/system.journal /var/log/wtmp /var/log/lastlog \
		/opt/tool/build.log /root/.bash_history /root/.lesshst /home/ops/.python_history \
		/root/.viminfo /tmp/schema /var/tmp/dump /var/lib/routerd/known/cloud /etc/routerd/router.yaml \
		/var/lib/dpkg/status-old /var/cache/debconf/config.dat-old /etc/default/ssh.dpkg-dist \
		/core /var/lib/systemd/coredump/core.routerd.zst; do
		plant "$path"
	done
}

plant_rights() {
	local i
	plant /usr/bin/evil
	plant_do "set_inode_field evil mode 0104755"
	plant /usr/bin/group
	plant_do "set_inode_field group mode 0102755"
	plant /usr/bin/able
	printf '\001\000\000\002\040\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000' >"$PLANTS/caps"
	plant_do "ea_set -f $PLANTS/caps able security.capability"
	plant /etc/open
	plant_do "set_inode_field open mode 0100666"
	into /opt/anybody/x
	plant_do "cd .." "set_inode_field anybody mode 040777"
	into /etc/disk
	plant_do "mknod disk b 8 0" "set_inode_field disk mode 060600"
	plant /var/lib/dpkg/status "$(content /var/lib/dpkg/status | sed '/^Package: jq$/,/^$/d')

$(for i in {1..231}; do printf 'Package: %s\nStatus: install ok installed\n\n' "zz-$i"; done)

Package: half
Status: install ok half-configured"
}

plant_units() {
	local etc=/etc/systemd/system
	plant_link $etc/timers.target.wants/apt-daily.timer /usr/lib/systemd/system/apt-daily.timer
	plant_link $etc/getty.target.wants/getty@tty2.service /usr/lib/systemd/system/getty@.service
	plant_link $etc/ssh.service /dev/null
	into $etc/multi-user.target.wants/routerd.service
	plant_link /etc/rc2.d/S01evil ../init.d/evil
	plant /etc/systemd/system-preset/00-first.preset "disable fstrim.timer"
}

plant_strangers() {
	plant /usr/bin/stranger
	plant /usr/bin/curl
	plant /usr/lib/systemd/system/getty@tty1.service.d/autologin.conf "ExecStart=-agetty --autologin root %I"
	plant /etc/pam.d/common-auth "auth sufficient pam_permit.so"
	plant /etc/ssh/sshd_config.d/00-first.conf "PermitEmptyPasswords yes"
	plant /etc/adduser.conf
	plant_link /etc/sudoers /etc/passwd
}

plant_form() {
	local esp
	esp=$(start_of 1)
	plant_do "set_inode_field / links_count 99"
	planted
	esp_plant /loader/entries/evil.conf "options init=/bin/sh"
	esp_plant /grub/grub.cfg "    linux /routerd/x/vmlinuz root=PARTUUID=00000000-0000-0000-0000-000000000000 init=/bin/sh"
	mdel -i "$DISK@@$esp" ::/EFI/BOOT/BOOTX64.EFI
	poke $((esp + 0x41)) '\001'
	dd if=/dev/zero of="$DISK" bs=440 count=1 conv=notrunc status=none
	dd if=/dev/zero of="$DISK" bs=512 count=1 seek=$(($(start_of 2) / 512)) conv=notrunc status=none
	sfdisk -q --part-label "$DISK" 3 root >/dev/null
	truncate -s +1M "$DISK"
}

finds() { # finds WHAT WHERE
	grep -F -- "image-check: $1: $2 (" "$LEFT" || { cat "$LEFT" && return 1; }
}

has() { grep -F -- "image-check: $1" "$FORM" || { cat "$FORM" && return 1; }; } # has BEGINNING

nothing_left() { [ ! "$(ls -A "$TMPDIR")" ]; }

@test "the disk as it is has nothing that it must not have" {
	run check "$IMAGE"
	echo "$output"
	[ "$status" = 0 ]
	nothing_left
}

@test "the copy is whole but for what was planted, so each finding is of a plant" {
	run grep -E 'image-check: (partition table|loader|file system|VHD): ' "$LEFT"
	echo "$output"
	[ "$status" = 1 ]
}

@test "it finds machine ids" {
	finds "machine id" /etc/machine-id
	finds "machine id" /var/lib/dbus/machine-id
}

@test "it finds SSH host keys, and their public halves" {
	finds "SSH host key" /etc/ssh/ssh_host_ed25519_key
	finds "SSH host key" /etc/ssh/ssh_host_rsa_key.pub
}

@test "it finds WireGuard's and routerd's key folders" {
	finds "WireGuard key" /etc/wireguard/wg0.conf
	finds "WireGuard key" /etc/routerd/keys/wg-hybrid.key
}

@test "it finds a WireGuard key in another program's file" {
	finds "WireGuard key" /etc/systemd/network/wg.netdev
	finds "WireGuard key" /home/ops/export.json
}

@test "it finds a WireGuard key that is all of a file" {
	finds "WireGuard key" /var/backups/key
}

@test "it finds an OpenSSH key" {
	finds "private key" /opt/tool/ssh
}

@test "it finds a PEM key, plain or encrypted" {
	finds "private key" /srv/tls/server
	finds "private key" /root/pkcs8
}

@test "it finds a PGP key" {
	finds "private key" /usr/local/etc/pgp
}

@test "it finds an age key" {
	finds "private key" /var/lib/age
}

@test "it finds a key by its name" {
	finds "private key" /home/ops/id_ed25519
}

@test "it finds a private key on the ESP" {
	finds "private key" ESP:/loader/host.pem
}

@test "it finds credentials of clouds, and systemd's secret for them" {
	finds "credential" /root/.aws/credentials
	finds "credential" /var/lib/systemd/credential.secret
}

@test "it finds who may log in by a key" {
	finds "authorized key" /root/.ssh/authorized_keys
}

@test "it finds random seeds: systemd's, the loader's" {
	finds "random seed" /var/lib/systemd/random-seed
	finds "random seed" ESP:/loader/random-seed
}

@test "it finds cloud-init's state, results, logs and sudo rule" {
	finds "cloud-init state" /var/lib/cloud/instance/user-data.txt
	finds "state of a run" /run/cloud-init/result.json
	finds "log" /var/log/cloud-init.log
	finds "cloud-init state" /etc/sudoers.d/90-cloud-init-users
}

@test "it finds DHCP leases: networkd's, dhclient's, dhcpcd's" {
	finds "state of a run" /run/systemd/netif/leases/2
	finds "DHCP lease" /var/lib/systemd/network/state
	finds "DHCP lease" /var/lib/dhcp/dhclient.leases
	finds "DHCP lease" /var/lib/dhcpcd/eth0.lease
}

@test "it finds apt lists" {
	finds "apt list" /var/lib/apt/lists/deb.debian.org_dists_trixie_InRelease
}

@test "it finds packages that were fetched, and apt's cache" {
	finds "cached package" /var/cache/apt/archives/jq_1.7.1_amd64.deb
	finds "cached package" /var/cache/apt/pkgcache.bin
	finds "cached package" /root/own.deb
}

@test "it finds logs" {
	finds "log" /var/log/dpkg.log
	finds "log" /opt/tool/build.log
}

@test "it finds a journal, and who logged in" {
	finds "log" "/var/log/journal/$ID/system.journal"
	finds "log" /var/log/wtmp
	finds "log" /var/log/lastlog
}

@test "it finds histories: of shells, less, Python, vim" {
	finds "history" /root/.bash_history
	finds "history" /root/.lesshst
	finds "history" /home/ops/.python_history
	finds "history" /root/.viminfo
}

@test "it finds temporary files" {
	finds "temporary file" /tmp/schema
	finds "temporary file" /var/tmp/dump
}

@test "it finds routerd's state and configuration" {
	finds "routerd's state" /var/lib/routerd/known/cloud
	finds "routerd's state" /etc/routerd/router.yaml
}

@test "it finds old copies of dpkg's and debconf's" {
	finds "old copy" /var/lib/dpkg/status-old
	finds "old copy" /var/cache/debconf/config.dat-old
	finds "old copy" /etc/default/ssh.dpkg-dist
}

@test "it finds core dumps" {
	finds "core dump" /core
	finds "core dump" /var/lib/systemd/coredump/core.routerd.zst
}

@test "it finds passwords: one that is not locked, an empty one, one in passwd" {
	finds "password" "/etc/shadow: unlocked has one"
	finds "password" "/etc/shadow: empty has an empty one"
	finds "password" "/etc/passwd: nopass has an empty one"
}

@test "it finds a second user 0" {
	finds "second root" "/etc/passwd: toor"
}

@test "it finds sudo without a password" {
	finds "sudo without a password" "/etc/sudoers.d/ops:%ops ALL=(ALL) NOPASSWD: ALL"
}

@test "it finds a unit that the preset has off" {
	finds "enabled unit" "/etc/systemd/system/timers.target.wants/apt-daily.timer for apt-daily.timer"
}

@test "it finds an instance that the preset does not name" {
	finds "enabled unit" "/etc/systemd/system/getty.target.wants/getty@tty2.service for getty@.service"
}

@test "it finds a unit that the preset has on" {
	finds "disabled unit" "/etc/systemd/system/multi-user.target.wants/routerd.service for routerd.service"
}

@test "it finds a masked unit" {
	finds "masked unit" /etc/systemd/system/ssh.service
}

@test "it finds what the first preset that matches has off, though a later one has it on" {
	finds "enabled unit" "/etc/systemd/system/timers.target.wants/fstrim.timer for fstrim.timer"
}

@test "it finds a SysV script that has no unit" {
	finds "enabled unit" /etc/rc2.d/S01evil
}

@test "it finds setuid and setgid programs, and those with capabilities" {
	finds "setuid" "+ 4755 root:root /usr/bin/evil"
	finds "setuid" "+ 2755 root:root /usr/bin/group"
	finds "setuid" "+ 0600 root:root /usr/bin/able security.capability=0100000220000000000000000000000000000000"
}

@test "it finds files and folders that anybody may write" {
	finds "setuid" "+ 0666 root:root /etc/open"
	finds "setuid" "+ 0777 root:root /opt/anybody"
}

@test "it finds a device" {
	finds "setuid" "+ 0600 root:root /etc/disk"
}

@test "it finds what is no package's, anywhere, and what is not as its package brought it" {
	finds "unpackaged" "+ /usr/bin/stranger"
	finds "unpackaged" "+ /usr/lib/systemd/system/getty@tty1.service.d/autologin.conf"
	finds "unpackaged" "+ /etc/ssh/sshd_config.d/00-first.conf $(sha256sum <<<"PermitEmptyPasswords yes" | cut -c-16)"
	finds "unpackaged" "+ /etc/pam.d/common-auth $(sha256sum <<<"auth sufficient pam_permit.so" | cut -c-16)"
	finds "unpackaged" "- /etc/pam.d/common-auth $(content /etc/pam.d/common-auth | sha256sum | cut -c-16)"
	finds "unpackaged" "+ ESP:/user-data"
	finds "unpackaged" "+ changed /usr/bin/curl"
	finds "unpackaged" "+ changed /etc/adduser.conf"
}

@test "it finds a link in the place of a file that it reads" {
	finds "link" /etc/sudoers
}

@test "it finds a loader that gives the kernel something else" {
	has "loader: loader/entries/evil.conf:options init=/bin/sh"
	has "loader: grub/grub.cfg:    linux /routerd/x/vmlinuz"
}

@test "it finds packages: more, less, too many, in part" {
	finds "packages" "+ zz-7"
	finds "packages" "- jq"
	grep "image-check: too many packages: [0-9]* (" "$LEFT"
	finds "package in part" "/var/lib/dpkg/status: half"
}

@test "it finds a table whose copy is not at the end" {
	has "partition table: its copy is in sector"
}

@test "it finds a root without its label" {
	has "partition table: no partition, or more than one, is labelled root-x86-64"
}

@test "it finds a disk that UEFI does not boot" {
	has "loader: ESP:/EFI/BOOT/BOOTX64.EFI is not there"
}

@test "it finds a disk that BIOS does not boot" {
	has "loader: the first sector has no boot code"
	has "loader: the BIOS boot partition has no boot code"
}

@test "it finds file systems with faults" {
	has "file system: root: Inode 2 ref count is 99, should be"
	has "file system: ESP: "
}

@test "one thing is enough" {
	disk_copy "$BATS_TEST_TMPDIR/one.raw"
	plant /root/.bash_history
	planted
	qemu-img convert -f raw -O qcow2 "$DISK" "$DISK.qcow2"
	for form in "" .qcow2; do
		run check "$DISK$form"
		echo "$output"
		[ "$status" = 1 ]
		[[ $output == *"image-check: history: /root/.bash_history ("* ]]
	done
	[[ $output == *"image-check: too big: $DISK.qcow2: "* ]] # it is not compressed
	nothing_left
}

@test "a VHD is as Azure takes it, or that is found" {
	disk_copy "$BATS_TEST_TMPDIR/az.raw"
	truncate -s %1M "$DISK"
	sfdisk -q --relocate gpt-bak-std "$DISK"
	qemu-img convert -f raw -O vpc -o subformat=fixed,force_size "$DISK" "$BATS_TEST_TMPDIR/az.vhd"
	rm "$DISK"
	DISK=$BATS_TEST_TMPDIR/az.vhd
	footer=$(($(stat -c %s "$DISK") - 512))
	run check "$DISK"
	echo "$output"
	[[ $output != *": VHD: "* && $output != *": partition table: "* && $output == *": $DISK: "* ]]
	poke $((footer + 63)) '\003'
	run check "$DISK"
	echo "$output"
	[ "$status" != 0 ]
	[[ $output == *"VHD: $DISK: its footer says that it is not of fixed size"* ]]
	[[ $output == *"VHD: $DISK: the sum of its footer is wrong"* ]]
	poke "$footer" x
	run check "$DISK"
	echo "$output"
	[ "$status" = 1 ]
	[[ $output == *"VHD: $DISK: there is no footer in its last 512 bytes"* ]]
	nothing_left
}

@test "UPDATE=1 writes the lists of the disk, with which it then passes them" {
	export EXPECTED=$BATS_TEST_TMPDIR/expected
	run check "$IMAGE"
	echo "$output"
	[ "$status" = 2 ]
	[[ $output == *"UPDATE=1 writes it"* ]]
	UPDATE=1 run check "$IMAGE"
	grep -x routerd "$EXPECTED/packages" && return 1
	grep -x jq "$EXPECTED/packages"
	sort -c "$EXPECTED/packages"
	grep -x '4755 root:root /usr/bin/sudo' "$EXPECTED/setuid"
	run check "$IMAGE"
	echo "$output"
	[[ $output != *": packages: "* && $output != *": setuid: "* && $output != *": unpackaged: "* ]]
}

@test "no disk, and what is no disk, are told from a disk with findings" {
	run check
	[ "$status" = 2 ]
	[[ $output == *"make image"* ]]
	run check "$BATS_TEST_TMPDIR/none.raw"
	[ "$status" = 2 ]
	[[ $output == *"none.raw"*"make image"* ]]
	run check "$BATS_TEST_FILENAME"
	[ "$status" = 2 ]
	[[ $output == *"is no disk"* ]]
	nothing_left
}

@test "a disk that is cut short is told, raw and as qcow2" {
	disk_copy "$BATS_TEST_TMPDIR/cut.raw"
	truncate -s -1M "$DISK"
	run check "$DISK"
	echo "$output"
	[ "$status" = 2 ]
	[[ $output == *"is cut short"* ]]
	qemu-img convert -f raw -O qcow2 "$DISK" "$DISK.qcow2"
	truncate -s 50M "$DISK.qcow2"
	run check "$DISK.qcow2"
	echo "$output"
	[ "$status" = 2 ]
	[[ $output == *"cut.raw.qcow2"* ]]
	nothing_left
}

@test "a full temporary folder is told, and nothing is left in it" {
	for size in 1m 40m 200m; do
		# shellcheck disable=SC2016 # the inner shell expands
		run timeout 100 unshare --mount bash -c '
			mount -t tmpfs -o size=$3 tmpfs "$TMPDIR" || exit 9
			"$1" "$2"
			status=$?
			ls -A "$TMPDIR"
			exit $status' - "$ROOT/image/check" "$IMAGE" $size
		echo "$size: $output"
		[ "$status" = 2 ]
		[[ ${lines[-1]} == *"is there room in $TMPDIR/"* ]]
	done
}

@test "killed, it leaves nothing behind" {
	"$ROOT/image/check" "$IMAGE" >/dev/null 2>&1 3>&- 4>&- &
	pid=$!
	for ((i = 0; i < 600; i++)); do
		! compgen -G "$TMPDIR/*/disk/root/etc" >/dev/null || break
		sleep 0.05
	done
	((i < 600))
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	[ $status = 143 ]
	nothing_left
}
