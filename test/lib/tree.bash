# shellcheck shell=bash
# tree.bash - a fresh Debian in a folder, to install into. Needs bats.bash.
#
#   tree_make        once: build/tree-bookworm.tar, a minimal Debian with what libcurl takes in
#                    apt's cache, so that what follows needs no network
#   tree_new NAME    $TREE is a copy of it
#   in_tree COMMAND  run there, as root, without a network
#
# It comes from the mirror that this machine has its own packages from.

TREE_TAR=$ROOT/build/tree-bookworm.tar

tree_make() {
	local mirror new=$ROOT/build/dist-tree
	[ ! -s "$TREE_TAR" ] || return 0
	# shellcheck disable=SC2016 # apt expands it
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)
	rm -rf "$new"
	timeout 500 debootstrap --variant=minbase bookworm "$new" "$mirror"
	timeout 100 chroot "$new" apt-get install -qqy --no-install-recommends --download-only libcurl4
	rm "$new/etc/resolv.conf"
	tar -C "$new" -cf "$TREE_TAR.part" .
	mv "$TREE_TAR.part" "$TREE_TAR"
	rm -rf "$new"
}

tree_new() {
	TREE=$BATS_TEST_TMPDIR/${1:-tree}
	mkdir "$TREE"
	tar -C "$TREE" -xf "$TREE_TAR"
}

in_tree() {
	timeout 120 unshare --net --mount --pid --fork --kill-child --mount-proc="$TREE/proc" \
		chroot "$TREE" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"
}

# tree_state: every path with what it is; but for what each run of a package manager changes
tree_state() {
	(cd "$TREE" && find . -xdev \( -path ./proc -o -path ./var/log -o -path ./var/cache -o -path ./var/lib/apt \
		-o -path ./var/lib/dpkg -o -path ./tmp -o -path ./media \) -prune -o -printf '%p %y %m %U %G %l\n' -type f -exec sha256sum {} +) | sort
}
