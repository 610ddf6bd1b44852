#!/bin/sh
# install.sh - puts routerd, unpacked beside this script, onto a system, or takes it off again.
#
# The same again changes nothing. A file is replaced whole or not at all, a router that runs is
# started anew only when something changed, and the network is never touched.
set -eu
umask 022

usage() {
	cat <<-END
		usage: install.sh [--dry-run] [--root DIR] [--no-packages]
		       install.sh --uninstall [--purge] [--dry-run] [--root DIR]

		  --dry-run      say what would be done, and do nothing
		  --root DIR     into the system at DIR, of which nothing is started or stopped
		  --no-packages  install no libcurl where there is none
		  --uninstall    stop it, and take off what was installed; /etc/routerd with its
		                 keys and /var/lib/routerd stay, and the network as it is
		  --purge        with --uninstall: these folders too, keys included
	END
}

say() { echo "install.sh: $*"; }
warn() { echo "install.sh: $*" >&2; }
die() {
	warn "$*"
	exit 1
}

# Does it, or says that it would.
act() {
	if [ "$dry" ]; then say "would run: $*"; else "$@"; fi
}

dry='' root='' packages=1 uninstall='' purge='' changed=0
while [ $# -gt 0 ]; do
	case $1 in
	--dry-run) dry=1 ;;
	--root)
		[ -d "${2-}" ] || die "--root wants a folder that is there"
		root=$(cd "$2" && pwd) && root=${root%/}
		shift
		;;
	--no-packages) packages='' ;;
	--uninstall) uninstall=1 ;;
	--purge) purge=1 ;;
	--help | -h) usage && exit ;;
	*) usage >&2 && exit 2 ;;
	esac
	shift
done
here=$(cd "$(dirname "$0")" && pwd)
list=/usr/lib/routerd/installed # what was, a path a line
units=/usr/lib/systemd/system

[ ! "$purge" ] || [ "$uninstall" ] || die "--purge goes with --uninstall"
[ "$(id -u)" = 0 ] || die "this needs root: run it with sudo"
case $(uname -m) in
x86_64 | amd64) ;;
*) die "this is routerd for x86-64, and the machine is $(uname -m)" ;;
esac
if [ -e "$root/var/lib/dpkg/status" ] &&
	sed -n '/^Package: routerd$/,/^$/p' "$root/var/lib/dpkg/status" | grep -q '^Status: .* installed$'; then
	die "routerd is installed here as a Debian package: use apt-get for it, or remove the package first"
fi

# Of the system that runs, not of one in a folder.
has_systemd() { [ ! "$root" ] && [ -d /run/systemd/system ]; }

unit_names() { # those installed, but for templates
	for unit in "$root$units"/routerd*; do
		case $unit in
		*@* | *'*') ;;
		*) echo "${unit##*/}" ;;
		esac
	done
}

remove_folders() { # those that are empty now
	for folder in usr/share/doc/routerd/docs/providers usr/share/doc/routerd/docs usr/share/doc/routerd/examples usr/share/doc/routerd usr/lib/routerd \
		usr/share/bash-completion/completions usr/share/bash-completion \
		usr/share/zsh/site-functions usr/share/zsh/vendor-completions usr/share/zsh \
		usr/share/man/man1 usr/share/man/man5 usr/share/man/man8 usr/share/man \
		usr/lib/sysusers.d usr/lib/systemd/system; do
		[ "$dry" ] || rmdir "$root/$folder" 2>/dev/null || :
	done
}

# ---- off -----------------------------------------------------------------------------------

take_off() {
	if [ -e "$root$list" ]; then
		names=$(unit_names)
		# shellcheck disable=SC2086 # names without blanks
		if has_systemd; then
			act systemctl disable --now $names || warn "not all of $names could be stopped"
		elif [ "$root" ] && command -v systemctl >/dev/null; then
			act systemctl --root="$root" disable $names 2>/dev/null || :
		fi
		while read -r path; do
			[ -e "$root$path" ] || [ -L "$root$path" ] || continue
			act rm -f "$root$path"
		done <"$root$list"
		act rm -f "$root$list"
		remove_folders
		! has_systemd || act systemctl daemon-reload
	else
		say "routerd is not installed${root:+ in $root}"
	fi
	if [ "$purge" ]; then
		act rm -rf "$root/etc/routerd" "$root/var/lib/routerd"
	else
		for folder in /etc/routerd /var/lib/routerd; do
			[ ! -e "$root$folder" ] || say "$folder stays, with keys and configurations; --purge removes it"
		done
	fi
	[ "$root" ] || say "the network stays as routerd left it; the group routerd stays"
}

# ---- on ------------------------------------------------------------------------------------

check_contents() {
	[ -f "$here/SHA256SUMS" ] ||
		die "$here holds no routerd: unpack the whole archive and run the install.sh in it"
	(cd "$here" && sha256sum --quiet -c SHA256SUMS) ||
		die "the files beside this script are not those of the release: fetch and unpack the archive again"
	[ "$(cd "$here" && find usr -type f | sort)" = "$(sed 's/^[0-9a-f]*  //' "$here/SHA256SUMS" | sort)" ] ||
		die "there are files in $here/usr that are not of the release: unpack the archive into an empty folder"
}

is_same() { # is_same FROM TO
	if [ -L "$1" ]; then
		[ -L "$2" ] && [ "$(readlink "$1")" = "$(readlink "$2")" ]
	else
		[ ! -L "$2" ] && cmp -s "$1" "$2" && [ "$(stat -c '%a %u %g' "$2")" = "$(stat -c %a "$1") 0 0" ]
	fi
}

put() { # put FROM PATH: beside it, then in its place
	to=$root$2
	! is_same "$1" "$to" || return 0
	changed=1
	if [ "$dry" ]; then
		say "would write $2"
		return
	fi
	mkdir -p "${to%/*}"
	rm -f "$to.routerd-new"
	cp -P "$1" "$to.routerd-new"
	[ -L "$1" ] || chown 0:0 "$to.routerd-new"
	mv -f "$to.routerd-new" "$to"
}

put_all() {
	new=$(cd "$here" && find usr -type f -o -type l | sort | sed 's|^|/|' && echo /usr/lib/routerd/install.sh)
	for path in $new; do
		[ "$path" = /usr/lib/routerd/install.sh ] || put "$here$path" "$path"
	done
	[ "$here" = "$root/usr/lib/routerd" ] || put "$here/install.sh" /usr/lib/routerd/install.sh
	# What the version before had, and this one has not.
	if [ -e "$root$list" ]; then
		while read -r path; do
			echo "$new" | grep -qxF "$path" || ! [ -e "$root$path" ] || act rm -f "$root$path"
		done <"$root$list"
	fi
	if [ ! "$dry" ] && ! echo "$new" | cmp -s - "$root$list"; then
		echo "$new" >"$root$list.routerd-new"
		mv -f "$root$list.routerd-new" "$root$list"
	fi
}

make_group() {
	! grep -q '^routerd:' "$root/etc/group" || return 0
	if command -v systemd-sysusers >/dev/null; then
		act systemd-sysusers ${root:+--root="$root"} "$root/usr/lib/sysusers.d/routerd.conf"
	elif command -v groupadd >/dev/null; then
		act groupadd --system ${root:+--root "$root"} routerd
	else
		warn "make the group routerd: there is neither systemd-sysusers nor groupadd"
	fi
}

find_manager() { command -v apt-get || command -v dnf || :; }

install_libcurl() {
	case $(find_manager) in
	*apt-get)
		for package in libcurl4t64 libcurl4; do
			DEBIAN_FRONTEND=noninteractive act apt-get install -qqy --no-install-recommends "$package" && return
		done
		act apt-get update -q || :
		for package in libcurl4t64 libcurl4; do
			DEBIAN_FRONTEND=noninteractive act apt-get install -qqy --no-install-recommends "$package" && return
		done
		;;
	*dnf) act dnf -qy install --setopt=install_weak_deps=False libcurl && return ;;
	esac
	return 1
}

# routerd itself needs no library; what speaks HTTPS does.
check_libcurl() {
	program=$here/usr/lib/routerd/routerd-exchange
	[ ! "$root" ] || return 0
	said=$("$program" --version 2>&1 >/dev/null) && return
	case $said in
	*libcurl*) ;;
	*)
		warn "routerd-exchange and routerd-fetch do not run on this system: $said"
		return
		;;
	esac
	if [ ! "$packages" ]; then
		warn "libcurl is not installed: routerd-exchange and routerd-fetch need it"
	elif install_libcurl >/dev/null; then
		say "libcurl: ${dry:+would be }installed"
	else
		warn "libcurl could not be installed: routerd-exchange and routerd-fetch need it, routerd does not"
	fi
}

put_on() {
	before=''
	[ ! -e "$root$list" ] || before=1
	check_contents
	put_all
	make_group
	check_libcurl
	if [ "$changed" = 0 ]; then
		say "nothing to do: this version is installed"
		return
	fi
	if has_systemd; then
		act systemctl daemon-reload
		[ ! "$before" ] || act systemctl try-restart routerd.service
	fi
	[ ! "$dry" ] || return 0
	if [ "$before" ]; then
		say "upgraded"
	else
		say "installed; next: 'systemctl enable --now routerd-firstboot', which looks for a configuration" \
			"and starts routerd; or write /etc/routerd/router.yaml, then 'systemctl enable --now routerd'"
	fi
}

if [ "$uninstall" ]; then take_off; else put_on; fi
