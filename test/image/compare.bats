#!/usr/bin/env bats
# image/compare on copies of the disk (IMAGE) that differ in a few things: it names those, and
# nothing else that would have to be the same.

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
# shellcheck source=test/lib/disk.bash
source "$ROOT/test/lib/disk.bash"

setup_file() {
	export TMPDIR=$BATS_FILE_TMPDIR/tmp
	mkdir "$TMPDIR"
}

setup() { disk_copy "$BATS_TEST_TMPDIR/other.raw"; }

teardown() { rm -rf "$DISK" "$BATS_TEST_TMPDIR"/[ab]; }

# compared STATUS [A B]: and nothing is left of it
compared() {
	local expected=$1
	shift
	(($#)) || set -- "$IMAGE" "$DISK"
	run timeout 200 "$ROOT/image/compare" "$@"
	echo "$output"
	[ "$status" = "$expected" ] && [ ! "$(ls -A "$TMPDIR")" ]
}

says() { [[ $output == *"$1"* ]] || { echo "it does not say: $1" && return 1; }; }
says_not() { [[ $output != *"$1"* ]] || { echo "it says: $1" && return 1; }; }

@test "two disks that are the same are said to be" {
	compared 0
	says "the same $(stat -c %s "$IMAGE") bytes"
	says_not differ
}

@test "a file's content, mode, owner, time and capability are named, and what one disk has alone" {
	content /etc/nftables.conf | sed 's/51820/51821/' >"$PLANTS/rules"
	printf '\001' >"$PLANTS/caps"
	plant /etc/more
	plant_do "cd /etc" "rm nftables.conf" "write $PLANTS/rules nftables.conf" "rm fstab" \
		"set_inode_field /usr/bin/wg mode 0100700" "set_inode_field /usr/bin/curl uid 7" \
		"set_inode_field /usr/bin/less mtime @1000000000" \
		"cd /usr/bin" "ea_set -f $PLANTS/caps jq security.capability"
	planted
	compared 1
	says "partition 3, root-x86-64: bytes differ"
	says "    /etc/nftables.conf:"
	[[ $(grep '^    /etc/nftables.conf: ' <<<"$output") == *", content" ]]
	grep -A 1 '^    /etc/nftables.conf:$' <<<"$output" | grep -E 'byte [0-9]+: 60, 61$'
	says "/usr/bin/wg: mode 100755 and 100700"
	says "/usr/bin/curl: owner 0:0 and 7:0"
	[[ $output =~ /usr/bin/less:\ mtime\ [0-9]+\.[0-9]{9}\ and\ 1000000000\.[0-9]{9} ]]
	says "/usr/bin/jq: attributes - and security.capability=01"
	says "/etc/more: only in the second"
	says "/etc/fstab: only in the first"
	[ "$(grep -c ', content$' <<<"$output")" = 1 ]
	says_not ESP
	says_not "the table"
}

@test "a byte on the ESP and one in no partition are named, and an id is as a field of the table" {
	mcopy -i "$DISK@@$(start_of 1)" ::/loader/loader.conf "$PLANTS/loader.conf"
	printf '#' | dd of="$PLANTS/loader.conf" bs=1 seek=3 conv=notrunc status=none
	mcopy -o -m -i "$DISK@@$(start_of 1)" "$PLANTS/loader.conf" ::/loader/loader.conf
	poke 100 x
	poke $(($(start_of 2) + 7)) '\377'
	sfdisk -q --part-uuid "$DISK" 3 11111111-2222-3333-4444-555555555555
	sfdisk -q --disk-id "$DISK" 66666666-2222-3333-4444-555555555555
	compared 1
	says "partition 1, esp: bytes differ"
	says "    /loader/loader.conf:"
	says "byte 4: "
	says "what is before partition 1: bytes differ"
	says "byte 101: "
	says "partition 2, linux: bytes differ"
	says "> partition 3: uuid: 11111111-2222-3333-4444-555555555555"
	says "> id: 66666666-2222-3333-4444-555555555555"
	says_not "root-x86-64: bytes"
	says_not "root: "
}

@test "the outputs in two folders are compared one by one" {
	local a=$BATS_TEST_TMPDIR/a b=$BATS_TEST_TMPDIR/b
	mkdir "$a" "$b"
	ln -s "$IMAGE" "$a/routerd-1-aws.raw"
	ln -s "$IMAGE" "$b/routerd-1-aws.raw"
	echo one | tee "$a/SHA256SUMS" >"$b/SHA256SUMS"
	compared 0 "$a" "$b"
	says "routerd-1-aws.raw: the same"
	echo two >"$b/SHA256SUMS"
	echo x >"$b/routerd-1.manifest"
	ln -sf "$DISK" "$b/routerd-1-aws.raw"
	plant /etc/more
	planted
	qemu-img create -q -f qcow2 -b "$IMAGE" -F raw "$a/routerd-1-pve.qcow2"
	qemu-img create -q -f qcow2 -b "$DISK" -F raw "$b/routerd-1-pve.qcow2"
	compared 1 "$a" "$b"
	says "routerd-1.manifest: only in $b"
	says "> two"
	[ "$(grep -c "/etc/more: only in the second" <<<"$output")" = 2 ]
}

@test "what cannot be compared is told" {
	compared 2 "$IMAGE" "$BATS_TEST_TMPDIR/none"
	says "are not two disks, nor two folders"
	compared 2 "$TMPDIR" "$TMPDIR"
	says "make image"
	truncate -s -1M "$DISK"
	compared 2
	says "is cut short"
}
