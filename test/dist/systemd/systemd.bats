#!/usr/bin/env bats
# The installer under systemd as process 1, in a virtual machine that is for nothing else: /old
# and /new are the unpacked archives of two versions.

setup() {
	bats_require_minimum_version 1.5.0
}

pid() { systemctl show -P MainPID routerd; }
runs() { "/proc/$(pid)/exe" --version; }

@test "installed, enabled, upgraded, stopped, upgraded, and taken off" {
	local old new was
	old=$(/old/usr/sbin/routerctl version) new=$(/new/usr/sbin/routerctl version)
	[ "$old" != "$new" ]
	run /old/install.sh
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *'systemctl enable --now routerd'* ]]
	grep '^routerd:' /etc/group
	run ! systemctl -q is-active routerd # that is for the operator to say
	systemctl enable --now routerd
	[ "$(runs)" = "$old" ]

	was=$(pid)
	run /old/install.sh
	echo "$output"
	[[ $output == *'nothing to do'* ]]
	[ "$(pid)" = "$was" ]
	/new/install.sh --dry-run
	[ "$(pid)" = "$was" ]
	/new/install.sh
	[ "$(pid)" != "$was" ]
	[ "$(runs)" = "$new" ]

	systemctl stop routerd
	/old/install.sh
	run ! systemctl -q is-active routerd
	systemctl start routerd
	[ "$(runs)" = "$old" ]

	/usr/lib/routerd/install.sh --uninstall
	run ! systemctl -q is-active routerd
	run ! systemctl cat routerd
	[ -z "$(find /etc/systemd -name 'routerd*')" ]
	[ ! -e /usr/sbin/routerd ]
}
