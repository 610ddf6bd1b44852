# routerctl action-plan: it runs nothing, and what it prints runs as it reads.

load ../lib/bats

GOLDEN=$ROOT/test/golden
FORMATS='table json yaml markdown sh'

# recorders: programs of the providers' names, which write down what they were called with.
recorders() {
	mkdir -p "$RUN/bin" "$RUN/work"
	cat >"$RUN/bin/az" <<-'END'
		#!/bin/sh
		jq -cn '$ARGS.positional' --args -- "${0##*/}" "$@" >>"$CALLS"
		case "$*" in 'config '*) echo 'net1: virtio=BC:24:11:00:00:02,bridge=vmbr1,firewall=1,tag=7' ;; *) echo ipForwarding ;; esac
	END
	chmod +x "$RUN/bin/az"
	for name in aws oci gcloud qm pvesh; do ln -sf az "$RUN/bin/$name"; done
}

# script CASE WORD [NAME=VALUE]...: what the golden case's script does; the calls are in $RUN/calls.
script() {
	local case=$1 word=$2 r=0
	shift 2
	: >"$RUN/calls"
	"$ROUTERCTL" action-plan -o sh -f "$GOLDEN/$case.yaml" --facts "$GOLDEN/$case.facts" >"$RUN/plan.sh"
	(cd "$RUN/work" && env CALLS="$RUN/calls" PATH="$RUN/bin:$PATH" "$@" sh "$RUN/plan.sh" "$word") || r=$?
	cat "$RUN/calls"
	return $r
}

called() { # called ARG...: with exactly these
	jq -en '[inputs] | any(. == $ARGS.positional)' --args -- "$@" <"$RUN/calls" >/dev/null
}

@test "it starts no program, and speaks to nobody" {
	local format
	recorders
	: >"$RUN/calls"
	for format in $FORMATS; do
		CALLS=$RUN/calls PATH=$RUN/bin ASAN_OPTIONS=detect_leaks=0 /usr/bin/strace -f -o "$RUN/trace" \
			-e trace=execve,execveat,fork,vfork,clone,clone3,socket,connect,sendto,unlink,rename,mkdir \
			"$ROUTERCTL" action-plan -o $format -f "$GOLDEN/action-many.yaml" >"$RUN/out"
		[ -s "$RUN/out" ]
		[ "$(grep -c 'execve(' "$RUN/trace")" -eq 1 ] # its own
		# the kernel is asked for its interfaces, and nobody else for anything
		run ! grep -E 'execveat\(|fork\(|clone3?\(|socket\(|connect\(|sendto\(|unlink\(|rename\(|mkdir\(' \
			<(grep -v AF_NETLINK "$RUN/trace")
	done
	[ ! -s "$RUN/calls" ]
}

@test "the script asks the provider for what the plan says, word by word" {
	recorders
	script action-azure provision
	nic=$(sed -n 's/.*nicRef: \(.*\) } }/\1/p' "$GOLDEN/action-azure.yaml" | head -n 1)
	called az network nic ip-config create --subscription 00000000-1111-2222-3333-444455556666 \
		--resource-group rg-lab --nic-name rt-nic --name sam-10-77-60-8 --private-ip-address 10.77.60.8
	called az network nic update --ids "$nic" --ip-forwarding true
	[ "$(wc -l <"$RUN/calls")" -eq 2 ] # .9 is attached
	script action-azure undo
	called az network nic ip-config delete --subscription 00000000-1111-2222-3333-444455556666 \
		--resource-group rg-lab --nic-name rt-nic --name sam-10-77-60-9
	[ "$(wc -l <"$RUN/calls")" -eq 2 ] # the setting only if a person says so
	script action-azure look
	called az network nic show --ids "$nic"

	script action-aws provision
	called aws ec2 assign-private-ip-addresses --network-interface-id eni-0123456789abcdef0 \
		--private-ip-addresses 10.77.60.8 10.77.60.10 --region eu-central-1
	script action-aws undo
	called aws ec2 unassign-private-ip-addresses --network-interface-id eni-0123456789abcdef0 \
		--private-ip-addresses 10.77.60.8 10.77.60.9 10.77.60.10 --region eu-central-1

	script action-oci provision
	called oci network vnic assign-private-ip --vnic-id ocid1.vnic.oc1.phx.abc --ip-address 10.77.60.9
	called oci network vnic update --vnic-id ocid1.vnic.oc1.phx.abc --skip-source-dest-check true
	script action-oci undo
	called oci network vnic unassign-private-ip --vnic-id ocid1.vnic.oc1.phx.abc --ip-address 10.77.60.9

	gcp=(gcloud compute instances network-interfaces update rt --project lab --zone europe-west1-b
		--network-interface nic0 --aliases)
	script action-gcp provision
	called "${gcp[@]}" '10.77.60.77/32;10.77.60.8/32;10.77.60.9/32'
	called gcloud compute instances update-from-file rt --project lab --zone europe-west1-b \
		--source rt.yaml --most-disruptive-allowed-action RESTART
	grep -qx 'canIpForward: true' "$RUN/work/rt.yaml"
	script action-gcp undo
	called "${gcp[@]}" 10.77.60.77/32
}

@test "on Proxmox VE the port keeps all that it had but its firewall, and gets it back by hand" {
	recorders
	script action-pve provision VMID=123 NET=net1
	called qm set 123 --net1 virtio=BC:24:11:00:00:02,bridge=vmbr1,tag=7,firewall=0
	script action-pve look VMID=123 NET=net1
	called pvesh get /nodes/localhost/qemu/123/firewall/options
	script action-pve undo VMID=123 NET=net1
	run ! grep set "$RUN/calls"
	sed 's/^    # qm /    qm /' "$RUN/plan.sh" >"$RUN/on.sh"
	CALLS=$RUN/calls PATH=$RUN/bin:$PATH VMID=123 NET=net1 sh "$RUN/on.sh" undo
	called qm set 123 --net1 virtio=BC:24:11:00:00:02,bridge=vmbr1,tag=7,firewall=1
}

@test "a word that is not filled in stops the script before it does anything" {
	recorders
	run -2 script action-pve provision VMID=123
	[[ $output == *'NET: is to be filled in'* ]]
	# Google's command takes away the aliases that it does not name: nobody here knows them.
	cp "$GOLDEN/action-gcp.yaml" "$RUN/gcp.yaml"
	"$ROUTERCTL" action-plan -o sh -f "$RUN/gcp.yaml" >"$RUN/plan.sh"
	run -2 env CALLS="$RUN/calls" PATH="$RUN/bin:$PATH" ALIASES=10.77.60.8/32 sh "$RUN/plan.sh" undo
	[[ $output == *'PREVIOUS: is to be filled in'* ]]
	run -2 script action-aws nonsense
	[[ $output == *'usage: sh '*'look|provision|undo'* ]]
	[ ! -s "$RUN/calls" ]
}

@test "what a profile, a nicRef and a metadata service say never becomes a command" {
	local word hostile='$(touch OWNED);"`touch OWNED`"'
	recorders
	for word in look provision undo; do
		script action-hostile $word "NICID=$hostile" "NIC=$hostile" "NICID_2=$hostile" "RG_2=$hostile" \
			"NIC_2=$hostile" "SUBSCRIPTION_2=$hostile" "NICID_3=$hostile" "RG_3=$hostile" VM_5=a \
			"NIC_5=$hostile" PROJECT_5=p ZONE_5=z VM_6=a NIC_6=n "PROJECT_6=$hostile" ZONE_6=z ZONE_7=z \
			{ALIASES,PREVIOUS}_{5,6,7}="$hostile"
		[ -s "$RUN/calls" ]
		[ ! -e "$RUN/work/OWNED" ]
	done
	script action-hostile provision NICID=n NIC=n NICID_2=n RG_2=n NIC_2=n SUBSCRIPTION_2=s NICID_3=n RG_3=g \
		VM_5=a NIC_5=n PROJECT_5=p ZONE_5=z VM_6=a NIC_6=n PROJECT_6=p ZONE_6=z ZONE_7=z \
		{ALIASES,PREVIOUS}_{5,6}= ALIASES_7='10.77.60.2/32;10.77.60.3/32' PREVIOUS_7=
	called az network nic ip-config create --subscription '$(touch OWNED)' \
		--resource-group 'rg; touch OWNED #`touch OWNED`' --nic-name n --name sam-10-77-60-7 \
		--private-ip-address 10.77.60.7
	called az network nic ip-config create --subscription 00000000-1111-2222-3333-444455556666 \
		--resource-group "rg'\"\$(touch OWNED)" --nic-name rt-nic --name sam-10-77-60-9 \
		--private-ip-address 10.77.60.9
	called gcloud compute instances network-interfaces update "a'b" --project p --zone z \
		--network-interface nic0 --aliases '10.77.60.2/32;10.77.60.3/32'
	# Each line of the script is a line of ours: none begins with what somebody else wrote.
	run ! grep -nE '^ *(touch|-)' "$RUN/plan.sh"
	# As facts of their own, too, where the profile says nothing.
	sed '/^spec: { provider: azure/s/,.*/ }/' "$GOLDEN/action-hostile.yaml" >"$RUN/plain.yaml"
	"$ROUTERCTL" action-plan -o json -f "$RUN/plain.yaml" --facts "$GOLDEN/action-hostile.facts" >"$RUN/plan.json"
	jq -e '.. | .commands? // empty | index("az network nic ip-config create --subscription SUBSCRIPTION --resource-group RG --nic-name NIC --name sam-10-77-60-7 --private-ip-address 10.77.60.7") != null' \
		"$RUN/plan.json" | grep true
	run ! grep -e '--resource-group -rf' "$RUN/plan.json"
}

@test "on the node itself its own facts count" {
	site_new cr
	run on cr "$ROUTERCTL" action-plan -f "$GOLDEN/action-azure.yaml"
	[ "$status" -eq 0 ]
	[[ $output == *'? 10.77.60.9 '* ]]
	on cr mkdir -p /run/routerd
	on cr tee /run/routerd/node.json <"$GOLDEN/action-azure.facts"
	run on cr "$ROUTERCTL" action-plan -f "$GOLDEN/action-azure.yaml"
	[[ $output == *'✓ 10.77.60.9 '* ]]
	[[ $output == *'· 10.77.60.8 '* ]]
	on cr sed -i 's/"10.77.60.9"/"10.77.60.99"/' /run/routerd/node.json
	run on cr "$ROUTERCTL" action-plan -f "$GOLDEN/action-azure.yaml"
	[[ $output == *'· 10.77.60.9 '* ]]
	# Of another's NIC, and as a NIC's own address, it is not attached.
	on cr sed -i 's/"10.77.60.4", "10.77.60.99"/"10.77.60.9"/' /run/routerd/node.json
	run on cr "$ROUTERCTL" action-plan -f "$GOLDEN/action-azure.yaml"
	[[ $output == *'· 10.77.60.9 '* ]]
}

@test "what is wrong is said: the facts' file, the format, the configuration" {
	run -1 "$ROUTERCTL" action-plan -f "$GOLDEN/action-aws.yaml" --facts /nonexistent
	[[ $output == *'/nonexistent: No such file'* ]]
	echo '[nonsense' >"$RUN/bad"
	run -1 "$ROUTERCTL" action-plan -f "$GOLDEN/action-aws.yaml" --facts "$RUN/bad"
	[[ $output == *"--facts $RUN/bad: is not as first boot writes"* ]]
	run -1 "$ROUTERCTL" action-plan -f "$GOLDEN/bad-refs.yaml"
	[[ $output == *'bad-refs.yaml:'* ]]
	run -2 "$ROUTERCTL" render -o sh -f "$GOLDEN/action-aws.yaml"
	[[ $output == *'render: -o sh: want table'* ]]
	run -2 "$ROUTERCTL" plan --facts /dev/null
	run -0 "$ROUTERCTL" action-plan --help
	[[ $output == *'action-plan '* && $output == *'--facts FILE'* ]]
}
