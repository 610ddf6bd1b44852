#!/usr/bin/env bash
# Each room may include itself and the rooms named after it, nothing else of ours; and only
# the kernel's room speaks netlink. Prints the offending lines.
set -euo pipefail
shopt -s nullglob
cd "${BASH_SOURCE[0]%/*}/.."

fail=0 checked=' '
include='^[[:space:]]*#[[:space:]]*include[[:space:]]*'
ours='base|keys|item|state|config|kernel|load|peers|loop|store|active|status|reconcile|report|own|export|varlink|control|serve|client|get|graph|doctor|capture|ctl|command|providers|firstboot'
netlink='netlink/|libnftnl/|libmnl/|linux/((rt)?netlink|genetlink|netfilter|wireguard|neighbour|if_)'

# found PATTERN BUT FILES...: no line may match the one and not the other
found() {
	local pattern=$1 but=$2
	shift 2
	if grep -HnE "$include$pattern" "$@" | grep -vE "$but"; then
		fail=1
	fi
}

room() { # room FOLDER/|FILE ALLOWED...
	local files=("$1".[ch]) allowed
	[[ $1 == */ ]] && files=("$1"*.[ch])
	((${#files[@]})) || return 0
	allowed=$(IFS='|' && echo "${*:2}")
	checked+="${files[*]} "
	found '"' "\"($allowed)[/.]" "${files[@]}"
	found "<($ours)[/.]" '^$' "${files[@]}" # -Irouter finds ours in angle brackets too
	[[ $1 == router/kernel/ ]] || found "<($netlink)" '^$' "${files[@]}"
}

room router/base/     base
room keys/            base keys
room router/item      base keys item
room router/state     base keys item state
room router/config/   base keys item state config
room router/kernel/   base keys item state kernel
room router/load      base config load peers
room router/peers     base keys config load peers
room router/loop      loop
room router/store     base config load store
room router/reconcile base config kernel state reconcile
room router/active    base config load peers store loop active
room router/status    base config kernel state reconcile status
room router/varlink   base varlink
room router/control   base loop varlink control
room router/serve     base config kernel state reconcile report status loop load peers export store active control serve
room router/calls     base config export serve
room router/serve_pass base own report serve
room router/metrics   config serve
room router/report    base config state report
room router/doctor/   base keys item state config kernel load reconcile report providers doctor
room router/client    base reconcile control client
room router/get       base config load status ctl get
room router/graph     base config graph
room router/graph_label base graph
room router/graph_text base graph
room router/graph_svg base graph
room router/get_node base ctl get
room router/own       base keys config export own
room router/export    base keys config load peers export
room router/ctl       base keys item state config kernel load peers own reconcile report active serve client doctor ctl
room router/ctl_explain base config ctl
room router/ctl_export base config load peers export ctl
room router/ctl_graph base config client ctl get graph
room router/ctl_import base keys config load peers reconcile ctl
room router/ctl_rotate base keys config kernel export reconcile ctl
room router/capture  base config providers capture
room router/capture_part base config providers capture
room router/capture_print base capture
room router/capture_shell base capture
room router/ctl_action base capture ctl
room router/ctl_daemon base config active client control ctl get
room router/ctl_metrics base client control get
room router/command  base load ctl command
room router/command_help base command
room router/command_parse base config command
room router/command_complete base config doctor client command
room router/main      command
room providers/       base keys providers
room firstboot/       base keys providers firstboot

for file in router/*.[ch] router/*/*.[ch] keys/*.[ch] providers/*.[ch] firstboot/*.[ch]; do
	[[ $checked == *" $file "* ]] || { echo "$file: in no room" && fail=1; }
done
exit "$fail"
