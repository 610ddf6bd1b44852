# The archive and the Debian package, put onto a fresh Debian, upgraded and taken off again.

load ../lib/bats
source "$ROOT/test/lib/tree.bash"

: "${VERSION:?}"
NEXT=$VERSION.1
DIST=$ROOT/build/dist

setup_file() {
	tree_make
}

# unpack VERSION: as somebody does it who fetched it
unpack() {
	(cd "$DIST" && sha256sum --quiet -c "routerd-$1-linux-amd64.tar.zst.sha256")
	mkdir -p "$TREE/root"
	tar -C "$TREE/root" -xf "$DIST/routerd-$1-linux-amd64.tar.zst"
}

install_sh() { # install_sh VERSION ARGS...
	local version=$1
	shift
	in_tree "/root/routerd-$version-linux-amd64/install.sh" "$@"
}

# runs VERSION: all programs do, and say so
runs() {
	[ "$(in_tree routerctl version)" = "routerd $1" ]
	[[ $(in_tree /usr/lib/routerd/routerd-exchange --version) == *"$1"* ]]
	in_tree getent group routerd
	for unit in "$ROOT"/units/*.{service,socket,timer,path}; do [ -f "$TREE/usr/lib/systemd/system/${unit##*/}" ]; done
	for page in "$ROOT"/docs/man/*; do [ -s "$TREE/usr/share/man/man${page##*.}/${page##*/}" ]; done
	[ -s "$TREE/usr/share/bash-completion/completions/routerctl" ]
	[ -s "$TREE/usr/share/zsh/vendor-completions/_routerctl" ]
	# shellcheck disable=SC2016 # inside
	in_tree bash -c 'source /usr/share/bash-completion/completions/routerctl
		COMP_WORDS=(routerctl rot) COMP_CWORD=1; _routerctl; [ "${COMPREPLY[*]}" = rotate ]'
	in_tree sh -c 'cd /usr/share/doc/routerd/examples && ls "$(sed -n "1s/.*schema=//p" cloud.yaml)"'
	[ "$(stat -c '%a %u %g' "$TREE/usr/sbin/routerd")" = '755 0 0' ]
	[ "$(readlink "$TREE/usr/sbin/routerctl")" = routerd ]
}

apt_install() { # apt_install VERSION
	cp "$DIST/routerd_$1_amd64.deb" "$TREE/root/"
	in_tree env DEBIAN_FRONTEND=noninteractive apt-get install -qqy --no-install-recommends "/root/routerd_$1_amd64.deb" 2>&1
}

keep_something() {
	mkdir -pm700 "$TREE/etc/routerd/keys" "$TREE/var/lib/routerd"
	echo key >"$TREE/etc/routerd/keys/wg.key"
	echo state >"$TREE/var/lib/routerd/good"
}

@test "the same commit gives the same bytes, root's and as old as the commit" {
	local when again=$RUN/again name=routerd-$VERSION-linux-amd64.tar.zst
	when=$(git -C "$ROOT" log -1 --format=%ct)
	sleep 1 # another second
	cp -r "$ROOT/build/release/dist" "$RUN/tree"
	(umask 077 && "$ROOT/image/package/build" "$VERSION" "$RUN/tree" "$again")
	diff "$DIST/$name.sha256" "$again/$name.sha256"
	diff "$DIST/routerd_${VERSION}_amd64.deb.sha256" "$again/routerd_${VERSION}_amd64.deb.sha256"
	mkdir "$RUN/x"
	tar -C "$RUN/x" -xpf "$DIST/$name"
	[ -z "$(find "$RUN/x/"* ! \( -uid 0 -gid 0 ! -newermt "@$when" \))" ]
	[ -z "$(find "$RUN/x/"* -type d ! -perm 755)" ]
	run "$ROOT/image/package/build" 9.9 "$RUN/tree" "$again"
	[ "$status" -eq 1 ]
	[[ $output == *"what was built is routerd $VERSION, not 9.9"* ]]
}

@test "the archive: a dry run changes nothing, an installation brings libcurl, the same again is nothing" {
	tree_new
	unpack "$VERSION"
	tree_state >"$RUN/fresh"
	install_sh "$VERSION" --dry-run >"$RUN/said"
	grep 'would write /usr/sbin/routerd' "$RUN/said"
	grep 'would run: apt-get install' "$RUN/said" || grep 'libcurl: would be installed' "$RUN/said"
	tree_state | diff "$RUN/fresh" -
	install_sh "$VERSION"
	runs "$VERSION"
	tree_state >"$RUN/before"
	run install_sh "$VERSION"
	[ "$status" -eq 0 ]
	[[ $output == *'nothing to do'* ]]
	tree_state | diff "$RUN/before" -
	rm "$TREE/usr/sbin/routerctl"
	chmod 700 "$TREE/usr/sbin/routerd"
	install_sh "$VERSION"
	runs "$VERSION"
	tree_state | diff "$RUN/before" -
}

@test "the archive: no libcurl to be had, and none wanted, is said; routerd runs" {
	tree_new
	rm -r "$TREE"/var/cache/apt/archives/*
	unpack "$VERSION"
	run install_sh "$VERSION"
	[ "$status" -eq 0 ]
	[[ $output == *'libcurl could not be installed'*'routerd does not'* ]]
	[ "$(in_tree routerctl version)" = "routerd $VERSION" ]
	run install_sh "$VERSION" --no-packages
	[ "$status" -eq 0 ]
	[[ $output == *'libcurl is not installed'* ]]
}

@test "the archive: an upgrade replaces what is other, and takes off what is no more" {
	tree_new
	unpack "$VERSION"
	unpack "$NEXT"
	install_sh "$VERSION"
	keep_something
	echo /usr/lib/routerd/old >>"$TREE/usr/lib/routerd/installed"
	touch "$TREE/usr/lib/routerd/old"
	install_sh "$NEXT"
	runs "$NEXT"
	[ ! -e "$TREE/usr/lib/routerd/old" ]
	[ -e "$TREE/etc/routerd/keys/wg.key" ]
	[ -z "$(find "$TREE/usr" -name '*routerd-new*')" ]
	install_sh "$VERSION"
	runs "$VERSION"
}

@test "the archive: taken off, nothing is left but keys, configurations, state and the group; then not they" {
	tree_new
	unpack "$VERSION"
	in_tree apt-get install -qqy --no-install-recommends libcurl4
	in_tree groupadd --system routerd
	tree_state >"$RUN/fresh"
	install_sh "$VERSION"
	run in_tree /usr/lib/routerd/install.sh --uninstall --dry-run
	[[ $output == *'would run: rm -f /usr/sbin/routerd'* ]]
	runs "$VERSION"
	keep_something
	run in_tree /usr/lib/routerd/install.sh --uninstall
	[ "$status" -eq 0 ]
	[[ $output == *'/etc/routerd stays'* ]]
	tree_state | diff "$RUN/fresh" - | sed -n 's/^> \.\([^ ]*\) .*/\1/p' >"$RUN/left"
	diff - "$RUN/left" <<-END
		/etc/routerd
		/etc/routerd/keys
		/etc/routerd/keys/wg.key
		/var/lib/routerd
		/var/lib/routerd/good
	END
	install_sh "$VERSION" --uninstall --purge
	tree_state | diff "$RUN/fresh" -
}

@test "the archive: what is not of the release, and what stands in the way, is refused before anything is done" {
	local dir
	tree_new
	unpack "$VERSION"
	dir=$TREE/root/routerd-$VERSION-linux-amd64
	tree_state >"$RUN/fresh"
	echo more >>"$dir/usr/sbin/routerd"
	run install_sh "$VERSION"
	[ "$status" -eq 1 ]
	[[ $output == *'fetch and unpack the archive again'* ]]
	rm -r "$dir"
	unpack "$VERSION"
	touch "$dir/usr/sbin/more"
	run install_sh "$VERSION"
	[ "$status" -eq 1 ]
	[[ $output == *'not of the release'* ]]
	rm "$dir/usr/sbin/more"
	run install_sh "$VERSION" --purge
	[ "$status" -eq 1 ]
	run install_sh "$VERSION" --nonsense
	[ "$status" -eq 2 ]
	run in_tree setpriv --reuid 65534 --clear-groups "/root/routerd-$VERSION-linux-amd64/install.sh"
	[ "$status" -ne 0 ]
	printf '#!/bin/sh\necho aarch64\n' >"$TREE/usr/local/bin/uname"
	chmod 755 "$TREE/usr/local/bin/uname"
	run in_tree env PATH=/usr/local/bin:/usr/bin:/bin "/root/routerd-$VERSION-linux-amd64/install.sh"
	[ "$status" -eq 1 ]
	[[ $output == *'the machine is aarch64'* ]]
	rm "$TREE/usr/local/bin/uname"
	tree_state | diff "$RUN/fresh" -
}

@test "the archive, into a folder: for who makes an image" {
	tree_new
	tar -C "$RUN" -xf "$DIST/routerd-$VERSION-linux-amd64.tar.zst"
	"$RUN/routerd-$VERSION-linux-amd64/install.sh" --root "$TREE"
	in_tree apt-get install -qqy --no-install-recommends libcurl4
	runs "$VERSION"
	"$RUN/routerd-$VERSION-linux-amd64/install.sh" --root "$TREE" --uninstall
	[ ! -e "$TREE/usr/sbin/routerd" ]
}

@test "the package: apt resolves what it needs; upgraded, removed, purged, installed again" {
	tree_new
	apt_install "$VERSION"
	runs "$VERSION"
	in_tree dpkg --audit
	[ -z "$(in_tree dpkg --audit)" ]
	[ -z "$(in_tree dpkg --verify routerd)" ]
	[ "$(in_tree dpkg-query -W -f '${Conffiles}' routerd)" = '' ]
	[ -L "$TREE/etc/systemd/system/multi-user.target.wants/routerd.service" ]
	keep_something
	apt_install "$NEXT"
	runs "$NEXT"
	[ "$(in_tree dpkg-query -W -f '${Version}' routerd)" = "$NEXT" ]
	rm "$TREE/etc/systemd/system/multi-user.target.wants/routerd.service" # as 'systemctl disable' does
	in_tree dpkg -i "/root/routerd_${NEXT}_amd64.deb"
	[ ! -L "$TREE/etc/systemd/system/multi-user.target.wants/routerd.service" ]
	in_tree dpkg -r routerd
	[ ! -e "$TREE/usr/sbin/routerd" ]
	[ -e "$TREE/var/lib/routerd/good" ]
	run in_tree dpkg -P routerd
	[ "$status" -eq 0 ]
	[[ $output == *'/etc/routerd stays, with keys'* ]]
	[ -e "$TREE/etc/routerd/keys/wg.key" ]
	[ ! -e "$TREE/var/lib/routerd" ]
	[ -z "$(find "$TREE/usr" "$TREE/etc/systemd" "$TREE/var/lib/systemd" -name '*routerd*')" ]
	apt_install "$VERSION"
	runs "$VERSION"
}

@test "the package and the archive do not take each other's place unseen" {
	tree_new
	unpack "$VERSION"
	unpack "$NEXT"
	install_sh "$VERSION"
	apt_install "$NEXT"
	runs "$NEXT"
	[ ! -e "$TREE/usr/lib/routerd/installed" ]
	run install_sh "$VERSION"
	[ "$status" -eq 1 ]
	[[ $output == *'as a Debian package'* ]]
	runs "$NEXT"
}

@test "what is needed is what is linked" {
	local needed
	needed=$(readelf -dW "$ROOT"/build/release/bin/routerd-* | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | sort -u | xargs)
	[ "$needed" = 'libc.so.6 libcurl.so.4' ]
	dpkg-deb -f "$DIST/routerd_${VERSION}_amd64.deb" Depends | grep -xE 'libc6 \(>= 2\.[0-9]+\), libcurl4t64 \| libcurl4'
}
