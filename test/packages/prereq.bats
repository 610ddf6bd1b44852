# What is missing is installed, by the real apt-get and dnf, into a root of the test's own, from
# mirrors that misbehave.

load ../lib/bats

TOOLS=(wireguard-tools:wg tcpdump:tcpdump jq:jq curl:curl)

setup_file() {
	local keys=$BATS_FILE_TMPDIR/keys
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR"
	mkdir -pm700 "$keys"
	gpg -q --homedir "$keys" --batch --passphrase '' --quick-gen-key mirror@test.invalid ed25519 sign never
	gpg -q --homedir "$keys" --export >"$BATS_FILE_TMPDIR/keyring.gpg"
	deb_mirror "$BATS_FILE_TMPDIR/debian"
}

# deb_mirror FOLDER: a mirror of Debian, as large as is needed
deb_mirror() {
	local pool=$1/pool name tree=$BATS_FILE_TMPDIR/deb dist=$1/dists/bookworm
	mkdir -p "$pool" "$dist/main/binary-amd64"
	for name in "${TOOLS[@]}" wireguard-go:wireguard-go more-of-it:more; do
		rm -rf "$tree"
		mkdir -p "$tree/DEBIAN" "$tree/usr/bin"
		printf '#!/bin/sh\n' >"$tree/usr/bin/${name#*:}"
		chmod 755 "$tree/usr/bin/${name#*:}"
		printf '%s\n' "Package: ${name%:*}" 'Version: 1' 'Architecture: amd64' 'Maintainer: nobody <nobody@test.invalid>' \
			'Recommends: more-of-it' "Description: ${name%:*}" >"$tree/DEBIAN/control"
		dpkg-deb --root-owner-group -b "$tree" "$pool/${name%:*}_1_amd64.deb" >/dev/null
	done
	(cd "$1" && apt-ftparchive packages pool >"$dist/main/binary-amd64/Packages")
	sign_mirror "$1"
}

sign_mirror() {
	local dist=$1/dists/bookworm
	rm -f "$dist/InRelease"
	apt-ftparchive -o APT::FTPArchive::Release::Suite=bookworm -o APT::FTPArchive::Release::Codename=bookworm \
		-o APT::FTPArchive::Release::Components=main -o APT::FTPArchive::Release::Architectures=amd64 \
		release "$dist" >"$BATS_FILE_TMPDIR/Release"
	gpg -q --homedir "$BATS_FILE_TMPDIR/keys" --batch --clearsign -o "$dist/InRelease" "$BATS_FILE_TMPDIR/Release"
	gpgconf --homedir "$BATS_FILE_TMPDIR/keys" --kill gpg-agent
}

# machine: a host r with a fresh Debian in $SYSTEM, which knows one mirror, mirror.test
machine() {
	site_new r
	chmod 755 "$RUN"
	SYSTEM=$RUN/system
	mkdir -p "$SYSTEM"/{var/lib/dpkg/{info,updates,triggers},var/lib/apt/lists/partial,var/cache/apt/archives/partial} \
		"$SYSTEM"/{var/log/apt,etc/apt/{apt.conf.d,preferences.d,trusted.gpg.d},usr/share/keyrings,run,tmp}
	: >"$SYSTEM/var/lib/dpkg/status"
	: >"$SYSTEM/var/lib/dpkg/available"
	printf '%s\n' 'ID=debian' 'VERSION_CODENAME=bookworm' >"$SYSTEM/etc/os-release"
	cp "$BATS_FILE_TMPDIR/keyring.gpg" "$SYSTEM/usr/share/keyrings/debian-archive-keyring.gpg"
	echo "deb [signed-by=$SYSTEM/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.test/debian bookworm main" \
		>"$SYSTEM/etc/apt/sources.list"
	# It is the root's wireguard-go that this machine has.
	cat >"$RUN/routerctl" <<-END
		#!/bin/sh
		[ ! -x $SYSTEM/usr/bin/wireguard-go ] || umount $(command -v wireguard-go) 2>/dev/null
		exec $ROUTERCTL "\$@"
	END
	chmod 755 "$RUN/routerctl"
}

# mirrors HOST...: there they are, behind a proxy
mirrors() {
	local host
	for host in "$@"; do
		mkdir -p "$RUN/mirrors/$host"
		cp -r "$BATS_FILE_TMPDIR/debian" "$RUN/mirrors/$host/"
	done
	: >>"$RUN/rules"
	: >"$RUN/requests"
	on r "$ROOT/test/lib/mirror.py" "$RUN/mirrors" "$RUN/rules" "$RUN/requests" >"$RUN/port" 3>&- 4>&- &
	until_ok test -s "$RUN/port"
}

prereq() { # prereq ARGS...: leaves $status, $RUN/end.json, and $took in s
	local proxy=()
	[ ! -s "$RUN/port" ] || proxy=("http_proxy=http://127.0.0.1:$(<"$RUN/port")" no_proxy=127.0.0.1)
	status=0 took=$SECONDS
	on r env "${proxy[@]}" timeout 120 "${ROUTERCTL%/bin/*}/test/tools/prereq" --root "$SYSTEM" \
		--routerctl "$RUN/routerctl" --deadline 60 "$@" >"$RUN/end.json" 2>"$RUN/log" || status=$?
	took=$((SECONDS - took))
	cat "$RUN/log" "$RUN/end.json"
}

end() { jq -r ".$1 // \"\"" "$RUN/end.json"; }

all_there() {
	local name
	for name in "${TOOLS[@]}"; do
		[ -x "$SYSTEM/usr/bin/${name#*:}" ]
		grep -A1 -x "Package: ${name%:*}" "$SYSTEM/var/lib/dpkg/status" | grep -x 'Status: install ok installed'
	done
	[ "$(end installed)" = 'wireguard-tools tcpdump jq curl' ]
	[ -z "$(end wished)$(end missing)" ]
	[ ! -e "$SYSTEM/usr/bin/more" ]
}

nothing_partial() {
	[ -z "$(find "$SYSTEM"/var/lib/apt/lists/partial "$SYSTEM"/var/cache/apt/archives/partial -type f ! -name lock)" ]
}

without_wireguard() {
	! on r sh -c 'ip link add trial type wireguard && ip link del trial' || skip 'this kernel has WireGuard'
	on r mount --bind /dev/null "$(command -v wireguard-go)"
}

@test "on a fresh machine the tools are installed, without what they recommend; and then nothing more is done" {
	machine
	mirrors mirror.test
	prereq
	[ "$status" -eq 0 ]
	all_there
	: >"$RUN/requests"
	prereq
	[ "$status" -eq 0 ]
	[ "$(jq -c . "$RUN/end.json")" = '{}' ]
	[ ! -s "$RUN/requests" ]
}

@test "a dry run says what would be installed, and forbidden means forbidden" {
	machine
	mirrors mirror.test
	find "$SYSTEM" | sort >"$RUN/before"
	prereq --dry-run
	[ "$status" -eq 0 ]
	[ "$(end installed)" = 'wireguard-tools tcpdump jq curl' ]
	[ "$(end wished)" = 'not installed: wireguard-tools, tcpdump, jq, curl: apt-get would install it' ]
	prereq --no-install
	[ "$status" -eq 0 ]
	[[ $(end wished) == *'install_packages: false'* ]]
	[ -z "$(end installed)" ]
	[ ! -s "$RUN/requests" ]
	find "$SYSTEM" | sort | diff "$RUN/before" -
}

@test "a kernel without WireGuard gets wireguard-go, and what is needed fails when it cannot be had" {
	machine
	without_wireguard
	mirrors mirror.test
	prereq --no-install
	[ "$status" -eq 1 ]
	[[ $(end missing) == "wireguard: "*"apt-get install -y wireguard-go"*'install_packages: false)' ]]
	prereq --dry-run
	[ "$status" -eq 1 ]
	prereq
	[ "$status" -eq 0 ]
	[ "$(end installed)" = 'wireguard-go wireguard-tools tcpdump jq curl' ]
	[ -z "$(end missing)" ]
}

@test "lists that do not match twice, while a mirror is being synchronised" {
	machine
	echo 'Packages$ corrupt 2' >"$RUN/rules"
	mirrors mirror.test
	prereq
	[ "$status" -eq 0 ]
	all_there
	[ "$(grep -c '^corrupt ' "$RUN/requests")" -eq 2 ]
	grep -q 'trying again' "$RUN/log"
	[ "$took" -ge 6 ] # 2 s and 4 s
	nothing_partial
}

@test "packages that are cut short, are others, and are gone for a while" {
	machine
	touch "$SYSTEM/var/cache/apt/archives/partial/left"
	printf '%s\n' 'jq_1.*deb short 1' 'jq_1.*deb corrupt 1' 'curl_1.*deb 404 1' >"$RUN/rules"
	mirrors mirror.test
	prereq
	[ "$status" -eq 0 ]
	all_there
	[ "$(grep -cE '^(short|corrupt|404) ' "$RUN/requests")" -eq 3 ]
	nothing_partial
}

@test "a mirror that stays broken: the distribution's own, its lists beside those that are there" {
	local lists
	machine
	mirrors mirror.test deb.debian.org
	echo "deb [trusted=yes] http://other.test/debian bookworm main" >>"$SYSTEM/etc/apt/sources.list"
	cp -r "$RUN/mirrors/mirror.test" "$RUN/mirrors/other.test"
	prereq
	lists=$(cd "$SYSTEM/var/lib/apt/lists" && ls -d -- *.test_*InRelease)
	dpkg --root="$SYSTEM" --purge wireguard-tools tcpdump jq curl
	rm -f "$SYSTEM"/var/cache/apt/archives/*.deb
	echo '^(mirror|other).test 404 1000' >"$RUN/rules"
	cp "$SYSTEM/etc/apt/sources.list" "$RUN/sources.list"
	prereq
	[ "$status" -eq 0 ]
	all_there
	grep -q "distribution's own mirror" "$RUN/log"
	grep -q '^ok deb.debian.org/debian/pool/jq_1' "$RUN/requests"
	diff "$RUN/sources.list" "$SYSTEM/etc/apt/sources.list"
	[ "$(cd "$SYSTEM/var/lib/apt/lists" && ls -d -- *.test_*InRelease)" = "$lists" ]
	[ -z "$(find "$SYSTEM/run" -type f)" ]
}

@test "another mirror's packages count only with the distribution's signature" {
	machine
	echo '^mirror.test 404 1000' >"$RUN/rules"
	mirrors mirror.test deb.debian.org
	sed -i 's/^Codename: .*/&x/' "$RUN/mirrors/deb.debian.org/debian/dists/bookworm/InRelease"
	prereq
	[ "$status" -eq 0 ]
	[ -z "$(end installed)" ]
	[[ $(end wished) == 'not installed: wireguard-tools, tcpdump, jq, curl: apt-get: '* ]]
	run ! grep -q deb$ "$RUN/requests"
}

@test "sources that are down, or are no more, keep nothing of another's from being installed" {
	machine
	echo 'deb http://gone.test/debian bookworm main' >>"$SYSTEM/etc/apt/sources.list"
	echo 'deb http://127.0.0.1:9/debian bookworm main' >>"$SYSTEM/etc/apt/sources.list"
	mirrors mirror.test
	prereq
	[ "$status" -eq 0 ]
	all_there
	[ "$took" -le 20 ]
}

@test "no network at all: told soon, and a boot that needs none goes on" {
	machine
	prereq
	[ "$status" -eq 0 ]
	[ "$took" -le 40 ]
	[[ $(end wished) == 'not installed: wireguard-tools, tcpdump, jq, curl: no source of packages can be reached; '*resolving* ]]
}

@test "a package that no source has: the others are installed, and it is named" {
	machine
	mirrors mirror.test
	local dist=$RUN/mirrors/mirror.test/debian/dists/bookworm
	sed -i '/^Package: jq$/,/^$/d' "$dist/main/binary-amd64/Packages"
	sign_mirror "$RUN/mirrors/mirror.test/debian"
	prereq
	[ "$status" -eq 0 ]
	[ "$(end installed)" = 'wireguard-tools tcpdump curl' ]
	[ "$(end wished)" = 'not installed: jq: apt-get: no source of packages has jq' ]
	[ "$took" -le 20 ]
}

@test "a package whose source is broken for a while is not taken for one that nobody has" {
	machine
	mirrors mirror.test other.test
	sed -i '/^Package: jq$/,/^$/d' "$RUN/mirrors/mirror.test/debian/dists/bookworm/main/binary-amd64/Packages"
	sign_mirror "$RUN/mirrors/mirror.test/debian"
	sed 's/mirror.test/other.test/' "$SYSTEM/etc/apt/sources.list" >"$RUN/other.list"
	cat "$RUN/other.list" >>"$SYSTEM/etc/apt/sources.list"
	echo '^other.test.*(InRelease|Release)$ 503 2' >"$RUN/rules"
	prereq
	[ "$status" -eq 0 ]
	all_there
}

@test "nothing is removed for a tool" {
	machine
	mirrors mirror.test
	prereq
	dpkg --root="$SYSTEM" --purge jq
	sed -i '/^Package: jq$/a Conflicts: curl' "$RUN/mirrors/mirror.test/debian/dists/bookworm/main/binary-amd64/Packages"
	sign_mirror "$RUN/mirrors/mirror.test/debian"
	prereq
	[ "$status" -eq 0 ]
	[ -z "$(end installed)" ]
	[[ $(end wished) == 'not installed: jq: '* ]]
	[ -x "$SYSTEM/usr/bin/curl" ]
}

@test "a package that cannot be installed does not keep the others out" {
	machine
	mirrors mirror.test
	local dist=$RUN/mirrors/mirror.test/debian/dists/bookworm
	sed -i '/^Package: tcpdump$/a Depends: what-nobody-has' "$dist/main/binary-amd64/Packages"
	sign_mirror "$RUN/mirrors/mirror.test/debian"
	prereq
	[ "$status" -eq 0 ]
	[ "$(end installed)" = 'wireguard-tools jq curl' ]
	[[ $(end wished) == 'not installed: tcpdump: apt-get: '* ]]
}

# hold FILE SECONDS: as another apt does it
hold() {
	on r python3 -c 'import fcntl, sys, time
f = open(sys.argv[1], "w"); fcntl.lockf(f, fcntl.LOCK_EX); print("held", flush=True); time.sleep(float(sys.argv[2]))' \
		"$1" "$2" >"$RUN/held" 3>&- 4>&- &
	until_ok grep -q held "$RUN/held"
}

@test "dpkg's lock, held by another for a while" {
	machine
	mirrors mirror.test
	hold "$SYSTEM/var/lib/dpkg/lock-frontend" 30
	prereq
	[ "$status" -eq 0 ]
	all_there
	[ "$took" -ge 28 ]
}

@test "the lock of apt's lists, held by another for a while" {
	machine
	mirrors mirror.test
	hold "$SYSTEM/var/lib/apt/lists/lock" 10
	prereq
	[ "$status" -eq 0 ]
	all_there
	grep -q 'Could not get lock.*trying again' "$RUN/log"
}

@test "a lock that is never let go: an end at the deadline, with the lock's name" {
	machine
	mirrors mirror.test
	hold "$SYSTEM/var/lib/apt/lists/lock" 60
	prereq --deadline 8
	[ "$status" -eq 0 ]
	[ "$took" -le 20 ]
	[[ $(end wished) == *'lists/lock'* ]]
}

@test "a dpkg that was interrupted is put right first" {
	machine
	mirrors mirror.test
	prereq
	all_there
	rm "$SYSTEM/usr/bin/jq"
	sed -i '/^Package: jq$/,/^$/s/^Status: .*/Status: install ok unpacked/' "$SYSTEM/var/lib/dpkg/status"
	sed -n '/^Package: tcpdump$/,/^$/p' "$SYSTEM/var/lib/dpkg/status" >"$SYSTEM/var/lib/dpkg/updates/0000"
	dpkg --root="$SYSTEM" --unpack --force-all "$BATS_FILE_TMPDIR/debian/pool/jq_1_amd64.deb"
	rm "$SYSTEM/usr/bin/curl"
	sed -i '/^Package: curl$/,/^$/d' "$SYSTEM/var/lib/dpkg/status"
	sed -n '/^Package: tcpdump$/,/^$/p' "$SYSTEM/var/lib/dpkg/status" >"$SYSTEM/var/lib/dpkg/updates/0000"
	prereq
	[ "$status" -eq 0 ]
	[ "$(end installed)" = curl ]
	grep -q 'dpkg was interrupted' "$RUN/log"
	[ "$(grep -c '^Status: install ok installed' "$SYSTEM/var/lib/dpkg/status")" -eq 4 ]
}

@test "a routerctl that does not tell" {
	machine
	printf '#!/bin/sh\nexit 3\n' >"$RUN/routerctl"
	prereq
	[ "$status" -eq 1 ]
	[[ $(end missing) == *'exit code 3'*'by hand'* ]]
	rm "$RUN/routerctl"
	prereq
	[ "$status" -eq 1 ]
	[[ $(end missing) == *'is it installed?' ]]
}

# fedora_machine: the same with dnf's in place of Debian's
fedora_machine() {
	local name tree=$RUN/rpm
	machine
	rm -r "$SYSTEM/var/lib/dpkg" "$SYSTEM/etc/apt"
	mkdir -p "$SYSTEM"/{var/lib/rpm,etc/yum.repos.d,etc/dnf} "$tree"
	printf '[main]\nplugins=0\n' >"$SYSTEM/etc/dnf/dnf.conf"
	printf '%s\n' '[test]' 'name=test' 'baseurl=http://mirror.test/fedora' 'gpgcheck=0' \
		>"$SYSTEM/etc/yum.repos.d/test.repo"
	for name in "${TOOLS[@]}" more-of-it:more; do
		printf '%s\n' "Name: ${name%:*}" 'Version: 1' 'Release: 1' 'Summary: one' 'License: none' 'BuildArch: noarch' \
			'AutoReqProv: no' 'Recommends: more-of-it' '%description' 'one' '%install' 'mkdir -p %{buildroot}/usr/bin' \
			"printf '#!/bin/sh\n' >%{buildroot}/usr/bin/${name#*:}" '%files' "%attr(755,root,root) /usr/bin/${name#*:}" \
			>"$tree/${name%:*}.spec"
		rpmbuild -bb --quiet --define "_topdir $tree" --define '_binary_payload w.gzdio' "$tree/${name%:*}.spec"
	done
	mkdir -p "$RUN/mirrors/mirror.test/fedora"
	cp "$tree"/RPMS/noarch/*.rpm "$RUN/mirrors/mirror.test/fedora/"
	createrepo_c -q "$RUN/mirrors/mirror.test/fedora"
	mirrors
}

installed_by_rpm() { rpm --root "$SYSTEM" -qa --qf '%{NAME}\n' 2>/dev/null | sort | xargs; }

@test "with dnf, the tools are installed; a mirror that is broken for a while is asked again" {
	fedora_machine
	echo 'repomd.xml 404 4' >"$RUN/rules"
	prereq
	[ "$status" -eq 0 ]
	[ "$(end installed)" = 'wireguard-tools tcpdump jq curl' ]
	[ -z "$(end wished)$(end missing)" ]
	[ "$(installed_by_rpm)" = 'curl jq tcpdump wireguard-tools' ] # and not more-of-it
	grep -q 'dnf: .*trying again' "$RUN/log"
}

@test "with dnf, a package that no source has, and one that does not match" {
	fedora_machine
	rm "$RUN"/mirrors/mirror.test/fedora/jq-*
	createrepo_c -q "$RUN/mirrors/mirror.test/fedora"
	echo 'curl-1.*rpm corrupt 4' >"$RUN/rules"
	prereq
	[ "$status" -eq 0 ]
	[ "$(end installed)" = 'wireguard-tools tcpdump curl' ]
	[ "$(end wished)" = 'not installed: jq: dnf: no source of packages has jq' ]
	[ "$(installed_by_rpm)" = 'curl tcpdump wireguard-tools' ]
}

@test "with dnf and no network: told soon" {
	fedora_machine
	rm "$RUN/port"
	prereq
	[ "$status" -eq 0 ]
	[ "$took" -le 60 ]
	[[ $(end wished) == *'no source of packages can be reached'* ]]
}

@test "a network that swallows everything: told within a minute and a half, whatever the deadline" {
	machine
	site_new hole
	wire r hole hole hole
	on r ip addr add 192.0.2.2/24 dev hole
	on r ip route add default via 192.0.2.1
	on r ip neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev hole
	echo nameserver 192.0.2.1 >"$RUN/resolv.conf"
	site_file r "$RUN/resolv.conf" /etc/resolv.conf
	sed -i 's/mirror.test/198.51.100.9/' "$SYSTEM/etc/apt/sources.list"
	prereq --deadline 300
	[ "$status" -eq 0 ]
	[ "$took" -le 90 ]
	[[ $(end wished) == *'no source of packages can be reached'* ]]
}
