# shellcheck shell=bash
# disk.bash - a copy of the image's disk with something in it that was not. Needs no mount.
#
#   disk_copy FILE       $DISK is a copy of $IMAGE, the plants that follow are for it
#   plant PATH [TEXT]    a file with TEXT in the root, in place of what is there
#   plant_link PATH TO   a symbolic link
#   plant_do COMMAND     what debugfs is told
#   planted              they are made, all at once
#   esp_plant PATH TEXT  a file on the ESP, at once
#   poke OFFSET BYTES    printf's escapes, at once

: "${IMAGE:=$ROOT/build/image/mkosi/disk.raw}"
IMAGE=$(realpath -m "$IMAGE")

disk_copy() {
	[ -f "$IMAGE" ] || { echo "there is no disk $IMAGE: make image" >&2 && return 1; }
	DISK=$1
	PLANTS=$1.plants
	cp --sparse=always "$IMAGE" "$DISK"
	mkdir -p "$PLANTS"
	: >"$PLANTS/commands"
}

start_of() { # start_of NUMBER: of a partition, in bytes
	sfdisk -J "$IMAGE" | jq ".partitiontable.partitions[$1 - 1].start * 512"
}

plant_do() { printf '%s\n' "$@" >>"$PLANTS/commands"; }

# into PATH: its folder is where debugfs is; one that is not there is made: debugfs's mkdir of one
# that is there leaves a lost one.
into() {
	local part at=
	plant_do "cd /"
	while IFS= read -r part; do
		at+=/$part
		there "$at" || plant_do "mkdir $part"
		plant_do "cd $part"
	done < <(tr / '\n' <<<"${1%/*}" | sed '/^$/d')
	plant_do "rm ${1##*/}"
}

there() { # there PATH: in the image, or made before
	[[ $(debugfs -R "stat $1" "$IMAGE?offset=$(start_of 3)" 2>/dev/null) == Inode:* ]] ||
		grep -sqxF "$1" "$PLANTS/made" || { echo "$1" >>"$PLANTS/made" && return 1; }
}

plant() {
	local file
	file=$(mktemp -p "$PLANTS")
	printf '%s\n' "${2-planted}" >"$file"
	into "$1"
	plant_do "write $file ${1##*/}"
}

plant_link() {
	into "$1"
	plant_do "symlink ${1##*/} $2"
}

planted() {
	debugfs -w -f "$PLANTS/commands" "$DISK?offset=$(start_of 3)" >"$PLANTS/said" 2>&1
	rm -r "$PLANTS"
}

content() { debugfs -R "cat $1" "$IMAGE?offset=$(start_of 3)" 2>/dev/null; } # content PATH

esp_plant() {
	printf '%s\n' "$2" | mcopy -o -i "$DISK@@$(start_of 1)" - "::$1"
}

poke() {
	# shellcheck disable=SC2059 # escapes are what is asked for
	printf "$2" | dd of="$DISK" bs=1 seek="$1" conv=notrunc status=none
}
