# The provider's check of senders at its NIC: doctor tries it out, names it and the command.

load ../lib/bats
load ../lib/doctor

REF=/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-lab/providers/Microsoft.Network/networkInterfaces/rt-nic

# A fabric that delivers by its table: .4, the router's own, and .9, which it captures, lead to
# the router's NIC. Its check of senders is on.
fabric() {
	site_new cr fab
	wire cr eth0 fab nic
	on cr ip addr add 10.77.60.4/24 dev eth0
	on cr ip route add default via 10.77.60.1
	on fab ip addr add 10.77.60.1/32 dev nic
	on fab sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.nic.rp_filter=0 \
		net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.nic.send_redirects=0
	for address in 4 9; do
		on fab ip neigh add 10.77.60.$address dev nic nud permanent \
			lladdr "$(on cr ip -j link show eth0 | jq -r '.[0].address')"
		on fab ip route add 10.77.60.$address/32 dev nic
	done
	on fab nft 'add table ip fabric; add chain ip fabric forward { type filter hook forward priority 0; }'
	check on
	with_key "$(wg genkey | wg pubkey)" "$EXAMPLES/cloud.yaml" >"$RUN/cloud.yaml"
	router cr apply -f "$RUN/cloud.yaml"
	[ "$status" -eq 0 ]
}

check() { # check on|off|RULE: of senders, in the fabric
	local rule=$1
	on fab nft flush chain ip fabric forward
	[ "$rule" != on ] || rule='iifname nic ip saddr != { 10.77.60.4, 10.77.60.9 } drop'
	[ "$rule" = off ] || on fab nft "add rule ip fabric forward $rule"
}

probe() { doctor cr --probe -f "$RUN/cloud.yaml" provider; }

@test "a check that is left on is named, with the command that turns it off; off, it passes" {
	fabric
	probe
	[ "$status" -eq 1 ]
	says provider source-check fail '^eth0: IP forwarding of its NIC is off: what was sent to 10.77.60.9 from its own 10.77.60.4 came back, and nothing from 10.252.0.2 or 10.77.60.129 did, so azure drops'
	[ "$(remedy provider source-check)" = "az network nic update --ids $REF --ip-forwarding true" ]
	check off
	probe
	[ "$status" -eq 0 ]
	says provider source-check pass 'IP forwarding of its NIC is on, and 10.77.60.9 is attached to it'
}

@test "a fabric that brings nothing back, or that has the address elsewhere, proves nothing" {
	fabric
	for rule in 'iifname nic oifname nic drop' 'udp dport 51820 drop'; do
		check "$rule"
		probe
		[ "$status" -eq 0 ]
		says provider source-check skip 'nothing that was sent to 10.77.60.9 came back.*not attached.*brings no NIC its own packets back, or lets UDP port 51820 not in'
		[[ $(remedy provider source-check) == "by hand: az network nic show --ids $REF | "*" tells; unless it is on: az network nic update --ids $REF --ip-forwarding true" ]]
	done
	check off
	on fab ip route del 10.77.60.9/32 dev nic
	probe
	says provider source-check skip 'nothing that was sent to 10.77.60.9'
	on fab ip route add 10.77.60.9/32 dev nic
	on fab ip neigh replace 10.77.60.9 dev nic nud permanent lladdr 02:00:00:00:00:99 # another NIC's
	probe
	says provider source-check skip 'nothing that was sent to 10.77.60.9'
}

@test "it is tried three times: two losses are borne" {
	fabric
	check "ip daddr 10.77.60.9 udp dport 51820 quota until $((6 * 45)) bytes drop"
	probe
	says provider source-check pass
	check "ip daddr 10.77.60.9 udp dport 51820 quota until $((9 * 45)) bytes drop"
	probe
	says provider source-check skip
}

@test "what comes back must be what was sent, from whom it was sent" {
	fabric
	# Another cookie, at its beginning and further on; another sender's letter.
	for change in '@th,64,32 set 7' '@th,128,32 set 7' '@th,192,8 set 200'; do
		check "ip daddr 10.77.60.9 udp dport 51820 $change"
		probe
		says provider source-check skip 'nothing that was sent'
	done
}

@test "a firewall of the provider's that lets in neighbours but no overlay addresses, or the other way" {
	fabric
	check 'ip saddr 10.252.0.0/16 drop'
	probe
	[ "$status" -eq 0 ]
	says provider source-check pass 'from 10.77.60.129 came back'
	check 'ip saddr 10.77.60.129 drop'
	probe
	says provider source-check pass 'from 10.252.0.2 came back'
}

@test "no sender is tried that may be the NIC's own, or that a fabric drops anyway" {
	fabric
	on cr mkdir -p /run/routerd
	echo '{"provider": "azure", "nics": [{"name": "eth0", "addresses": ["10.77.60.4", "10.77.60.129"]}]}' |
		on cr tee /run/routerd/node.json
	probe
	says provider source-check fail 'nothing from 10.252.0.2 did'
	sed -i 's/10\.252\.0\.2\b/169.254.7.2/; s/10\.252\.0\.1\b/10.252.0.1/' "$RUN/cloud.yaml"
	probe
	says provider source-check fail 'nothing from 10.252.0.1 did'
	on cr ip addr flush dev wg-hybrid
	probe
	says provider source-check skip 'no address is known that is surely not its own'
}

@test "of several captured addresses one that is attached is enough" {
	fabric
	sed 's/name: onprem-vm-9/name: onprem-vm-8/; s/10.77.60.9/10.77.60.8/' "$RUN/cloud.yaml" |
		sed -n '/kind: RemoteAddressClaim/,$p' >"$RUN/claim"
	{
		sed '/kind: RemoteAddressClaim/,$d' "$RUN/cloud.yaml" | sed '$d'
		echo '    - apiVersion: hybrid.routerd.net/v1alpha1'
		cat "$RUN/claim"
		sed -n '/kind: RemoteAddressClaim/,$p' "$RUN/cloud.yaml" | sed '1i\    - apiVersion: hybrid.routerd.net/v1alpha1'
	} >"$RUN/two.yaml"
	mv "$RUN/two.yaml" "$RUN/cloud.yaml"
	check off
	probe
	[ "$status" -eq 0 ]
	says provider source-check pass '10.77.60.9 is attached'
	[ "$(jq '[.checks[] | select(.name == "source-check")] | length' "$RUN/doctor.json")" -eq 1 ]
	on fab ip route del 10.77.60.9/32 dev nic
	probe
	says provider source-check skip 'sent to captured addresses came back'
	on fab ip neigh add 10.77.60.8 dev nic nud permanent \
		lladdr "$(on cr ip -j link show eth0 | jq -r '.[0].address')"
	on fab ip route add 10.77.60.8/32 dev nic
	probe
	says provider source-check pass '10.77.60.8 is attached'
}

@test "the packets go two hops, out by the NIC of the claims, and are whole" {
	fabric
	check off
	on fab timeout 20 tcpdump -i nic -Q in -c 1 -nvv 'dst 10.77.60.9 and src 10.252.0.2' \
		>"$RUN/packet" 2>"$RUN/tcpdump" 3>&- 4>&- &
	until_ok grep -q 'listening on' "$RUN/tcpdump"
	on cr ip neigh flush dev eth0 # the gateway's MAC is not known
	probe
	says provider source-check pass
	wait $!
	cat "$RUN/packet"
	grep -qE 'ttl 2,.* length 45\)' "$RUN/packet"
	grep -q 'bad cksum' "$RUN/packet" && return 1
	grep -qF '10.252.0.2.51820 > 10.77.60.9.51820: [udp sum ok]' "$RUN/packet"
}

@test "without a gateway, with one that is silent, without the interface and without root" {
	fabric
	on cr ip route del default
	probe
	says provider source-check skip 'no gateway is known'
	on cr ip route add default via 10.77.60.99
	probe
	says provider source-check skip 'its gateway 10.77.60.99 does not answer ARP'
	on cr ip route del default
	on cr mkdir -p /run/routerd # what first boot heard of the NIC
	echo '{"provider": "azure", "nics": [{"name": "eth0", "virtualRouter": "10.77.60.1"}]}' | on cr tee /run/routerd/node.json
	probe
	says provider source-check fail
	[ "$status" -eq 1 ]
	echo '{"provider": "azure", "nics": [{"name": "eth0", "virtualRouter": "fd00::1"}]}' | on cr tee /run/routerd/node.json
	probe
	says provider source-check skip 'no gateway is known'
	on cr rm /run/routerd/node.json
	on cr ip route add default via 10.77.60.1
	on cr nft 'add table ip f; add chain ip f out { type filter hook output priority 0; policy drop; }'
	on cr ip neigh flush dev eth0
	probe
	says provider source-check skip "this machine's own firewall does not let UDP out"
	on cr nft delete table ip f

	sed -i 's/providerMode: /interface: eth7\n          &/' "$RUN/cloud.yaml"
	probe
	says provider source-check skip '^eth7: .*none of that name'
	sed -i '/interface: eth7/d' "$RUN/cloud.yaml"
	on cr ip addr flush dev eth0
	probe
	says provider source-check skip '^an unknown interface: .*none with an address of the domain'

	run on cr setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all \
		"$ROUTERCTL" doctor --probe -o json -f - provider <"$RUN/cloud.yaml"
	on cr ip addr add 10.77.60.4/24 dev eth0
	on cr ip route add default via 10.77.60.1
	run on cr setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all \
		"$ROUTERCTL" doctor --probe -o json -f - provider <"$RUN/cloud.yaml"
	printf '%s\n' "$output" >"$RUN/doctor.json"
	says provider source-check skip 'only root may send probes'
}

@test "a second NIC with a routing table of its own" {
	fabric
	check off
	on cr ip route del default
	on cr ip link add eth1 type veth peer name far1
	on cr ip link set far1 up
	on cr ip addr add 192.0.2.9/24 dev eth1
	on cr ip link set eth1 up
	on cr ip route add default dev eth1
	on cr ip rule add from 10.77.60.4 lookup 100
	on cr ip route add default via 10.77.60.1 dev eth0 table 100
	probe
	says provider source-check pass '^eth0: '
}

# provider NAME NICREF: in the configuration
provider() {
	sed -i -E "s|provider: .*|provider: $1|; /^ *(nicRef|resourceGroup|region|zone|project): /d" "$RUN/cloud.yaml"
	sed -i "s|^\( *\)providerMode: .*|&\n\1nicRef: $2|" "$RUN/cloud.yaml"
}

@test "without --probe it cannot be seen, and each provider's commands are told" {
	local look mend
	fabric
	# told PROVIDER NICREF FACTS SETTING GOOD LOOK MEND
	told() {
		provider "$1" "$2"
		on cr mkdir -p /run/routerd
		echo "{\"provider\": \"$1\", $3}" | on cr tee /run/routerd/node.json
		doctor cr -f "$RUN/cloud.yaml" provider
		says provider source-check skip "^eth0: whether $4 is $5 cannot be seen from inside; 'routerctl doctor --probe -f $RUN/cloud.yaml provider' tries it out"
		[ "$(remedy provider source-check)" = "by hand: $6 tells; unless it is $5: $7" ]
		doctor cr --probe -f "$RUN/cloud.yaml" provider
		says provider source-check fail "^eth0: $4 is .*, so $1 drops what"
		[ "$(remedy provider source-check)" = "$7" ]
	}
	told azure "$REF" '"name": "rt"' 'IP forwarding of its NIC' on \
		"az network nic show --ids $REF | grep -iE 'ipForwarding|privateIpAddress\"'" \
		"az network nic update --ids $REF --ip-forwarding true"
	told aws eni-0123456789abcdef0 '"region": "eu-central-1"' 'the source/destination check of its NIC' off \
		"aws ec2 describe-network-interfaces --network-interface-ids eni-0123456789abcdef0 --query 'NetworkInterfaces[].[SourceDestCheck, PrivateIpAddresses[].PrivateIpAddress]' --region eu-central-1" \
		'aws ec2 modify-network-interface-attribute --network-interface-id eni-0123456789abcdef0 --no-source-dest-check --region eu-central-1'
	told oci ocid1.vnic.oc1.phx.abc '"region": "phx"' 'skipping the source/destination check at its VNIC' on \
		"oci network vnic get --vnic-id ocid1.vnic.oc1.phx.abc --query 'data.\"skip-source-dest-check\"' && oci network private-ip list --vnic-id ocid1.vnic.oc1.phx.abc --query 'data[].\"ip-address\"'" \
		'oci network vnic update --vnic-id ocid1.vnic.oc1.phx.abc --skip-source-dest-check true'
	vm='rt --project lab --zone europe-west1-b'
	look="gcloud compute instances describe $vm --format='value(canIpForward, networkInterfaces[].aliasIpRanges)'"
	mend="gcloud compute instances export $vm | sed '/^canIpForward:/d; \$a canIpForward: true' >rt.yaml && gcloud compute instances update-from-file $vm --source rt.yaml --most-disruptive-allowed-action RESTART"
	told gcp 'projects/lab/zones/europe-west1-b/instances/rt#nic0' '"name": "other"' 'canIpForward of this instance' true "$look" "$mend"
}

@test "the NIC as first boot heard of it; the command that tells it; no provider at all" {
	fabric
	provider aws eni-0123456789abcdef0
	sed -i '/nicRef: /d' "$RUN/cloud.yaml"
	on cr mkdir -p /run/routerd
	echo '{"provider": "aws", "region": "eu-central-1", "nics": [{"name": "eth0", "nicRef": "eni-aaaaaaaa"}]}' |
		on cr tee /run/routerd/node.json
	probe
	[ "$(remedy provider source-check)" = 'aws ec2 modify-network-interface-attribute --network-interface-id eni-aaaaaaaa --no-source-dest-check --region eu-central-1' ]
	echo '{"provider": "aws", "instanceId": "i-0a", "nics": [{"name": "eth1", "nicRef": "eni-bbbbbbbb"}]}' | on cr tee /run/routerd/node.json
	probe
	[ "$(remedy provider source-check)" = "by hand: aws ec2 describe-network-interfaces --filters Name=attachment.instance-id,Values=i-0a --query 'NetworkInterfaces[].[NetworkInterfaceId, PrivateIpAddress]' --region REGION tells the names for: aws ec2 modify-network-interface-attribute --network-interface-id ENI --no-source-dest-check --region REGION" ]
	for name in --query=x ../etc/cron.d/x $'a\\nb'; do # goes into root's commands
		printf '{"provider": "aws", "region": "%s", "nics": [{"name": "eth0", "nicRef": "%s"}]}' "$name" "$name" |
			on cr tee /run/routerd/node.json
		probe
		[[ $(remedy provider source-check) == *'--network-interface-id ENI --no-source-dest-check --region REGION' ]]
		run ! grep -F -- "${name//\\n/}" "$RUN/doctor.json"
	done
	provider azure /subscriptions/wrong
	sed -i 's|^\( *\)provider: azure|&\n\1resourceGroup: rg-2|' "$RUN/cloud.yaml"
	doctor cr -f "$RUN/cloud.yaml" provider
	[ "$(remedy provider source-check)" = "by hand: az network nic list --subscription 00000000-0000-0000-0000-000000000000 --resource-group rg-2 --query '[].id' --output tsv tells the names for: az network nic update --ids NICID --ip-forwarding true" ]

	on cr rm /run/routerd/node.json
	sed -i '/nicRef: /d; /providerRef: /d' "$RUN/cloud.yaml"
	probe
	says provider source-check fail 'the check of senders at its NIC is on.*so the provider drops'
	[[ $(remedy provider source-check) == 'by hand: give the claims a CloudProviderProfile'* ]]
}
