# What the documentation tells a person to type, typed: every ```sh block of the pages that
# newcomers follow, in order, on the machine that its fence names, with all of them in one folder.
#
#	```sh MACHINE		laptop, cloud-rt, pve-rt, cloud-vm; all of it must succeed
#	```sh MACHINE look	it may end as it likes
#	```text			is in what the one before said: each line, whatever blanks there are
#	```yaml FILE		is written to FILE before what follows
load ../lib/bats
load ../lib/firstboot

DOCS=$ROOT/docs

# Two sites (pair.bash), and a folder WORK with routerctl on the PATH.
people() {
	pair_new
	declare -gA MACHINE=([cloud-rt]=cr [pve-rt]=or [cloud-vm]=cc [onprem-vm]=oc)
	WORK=$RUN/work
	mkdir -p "$WORK" "$RUN/bin" "$RUN/home/.ssh"
	ln -s "$ROUTERCTL" "$RUN/bin/routerctl"
	ssh-keygen -q -t ed25519 -N '' -f "$RUN/home/.ssh/id_ed25519"
	printf '#!/bin/sh\necho "systemctl $*" >>%s/systemctl\n' "$RUN" >"$RUN/bin/systemctl" # there is none here
	chmod +x "$RUN/bin/systemctl"
}

typed() { # typed MACHINE SCRIPT: as a person would; what it says is kept
	local at=()
	[ "$1" = laptop ] || at=(nsenter --target "${SITE[${MACHINE[$1]}]}" --net --mount --pid "--wdns=$WORK" --)
	echo "--- on $1:"
	(cd "$WORK" && HOME=$RUN/home PATH=$RUN/bin:$PATH "${at[@]}" bash -euo pipefail "$2") >"$RUN/said" 2>&1 </dev/null || {
		local r=$?
		cat "$2" "$RUN/said"
		return $r
	}
	cat "$RUN/said"
}

said() { # said FILE: its lines are in what was said last
	local line
	while IFS= read -r line; do
		tr -s ' \t' ' ' <"$RUN/said" | grep -qF -e "$line" || { echo "not said: $line" && return 1; }
	done <"$1"
}

# walk PAGE FROM TO: its blocks below the heading FROM, up to TO
walk() {
	local line fence='' machine='' look
	local on=0
	while IFS= read -r line || [ -n "$line" ]; do
		if [ -z "$fence" ] && [[ $line == '#'* ]]; then
			[[ ${line##*# } != "$2"* ]] || on=1
			[[ -z ${3-} || ${line##*# } != "$3"* ]] || on=0
		fi
		((on)) || continue
		if [ -z "$fence" ] && [[ $line == '```'?* ]]; then
			read -r fence machine look <<<"${line#\`\`\`}"
			: >"$RUN/block"
		elif [ "$line" = '```' ]; then
			case $fence in
			sh) typed "$machine" "$RUN/block" || [ "$look" = look ] || return ;;
			text) said "$RUN/block" || return ;;
			yaml) [ -z "$machine" ] || cp "$RUN/block" "$WORK/$machine" ;;
			esac
			fence=''
		elif [ -n "$fence" ]; then
			printf '%s\n' "$line" >>"$RUN/block"
		fi
	done <"$DOCS/$1"
}

boot() { # boot MACHINE: its first boot, with the user-data that was made for it
	local site=${MACHINE[$1]} dir=$RUN/$1/dev/disk/by-label/cidata
	mkdir -p "$dir"
	sed 's/^      node: .*/&\n      install_packages: false/' "$WORK/$1.user-data" >"$dir/user-data"
	echo "instance-id: $1" >"$dir/meta-data"
	run -2 on "$site" "$FIRST" --root "$RUN/$1"
	daemon "$site"
}

@test "the quickstart, from the first line to the last" {
	local n
	people
	n=$(sed -n '/^```yaml fabric.yaml/,/^```$/p' "$DOCS/quickstart.md" | grep -vc '^```')
	[ "$n" -le 30 ]
	run ! grep -E 'publicKey|allowedIPs|interface|nicRef|peerRef' <(sed -n '/^```yaml fabric.yaml/,/^```$/p' "$DOCS/quickstart.md")
	walk quickstart.md '1. Write' '4. Carry'
	cmp <(grep -v 'node: \|hostname: ' "$WORK/cloud-rt.user-data") <(grep -v 'node: \|hostname: ' "$WORK/pve-rt.user-data")
	grep -q 'az network nic ip-config create .*10.77.60.9' "$WORK/cloud-rt.sh"
	boot cloud-rt
	boot pve-rt
	walk quickstart.md '4. Carry' '5. Look'
	until_ok on cc ping -c 1 -W 1 10.77.60.9
	until_ok on oc ping -c 1 -W 1 10.77.60.7
	walk quickstart.md '5. Look' 'Another address'
	on oc ip addr add 10.77.60.10/24 dev eth0
	on cc ip neigh add 10.77.60.10 dev eth0 nud permanent lladdr "$(on cr ip -j link show eth0 | jq -r ".[0].address")"
	walk quickstart.md 'Another address' 'Take it down'
	until_ok on cc ping -c 1 -W 1 10.77.60.10
	daemon_kill or TERM # as systemctl would
	walk quickstart.md 'Take it down'
	grep -q 'disable --now routerd' "$RUN/systemctl"
	has_not on or ip link show wg-hybrid
}

@test "each provider's page has the same fabric as the quickstart" {
	local page
	fabric() { python3 -c '
import re, sys
text = open(sys.argv[1]).read()
block = re.search(r"```yaml user-data\n(.*?)```", text, re.S).group(1)
print(re.sub(r" +#.*", "", block.split("config:", 1)[1].split("\n", 1)[1]))' "$1"; }
	for page in azure aws oci proxmox; do
		diff <(fabric "$DOCS/providers/azure.md") <(fabric "$DOCS/providers/$page.md")
	done
	# and says the same
	fabric "$DOCS/providers/azure.md" >"$RUN/list"
	{ printf 'apiVersion: routerd.net/v1alpha1\nkind: Router\nmetadata: { name: all }\nspec:\n  resources:\n' && cat "$RUN/list"; } >"$RUN/page.yaml"
	sed -n '/^```yaml fabric.yaml/,/^```$/p' "$DOCS/quickstart.md" | grep -v '^```' >"$RUN/quick.yaml"
	for node in cloud-rt pve-rt; do
		diff <("$ROUTERCTL" render --node $node -f "$RUN/page.yaml") <("$ROUTERCTL" render --node $node -f "$RUN/quick.yaml")
	done
}

# The pair of the quickstart, in force and in touch.
in_force() {
	people
	sed -n '/^```yaml fabric.yaml/,/^```$/p' "$DOCS/quickstart.md" | grep -v '^```' >"$WORK/fabric.yaml"
	on cr sh -c 'echo cloud-rt >/etc/routerd/node; mkdir /etc/routerd/peers'
	on or sh -c 'echo pve-rt >/etc/routerd/node; mkdir /etc/routerd/peers'
	for site in cr or; do
		on $site cp "$WORK/fabric.yaml" /etc/routerd/router.yaml
		daemon $site
	done
	exchanged
	until_ok reaches
}

exchanged() {
	typed cloud-rt <(echo 'routerctl export >cloud-rt.yaml')
	typed pve-rt <(echo 'routerctl export >pve-rt.yaml; routerctl import cloud-rt.yaml')
	typed cloud-rt <(echo 'routerctl import pve-rt.yaml')
}

reaches() { on oc ping -c 1 -W 1 10.77.60.7 && on cc ping -c 1 -W 1 10.77.60.9; }

# Of each heading: how the trouble is made, and what does not hold then; it must hold after the cure.
declare -gA MADE=(
	['Ping works, SSH hangs']='pair_black_hole 1420; daemon_kill cr TERM; daemon_kill or TERM; on cr nft delete table inet routerd_mss; on or nft delete table inet routerd_mss'
	['Nothing answers, in neither direction']='on cr nft "add table inet guard; add chain inet guard in { type filter hook input priority 0; policy accept; }; add rule inet guard in udp dport 51820 drop"'
	['An object waits for a key']='on or sh -c "rm /etc/routerd/peers/*; rm -r /var/lib/routerd/known; $ROUTERCTL reload >/dev/null"'
	['A node has another key than it was known by']='on cr sh -c "wg genkey >/etc/routerd/keys/wg-hybrid.key; $ROUTERCTL reload >/dev/null"; until_ok new_key; typed cloud-rt <(echo "routerctl export >cloud-rt.yaml"); on or cp "$WORK/cloud-rt.yaml" /etc/routerd/peers/cloud-rt.yaml; until_ok doubted'
	["The cloud's router holds the captured address itself"]='daemon_kill cr TERM; on cr ip addr add 10.77.60.9/24 dev eth0'
	['A claim waits for its interface']='on or ip addr del 10.77.60.2/24 dev ens21; on or sh -c "$ROUTERCTL reload >/dev/null"'
	['Which of its nodes is this machine?']='on or sh -c "echo elsewhere >/etc/routerd/node"; until_ok eval "! on or $ROUTERCTL validate"'
	['A change in the file does nothing']='on or sed -i "s/prefix:/prefx:/" /etc/routerd/router.yaml; until_ok eval "on or $ROUTERCTL status | grep -q \"valid: false\""'
	["doctor says that the nodes' files differ"]='on cr sed -i "s/10.252.0.2/10.252.0.22/" /etc/routerd/router.yaml; until_ok renewed; typed cloud-rt <(echo "routerctl export >cloud-rt.yaml"); typed pve-rt <(echo "routerctl import cloud-rt.yaml")'
)
declare -gA BROKEN=(
	['Ping works, SSH hangs']='reaches && ! transfer cc oc 10.77.60.9 4 5'
	['Nothing answers, in neither direction']='! reaches'
	['An object waits for a key']='! reaches'
	['A node has another key than it was known by']='! reaches'
	["The cloud's router holds the captured address itself"]='[ "$(on cc ping -c 1 -W 1 10.77.60.9 | grep -c ttl=64)" = 1 ]'
	['A claim waits for its interface']='! reaches'
	['Which of its nodes is this machine?']='! on or "$ROUTERCTL" validate'
	['A change in the file does nothing']='! on or "$ROUTERCTL" validate'
	["doctor says that the nodes' files differ"]='on or "$ROUTERCTL" doctor wireguard -o json | jq -e "any(.checks[]; .name == \"fabric\" and .status == \"warn\")"'
)
new_key() { [ "$(on cr "$ROUTERCTL" export -o pub)" = "$(on cr sh -c 'wg pubkey </etc/routerd/keys/wg-hybrid.key')" ]; }
doubted() { on or "$ROUTERCTL" status | grep -q 'is known by the key'; }
renewed() { ! grep -qF "$(on cr "$ROUTERCTL" export -o yaml | grep fabric:)" "$WORK/cloud-rt.yaml"; }

trouble() { # trouble HEADING
	in_force
	eval "${MADE[$1]}"
	eval "${BROKEN[$1]}"
	walk troubleshooting.md "$1" "$(next_heading "$1")"
	until_ok eval "! { ${BROKEN[$1]}; }"
	until_ok reaches
	site_end
	rm -r "${RUN:?}"/*
}

next_heading() { awk -v at="## $1" 'on && /^## /{ print substr($0, 4); exit } $0 == at { on = 1 }' "$DOCS/troubleshooting.md"; }

@test "troubleshooting: each trouble is made, shown as the page says, and cured as it says" {
	local heading made=0
	while IFS= read -r heading; do
		echo "## $heading"
		if [ "$heading" = 'It works in one direction only' ]; then # made in the providers' fabric, test/vm
			in_force
			walk troubleshooting.md "$heading" "$(next_heading "$heading")"
			site_end
			rm -r "${RUN:?}"/*
			continue
		fi
		trouble "$heading"
		made=$((made + 1))
	done < <(sed -n 's/^## //p' "$DOCS/troubleshooting.md")
	[ $made -eq ${#MADE[@]} ]
}

@test "concepts: every command, on a router in force" {
	in_force
	walk concepts.md Concepts
}

@test "migrating: every command, with the files of the explicit pair" {
	people
	sed -n '/^```yaml fabric.yaml/,/^```$/p' "$DOCS/quickstart.md" | grep -v '^```' >"$WORK/fabric.yaml"
	cp "$EXAMPLES/cloud.yaml" "$WORK/cloud.yaml"
	walk migrating-from-routerd.md 'Coming from'
	has_not on cr ip link show wg-hybrid
}

@test "path: an address that no node owns, and one that no host has" {
	in_force
	run -1 on or "$ROUTERCTL" path 10.77.60.50
	[[ $output == *'no node owns it'*'staticOwnedAddresses'*unsure* ]]
	run -1 on or "$ROUTERCTL" path 10.77.60.255
	[[ $output == *'10.77.60.255 is the broadcast address of 10.77.60.0/24, not a host'*'dropped'* ]]
	run -0 on or "$ROUTERCTL" path 10.77.60.9
}
