# shellcheck shell=bash
# shellcheck disable=SC2016 # jq and sed have dollars too
# fabric.bash - a cloud, a Proxmox VE site and the internet between them, in network namespaces;
# the routers are machines (machine.bash), the clients are networks with a default gateway, an SSH
# server and nothing of ours.
#
#   cloud-vm 10.77.60.7 -- nic1 [vpc] wan -- cloud [internet] site -- wan [site] vmbr1 -- onprem-vm .9
#   cloud-rt 10.77.60.4 -- nic0                                            vmbr1 -- pve-rt .2, its eth1
#     203.0.113.20 outside                                198.51.100.20    vmbr0 -- pve-rt's eth0: DHCP
#
#   fabric_begin PROVIDER       all of it, for azure, aws or oci, with nothing powered on; needs IMAGES,
#                               where 'make image' left its disks
#   fabric_attach ADDRESS NIC   the provider delivers ADDRESS to NIC: nic0, the router's, or nic1
#   fabric_check on|off         the source/destination check of the router's NIC; off at first
#   fabric_public ADDRESS       the cloud router's public address from now on, and cloud-rt.example's
#   fabric_path LIMIT           packets between the sites that are longer than LIMIT bytes, fragments,
#                               and ICMP that tells of it, are swallowed; 0: all of them
#   cloud_on, pve_on [WORD...]  power on, with user-data as docs/providers has it, but for what
#                               FABRIC_EDIT, sed's words, changes; WORD as machine_on has it
#   first_boot NAME SECONDS     until it is over, or waits for the other's key; its line is printed
#   take NAME WAY FILE          the exported key file of NAME, by file, agent or console, into FILE.yaml
#                               or FILE.pub; give NAME FILE puts it into its folder of peers
#   router NAME COMMAND...      as root on cloud-rt or pve-rt, by SSH from its own network
#   client FROM TO COMMAND...   by SSH from one client to the other, as a user would
#   copy FROM TO [OPTION]...    $MACHINES/data, by scp, into TO's data
#
# The cloud is a table, not a wire: it answers ARP for every address in it, and delivers by it, to
# the NIC's own MAC. A packet that a NIC sends from an address that is not the NIC's is dropped while
# the check is on. Security groups are what the providers' pages say: the shared prefix to every
# NIC, and WireGuard's port to the router's.
#
# Whoever calls has "set -e": what fails ends it.

HERE_FABRIC=$(realpath "${BASH_SOURCE[0]%/*}")
ROOT=${ROOT:-$(realpath "$HERE_FABRIC/../../..")}
PUBLIC=203.0.113.20 # of cloud-rt, at first
SITE_PUBLIC=198.51.100.20
NAMESERVER=192.0.2.53

# Of each provider: the MTU inside, the limit of the path outside, how the machine is known for its.
declare -gA FABRIC_MTU=([azure]=1500 [aws]=9001 [oci]=9000)
declare -gA FABRIC_LIMIT=([azure]=1500 [aws]=1500 [oci]=1420)
declare -gA FABRIC_UUID=([azure]=02aab8a4-74ef-476e-8182-f6d2ba4166a6 [aws]=ec2e1916-9099-7caf-fd21-012345abcdef
	[oci]=8d10da13-8125-4ba9-a717-bf7490507b3d)
declare -gA FABRIC_SMBIOS=([azure]="type=3,asset=7783-7084-3265-9085-8269-3286-77"
	[aws]="type=1,manufacturer=Amazon EC2,serial=${FABRIC_UUID[aws]}" [oci]="type=3,asset=OracleCloud.com")
declare -gA FABRIC_ID=([azure]=${FABRIC_UUID[azure]} [aws]=i-0123456789abcdef0
	[oci]=ocid1.instance.oc1.phx.anyhqljtexample)
declare -gA FABRIC_REF=([azure]='' [aws]=eni-0e4961c111c310230 [oci]=ocid1.vnic.oc1.phx.abyhqljtfirst)

fabric_can() { # fabric_can PROVIDER: what is needed is there
	[[ -v FABRIC_MTU[$1] ]] || { echo "there is no fabric of '$1': azure, aws, oci" >&2 && return 2; }
	((EUID == 0)) || { echo "this needs root: namespaces" >&2 && return 2; }
	disk_of "$1" >/dev/null && disk_of pve >/dev/null
}

fabric_begin() { # fabric_begin PROVIDER
	fabric_can "$1" || return
	export PROVIDER=$1
	machines_begin
	ssh-keygen -q -t ed25519 -N '' -C '' -f "$MACHINES/ssh"
	ssh_config >"$MACHINES/ssh_config"
	internet_new
	vpc_new
	site_new_pve
	fabric_public "$PUBLIC"
	fabric_path "${FABRIC_LIMIT[$1]}"
}

# ---- wires --------------------------------------------------------------------------------------

cable() { # cable NET IF NET IF
	local far
	read -r far <"$MACHINES/$3/pid"
	in_net "$1" ip link add "$2" type veth peer name "$4" netns "$far"
	in_net "$1" ip link set "$2" up
	in_net "$3" ip link set "$4" up
}

settings() { # settings NET: a router
	in_net "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.all.send_redirects=0
}

mac_of() { in_net "$1" ip -j link show "$2" | jq -r '.[0].address'; } # mac_of NET IF

serve() { # serve NAME NET READY COMMAND...: in the background, until its log says READY
	machine_helper "$1" net="$2" "${@:4}" && machine_line "$1" log 30 "$3" >/dev/null
}

dnsmasq_in() { # dnsmasq_in NAME NET OPTION...
	serve "$1" "$2" 'started, ' dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --user=root \
		--log-facility=- --pid-file= --dhcp-leasefile="$MACHINES/$1/leases" --bind-interfaces "${@:3}"
}

# A client: the gateway that it has anyway, and an SSH server.
client_new() { # client_new NAME ADDRESS
	local home=$MACHINES/$1/home
	in_net "$1" ip addr add "$2/24" dev eth0
	in_net "$1" ip route add default via 10.77.60.1
	mkdir -p "$home/.ssh"
	cp "$MACHINES/ssh.pub" "$home/.ssh/authorized_keys"
	chmod 700 "$home" "$home/.ssh"
	in_net "$1" mount --bind "$home" /root
	dropbearkey -t ed25519 -f "$MACHINES/$1/hostkey" >/dev/null 2>&1
	serve "ssh-$1" "$1" 'Not backgrounding' dropbear -FEsR -W 2097152 -P "$MACHINES/$1/dropbear" -r "$MACHINES/$1/hostkey" -p 22
	echo "$2 $(dropbearkey -y -f "$MACHINES/$1/hostkey" | grep ^ssh-)" >>"$MACHINES/known"
}

# ---- the internet -------------------------------------------------------------------------------

internet_new() {
	machine_net internet
	settings internet
	in_net internet ip addr add "$NAMESERVER/32" dev lo
	: >"$MACHINES/hosts"
	dnsmasq_in names internet --interface=lo --listen-address=$NAMESERVER --addn-hosts="$MACHINES/hosts" --local-ttl=1
}

uplink() { # uplink NET ADDRESS ROUTER PREFIX: NET's wan, and what the internet sends there
	cable "$1" wan internet "$1"
	in_net internet ip addr add "$3/31" dev "$1"
	in_net "$1" ip addr add "$2/31" dev wan
	in_net "$1" ip route add default via "$3"
	in_net internet ip route add "$4" via "$2"
}

fabric_path() { # fabric_path LIMIT
	in_net internet nft -f - <<-END
		table inet path
		delete table inet path
		table inet path {
			chain forward {
				type filter hook forward priority filter;
				icmp type destination-unreachable icmp code frag-needed drop
				ip length > $1 counter drop comment "too long"
				ip frag-off & 0x3fff != 0 counter drop comment "a fragment"
			}
		}
	END
}

# ---- the cloud ----------------------------------------------------------------------------------

vpc_new() {
	local nic
	machine_net vpc
	machine_net cloud-vm
	settings vpc
	uplink vpc 192.0.2.0 192.0.2.1 203.0.113.0/24
	in_net vpc ip tuntap add dev nic0 mode tap
	cable vpc nic1 cloud-vm eth0
	in_net cloud-vm ip link set eth0 mtu "${FABRIC_MTU[$PROVIDER]}"
	for nic in nic0 nic1; do
		in_net vpc ip link set "$nic" mtu "${FABRIC_MTU[$PROVIDER]}" up
		in_net vpc ip addr add 10.77.60.1/24 dev "$nic" noprefixroute
		in_net vpc sysctl -qw net.ipv4.conf.$nic.{proxy_arp,proxy_arp_pvlan}=1 net.ipv4.neigh.$nic.proxy_delay=0 \
			net.ipv4.conf.$nic.send_redirects=0
	done
	in_net vpc ip route add blackhole 10.77.60.0/24 # nobody answers for what is not in the table
	vpc_rules
	jq -n --arg id "${FABRIC_ID[$PROVIDER]}" --arg ref "${FABRIC_REF[$PROVIDER]}" --arg mac "$(machine_mac cloud-rt 0)" \
		--arg key "$(<"$MACHINES/ssh.pub")" --rawfile data <(user_data "$PROVIDER") '{ name: "cloud-rt", $id,
			user_data: $data, ssh_key: $key, nics: [{ $mac, $ref, addresses: [], subnet: "10.77.60.0/24",
			gateway: "10.77.60.1", public: "" }] }' >"$MACHINES/instance.json"
	fabric_attach 10.77.60.4 nic0
	fabric_attach 10.77.60.9 nic0
	fabric_attach 10.77.60.7 nic1
	fabric_check off
	client_new cloud-vm 10.77.60.7
	vpc_services
}

vpc_rules() {
	in_net vpc nft -f - <<-END
		table inet vpc {
			set sources { type ifname . ipv4_addr; }
			set forwarders { type ifname; }
			map inside { type ipv4_addr : ipv4_addr; }
			map outside { type ipv4_addr : ipv4_addr; }
			counter spoofed {}

			chain arriving {
				type filter hook prerouting priority raw;
				iifname "wan" ip daddr set ip daddr map @inside
			}
			chain passing {
				type filter hook forward priority filter; policy drop;
				iifname "nic*" iifname != @forwarders iifname . ip saddr != @sources counter name spoofed drop
				ct state established,related accept
				oifname "nic*" ip saddr 10.77.60.0/24 accept comment "the groups' rules, as the pages have them"
				oifname "nic0" udp dport 51820 accept
				iifname "nic*" oifname "wan" accept
			}
			chain leaving {
				type filter hook postrouting priority 50;
				oifname "wan" ip saddr != @outside drop
				oifname "wan" ip saddr set ip saddr map @outside
			}
		}
	END
}

# Its metadata service, and DHCP, which gives the primary address and no other.
vpc_services() {
	local options=("--dhcp-option=option:router,10.77.60.1" "--dhcp-option=option:dns-server,$NAMESERVER")
	in_net vpc ip addr add 169.254.169.254/32 dev lo
	if [[ $PROVIDER = azure ]]; then
		in_net vpc ip addr add 168.63.129.16/32 dev lo
		options+=("--dhcp-option=121,0.0.0.0/0,10.77.60.1,168.63.129.16/32,10.77.60.1,169.254.169.254/32,10.77.60.1")
	fi
	dnsmasq_in dhcp-vpc vpc --port=0 --dhcp-authoritative --dhcp-ignore-names --interface=nic0 --dhcp-range=10.77.60.0,static,255.255.255.0,1h \
		--dhcp-host="$(machine_mac cloud-rt 0),id:*,10.77.60.4" "${options[@]}"
	machine_helper metadata net=vpc python3 "$ROOT/test/lib/metadata.py" --instance "$MACHINES/instance.json" \
		--host 0.0.0.0 --port 80 "$MACHINES/metadata-service"
	until [[ -e $MACHINES/metadata-service/port ]]; do
		kill -0 "$(<"$MACHINES/metadata/pid")" || machine_fail metadata "does not serve" || return
		sleep 0.1
	done
}

instance() { # instance FILTER: changes what the metadata service says
	jq "$@" "$MACHINES/instance.json" >"$MACHINES/instance.new" && mv "$MACHINES/instance.new" "$MACHINES/instance.json"
}

nic_mac() { # nic_mac NIC
	case $1 in
	nic0) machine_mac cloud-rt 0 ;;
	nic1) mac_of cloud-vm eth0 ;;
	esac
}

fabric_attach() { # fabric_attach ADDRESS NIC
	in_net vpc ip route replace "$1" dev "$2"
	in_net vpc ip neigh replace "$1" lladdr "$(nic_mac "$2")" dev "$2" nud permanent
	in_net vpc nft add element inet vpc sources "{ $2 . $1 }"
	[[ $2 != nic0 ]] || instance --arg a "$1" '.nics[0].addresses += [$a]'
}

fabric_check() { # fabric_check on|off
	in_net vpc nft flush set inet vpc forwarders
	[[ $1 = on ]] || in_net vpc nft add element inet vpc forwarders '{ nic0 }'
}

fabric_public() { # fabric_public ADDRESS
	in_net vpc nft -f - <<-END
		flush map inet vpc inside
		flush map inet vpc outside
		add element inet vpc inside { $1 : 10.77.60.4 }
		add element inet vpc outside { 10.77.60.4 : $1 }
	END
	instance --arg a "$1" '.nics[0].public = $a'
	echo "$1 cloud-rt.example" >"$MACHINES/hosts"
	kill -HUP "$(<"$MACHINES/names/pid")"
}

# ---- the site -----------------------------------------------------------------------------------

site_new_pve() {
	local i
	machine_net site
	machine_net onprem-vm
	settings site
	uplink site 192.0.2.2 192.0.2.3 198.51.100.0/24
	for i in 0 1; do
		in_net site ip link add "vmbr$i" type bridge
		in_net site ip tuntap add dev "tap$i" mode tap
		in_net site ip link set "tap$i" master "vmbr$i" up
		in_net site ip link set "vmbr$i" up
	done
	in_net site ip addr add 192.168.1.1/24 dev vmbr0
	in_net site ip addr add 10.77.60.1/24 dev vmbr1
	cable site vm9 onprem-vm eth0
	in_net site ip link set vm9 master vmbr1
	in_net site ip addr add "$SITE_PUBLIC/32" dev lo
	in_net site nft -f - <<-END
		table inet site {
			chain passing {
				type filter hook forward priority filter; policy drop;
				iifname "vmbr*" accept comment "a bridge's frames may come by here, too"
				ct state established,related accept
			}
			chain leaving {
				type nat hook postrouting priority srcnat;
				oifname "wan" ip saddr != $SITE_PUBLIC snat ip to $SITE_PUBLIC
			}
		}
	END
	client_new onprem-vm 10.77.60.9
	dnsmasq_in dhcp-site site --port=0 --dhcp-authoritative --dhcp-ignore-names --interface=vmbr0 --dhcp-range=192.168.1.100,192.168.1.120,1h \
		--dhcp-option=option:router,192.168.1.1 --dhcp-option=option:dns-server,$NAMESERVER
}

# ---- the routers --------------------------------------------------------------------------------

# What the page of a provider tells an operator to write.
user_data() { # user_data PAGE
	sed -n '/^```yaml user-data/,/^```$/{ /^```/d; p }' "$ROOT/docs/providers/$1.md" | sed "${FABRIC_EDIT-}"
}

disk_of() { # disk_of PLATFORM: the one that there is
	local found
	mapfile -t found < <(find "$IMAGES" -maxdepth 1 -name "routerd-*-$1.*" ! -name '*.part')
	if ((${#found[@]} == 1)); then
		echo "${found[0]}"
		return
	fi
	echo "of disks for $1 there are in $IMAGES: ${found[*]:-none}; it must be one: make image" >&2
	return 2
}

cloud_on() {
	local disc=()
	[[ $PROVIDER != azure ]] || disc=(disc="rd_rdfe_stable:$HERE_FABRIC/azure-disc")
	machine_on cloud-rt disk="$(disk_of "$PROVIDER")" net=vpc nic=tap:nic0 firmware=uefi uuid="${FABRIC_UUID[$PROVIDER]}" \
		smbios="${FABRIC_SMBIOS[$PROVIDER]}" mtu="${FABRIC_MTU[$PROVIDER]}" "${disc[@]}" "$@"
}

pve_on() {
	local dir=$MACHINES/pve-cidata
	if [[ ! -e $dir ]]; then
		mkdir "$dir"
		user_data proxmox | sed "s|^ssh_authorized_keys:.*|ssh_authorized_keys: [$(<"$MACHINES/ssh.pub")]|" >"$dir/user-data"
		pve_network >"$dir/network-config"
		echo "instance-id: $(cat "$dir"/* | sha1sum | cut -d ' ' -f 1)" >"$dir/meta-data"
	fi
	machine_on pve-rt disk="$(disk_of pve)" net=site nic=tap:tap0 nic=tap:tap1 firmware=bios agent=yes disc="cidata:$dir" \
		uuid=7b3f0c52-55ad-4d1c-9d3e-0d5a3a7c4f11 "$@"
}

pve_network() { # as Proxmox VE writes --ipconfig0 ip=dhcp --ipconfig1 ip=10.77.60.2/24
	cat <<-END
		version: 1
		config:
		    - type: physical
		      name: eth0
		      mac_address: '$(machine_mac pve-rt 0)'
		      subnets:
		      - type: dhcp4
		    - type: physical
		      name: eth1
		      mac_address: '$(machine_mac pve-rt 1)'
		      subnets:
		      - type: static
		        address: '10.77.60.2'
		        netmask: '255.255.255.0'
	END
}

first_boot() { # first_boot NAME SECONDS: until it is over, or waits for the other's key
	machine_wait "$1" "$2" 'routerd: first boot (done|waits)'
}

ssh_config() {
	cat <<-END
		Host *
		    IdentityFile $MACHINES/ssh
		    IdentitiesOnly yes
		    UserKnownHostsFile $MACHINES/known
		    StrictHostKeyChecking accept-new
		    BatchMode yes
		    ConnectTimeout 20
		    ConnectionAttempts 30
		    LogLevel ERROR
		    User root
		Host cloud-rt
		    HostName 10.77.60.4
		Host pve-rt
		    HostName 10.77.60.2
		Host cloud-vm
		    HostName 10.77.60.7
		Host onprem-vm
		    HostName 10.77.60.9
	END
}

router() { # router NAME COMMAND...: its words are one shell's, as ssh has it
	local net=vpc
	[[ $1 = cloud-rt ]] || net=site
	in_net "$net" ssh -F "$MACHINES/ssh_config" "debian@$1" sudo "${@:2}"
}

client() { # client FROM TO COMMAND...
	in_net "$1" ssh -F "$MACHINES/ssh_config" "$2" "${@:3}"
}

copy() { # copy FROM TO [OPTION]...
	in_net "$1" timeout --foreground 600 scp -qOF "$MACHINES/ssh_config" "${@:3}" "$MACHINES/data" "$2:data"
}

take() { # take NAME WAY FILE
	case $2 in
	file) router "$1" cat "/var/lib/routerd/export/$1.yaml" >"$3.yaml" ;;
	agent) machine_agent "$1" exec /usr/bin/cat "/var/lib/routerd/export/$1.yaml" | jq -r '."out-data"' >"$3.yaml" ;;
	console) sed -nE "s/.*routerd: node $1: public key ([^ ]+) fingerprint.*/\1/p" "$MACHINES/$1/console" |
		tail -n 1 >"$3.pub" ;;
	esac
}

give() { # give NAME FILE
	router "$1" tee "/etc/routerd/peers/${2##*/}" <"$2" >/dev/null
}
