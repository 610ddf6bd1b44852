# What first boot hears of its provider: from services that fail in every way that is known, from
# disks, seeds and cloud-init; and that it asks nobody else.

bats_require_minimum_version 1.5.0
load ../lib/bats

FACTS=${ROUTERCTL%/bin/*}/test/tools/facts
CLOUDS="azure aws oci gcp"

setup() {
	RUN=$BATS_TEST_TMPDIR
	for cloud in $CLOUDS; do
		picture "$RUN/$cloud" "$cloud"
	done
}

teardown() {
	[ -z "${SERVER-}" ] || kill "$SERVER" || true
	[ -z "${LOOP-}" ] || losetup -d "$LOOP" || true
	site_end
}

# picture FOLDER [CLOUD]: a machine with that firmware, and with the routes of this network
picture() {
	local dmi=$1/sys/class/dmi/id
	mkdir -p "$dmi" "$1/dev" "$1/run/cloud-init" "$1/var/lib/cloud/instance"
	ln -s /proc "$1/proc"
	case ${2-} in
	azure) echo 7783-7084-3265-9085-8269-3286-77 >"$dmi/chassis_asset_tag" ;;
	aws) echo 'Amazon EC2' >"$dmi/sys_vendor" ;;
	oci) echo OracleCloud.com >"$dmi/chassis_asset_tag" ;;
	gcp) echo 'Google Compute Engine' >"$dmi/product_name" ;;
	esac
}

# services [--OPTION=VALUE] FOLDER...: a metadata service for each, in one process
services() {
	local folder
	python3 "$ROOT/test/lib/metadata.py" "$@" >"$RUN/services.log" 2>&1 3>&- 4>&- &
	SERVER=$!
	for folder in "$@"; do
		[[ $folder == --* ]] || until_ok test -e "$folder/port"
	done
}

# service SITE FOLDER ADDRESS NAME: at the address that a cloud has it at
service() {
	on "$1" python3 "$ROOT/test/lib/metadata.py" --host "$3" --port 80 --name "$4" "$2" \
		>"$RUN/$4.log" 2>&1 3>&- 4>&- &
	until_ok test -e "$2/port"
}

url() { echo "http://127.0.0.1:$(cat "$1/port")"; }

# facts ROOT DEADLINE [SERVICE]: leaves $status, $output, $stderr; whatever proxies there are
facts() {
	run --separate-stderr timeout "$(($2 + 7))" env http_proxy="${TRAP-}" HTTP_PROXY="${TRAP-}" \
		all_proxy="${TRAP-}" ALL_PROXY="${TRAP-}" \
		"$FACTS" --root "$1" --deadline "$2" ${3:+--metadata "$(url "$3")"}
	printf '%s\n' "$output" "$stderr"
}

facts_at() { # facts_at SITE ROOT DEADLINE
	run --separate-stderr timeout "$(($3 + 7))" nsenter --target "${SITE[$1]}" --net --mount --pid -- \
		"$FACTS" --root "$2" --deadline "$3"
	printf '%s\n' "$output" "$stderr"
}

# is JQ...: of the facts in $output, each is true
is() {
	local filter
	[ -n "$output" ] || return 1
	for filter in "$@"; do
		jq -e "$filter" >/dev/null <<<"$output" || { echo "not so: $filter" && return 1; }
	done
}

requests() { # requests FOLDER [JQ]: how many
	[ -e "$1/requests" ] || { echo 0 && return; }
	jq -s "map(select(${2-true})) | length" "$1/requests"
}

# Each fault, with which cloud, the deadline and how it ends: "ok", as without a fault; else a
# pattern of the words.
faults() {
	cat <<-'END'
		later     azure,aws,oci,gcp  45 ok
		late      azure,aws,oci,gcp  25 ok
		404.2     azure,aws,oci      25 ok
		410.2     azure              25 ok
		429.1     azure,aws,oci,gcp  25 ok
		500.2     azure,aws,oci,gcp  25 ok
		503.2     azure,aws,oci,gcp  25 ok
		cut       azure,aws,oci,gcp  25 ok
		longer    azure,aws,oci,gcp  25 ok
		chunked   azure,aws,oci,gcp  25 ok
		wrong     azure,aws,oci,gcp  25 ok
		part      azure,aws,oci,gcp  25 ok
		renew     aws                25 ok
		lag       aws                25 ok
		404.0     azure,oci          5 HTTP 404: it does not know this .* yet \(tries: [2-9]
		404.0     aws                5 HTTP 404: it has no such key yet
		404.0     gcp                9 HTTP 404, which is not an answer to this \(tries: 1 in
		410.0     azure              5 HTTP 410: it is being updated
		410.0     aws,oci,gcp        9 HTTP 410, which is not an answer
		429.0     azure,aws,oci,gcp  5 HTTP 429: too many requests.* \(tries: [2-5] in [2-9] s\)
		patience  azure,aws,oci,gcp  9 HTTP 429: .*it asks to be left alone for 3600 s \(tries: 1 in
		500.0     azure,aws,oci,gcp  5 HTTP 500: it has a fault \(tries: [2-9].*look at the status of
		500.0     aws                8 HTTP 500: it has a fault \(tries: [2-6] in [1-9] s\)
		400       azure,aws,oci      9 HTTP 400: it does not take the request \(tries: 1 in
		400       gcp                9 HTTP 400, which is not an answer
		401       azure,oci          9 HTTP 401: it refuses \(tries: 1 in
		401       aws                9 HTTP 401: it does not take its own token
		403       azure,aws,oci,gcp  9 HTTP 403: it refuses \(tries: 1 in
		418       azure,aws,oci,gcp  9 HTTP 418, which is not an answer
		redirect  azure,aws,oci,gcp  9 HTTP 302: it redirects
		drip      azure,aws,oci,gcp  5 no whole reply in time \([1-9][0-9]* bytes of it came\)
		drip      aws                8 no whole reply in time .*\(tries: 2 in
		mute      azure,aws,oci,gcp  5 no whole reply in time \(0 bytes
		big       azure,oci,gcp      9 longer than any that it should give, 4[0-9]* bytes \(tries: 1 in
		endless   azure,oci,gcp      9 longer than any that it should give, 4[0-9]* bytes \(tries: 1 in
		big       aws                9 longer than any that it should give, 4096 bytes
		endless   aws                9 longer than any that it should give, 4096 bytes
		token     aws                9 longer than any that it should give, 4096 bytes
		cuts      azure,aws,oci,gcp  5 the reply was cut short \([1-9]
		parts     azure              5 the document has no network.interface
		parts     aws                5 macs/: HTTP 404: it has no such key yet
		parts     oci                5 the document has no id
		parts     gcp                5 the document has no networkInterfaces
		flavor    gcp                9 does not say Metadata-Flavor: Google \(tries: 1 in
	END
}

# one CASE CLOUD DEADLINE WANT...: says what is wrong with how it ended, or nothing
one() {
	local case=$1 cloud=$2 deadline=$3 want=$4 out=$RUN/$1.out words end=0
	timeout "$((deadline + 7))" env http_proxy="$TRAP" HTTP_PROXY="$TRAP" all_proxy="$TRAP" ALL_PROXY="$TRAP" \
		"$FACTS" --root "$RUN/$cloud" --deadline "$deadline" --metadata "$(url "$RUN/$case")" \
		>"$out" 2>"$out.words" || end=$?
	words=$(cat "$out.words")
	if [ "$want" = ok ]; then
		cmp -s "$out" "$RUN/plain-$cloud.out" || echo "$case: ended with $end, otherwise: $words"
	else
		[ "$end" -eq 1 ] || echo "$case: ended with $end"
		[ ! -s "$out" ] || echo "$case: facts of $(jq .facts.provider "$out")"
		grep -qE "^$cloud: .*$want" <<<"$words" || echo "$case: other words: $words"
		grep -qE 'http://127.0.0.1:.*\(tries: [0-9]+ in [0-9]+ s\): ..' <<<"$words" || echo "$case: nothing to do: $words"
	fi
	[ "$(requests "$RUN/$case" '.path | startswith("/other")')" -eq 0 ] || echo "$case: it followed"
	[ "$(requests "$RUN/$case" '.headers | keys | any(contains("forwarded"))')" -eq 0 ] || echo "$case: forwarded"
}

@test "each fault of each service ends in time, with the facts or with the reason" {
	local fault clouds deadline want cloud i names=() cases=()
	for cloud in $CLOUDS; do
		names+=("plain-$cloud")
	done
	while read -r fault clouds deadline want; do
		for cloud in ${clouds//,/ }; do
			names+=("$fault-$cloud-$deadline")
			cases+=("$cloud $deadline $want")
			mkdir "$RUN/${names[-1]}"
			echo "$fault" >"$RUN/${names[-1]}/fault"
		done
	done < <(faults)
	services "$RUN/trap" "${names[@]/#/$RUN/}"
	TRAP=$(url "$RUN/trap")
	for cloud in $CLOUDS; do
		facts "$RUN/$cloud" 9 "$RUN/plain-$cloud"
		[ "$status" -eq 0 ]
		printf '%s\n' "$output" >"$RUN/plain-$cloud.out"
	done
	for i in "${!cases[@]}"; do
		read -r cloud deadline want <<<"${cases[i]}"
		one "${names[i + 4]}" "$cloud" "$deadline" "$want" >"$RUN/${names[i + 4]}.verdict" 2>&1 3>&- 4>&- &
		((i % 16 != 15)) || sleep 0.5 # two processors
	done
	wait $(jobs -p | grep -vx "$SERVER")
	cat "$RUN"/*.verdict
	[ "$(cat "$RUN"/*.verdict | wc -c)" -eq 0 ]
	[ "$(requests "$RUN/trap")" -eq 0 ] # the proxy
}

@test "each service is asked once for each document, and all that it says is heard" {
	services "$RUN/s"
	facts "$RUN/azure" 9 "$RUN/s"
	is '.facts | .provider == "azure" and .source == "metadata" and .name == "vm" and .region == "westeurope"' \
		'.facts | .zone == "1" and .instanceId == "02aab8a4-74ef-476e-8182-f6d2ba4166a6"' \
		'.facts | .subscriptionID == "8d10da13-8125-4ba9-a717-bf7490507b3d" and .resourceGroup == "rg-lab"' \
		'.facts.nics[1] | .mac == "00:0d:3a:f8:06:ec" and .addresses == ["10.20.0.4", "10.20.0.9"]' \
		'.facts.nics[1] | .subnet == "10.20.0.0/24" and .publicAddress == "20.50.1.2"' \
		'.userDataBytes == 40' '.facts.nics[1] | has("nicRef") | not'
	[ "$(requests "$RUN/s" '.headers.metadata == "true"')" -eq 1 ]
	facts "$RUN/aws" 9 "$RUN/s"
	is '.facts | .provider == "aws" and .instanceId == "i-0123456789abcdef0" and .region == "eu-west-1"' \
		'.facts | .zone == "eu-west-1a" and .name == "vm.ec2.internal" and (.nics | length) == 2' \
		'.facts.nics[0] | .nicRef == "eni-0e4961c111c31023a" and .publicAddress == "54.1.2.3"' \
		'.facts.nics[0].addresses == ["10.30.0.5", "10.30.0.9", "2600:1f14::5"]' \
		'.facts.nics[1] | .mac == "0e:49:61:0f:c3:77" and .subnet == "10.30.1.0/24"' '.userDataBytes == 40'
	[ "$(requests "$RUN/s" '.method == "PUT"')" -eq 1 ]
	facts "$RUN/oci" 9 "$RUN/s"
	is '.facts | .provider == "oci" and .instanceId == "ocid1.instance.oc1.phx.anyhqljtexample"' \
		'.facts | .region == "us-phoenix-1" and .compartmentID == "ocid1.compartment.oc1..aaaaexample"' \
		'.facts.nics[0] | .nicRef == "ocid1.vnic.oc1.phx.abyhqljtfirst" and .virtualRouter == "10.40.0.1"' \
		'.facts.nics[0] | .mac == "02:00:17:05:d1:db" and .addresses == ["10.40.0.4"]' \
		'.facts.nics[1] | .addresses == [] and (has("subnet") | not)' '.userDataBytes == 40'
	[ "$(requests "$RUN/s" '.path | startswith("/opc/v2/")')" -eq 2 ]
	facts "$RUN/gcp" 9 "$RUN/s"
	is '.facts | .provider == "gcp" and .instanceId == "14926553122446417917" and .region == "europe-west1"' \
		'.facts.nics[0].nicRef == "projects/lab-42/zones/europe-west1-b/instances/vm#nic0"' \
		'.facts.nics[0] | .addresses == ["10.50.0.4", "10.50.0.9"] and .mtu == 1460' \
		'.facts.nics[0] | .subnet == "10.50.0.0/24" and .publicAddress == "34.1.2.3"' '.userDataBytes == 40'
	[ "$(requests "$RUN/s" '.path | startswith("/computeMetadata/v1/")')" -eq 3 ]
	[ "$(requests "$RUN/s")" -eq "$(jq -s 'unique_by(.path) | length' "$RUN/s/requests")" ]
}

@test "what services have been seen to leave out or to write otherwise is borne" {
	services "$RUN/strange" "$RUN/old" "$RUN/never" "$RUN/none"
	for fault in strange old never none; do
		echo $fault >"$RUN/$fault/fault"
	done
	facts "$RUN/azure" 9 "$RUN/strange"
	is '.facts | .nics[0].mac == "00:0d:3a:f8:06:ed" and .nics[0].subnet == "10.20.1.0/24"' \
		'.facts | (has("zone") | not) and .region == "7"' 'has("userDataBytes") | not'
	facts "$RUN/aws" 9 "$RUN/strange"
	is '.facts.provider == "aws"' 'has("userDataBytes") | not'
	facts "$RUN/oci" 9 "$RUN/strange"
	is '.facts | .region == "phx" and .nics[0].mac == "02:00:17:05:d1:db"' \
		'.facts.nics[0] | has("virtualRouter") | not' 'has("userDataBytes") | not'
	facts "$RUN/gcp" 9 "$RUN/strange"
	is '.facts.nics[0] | .mac == "42:01:0a:32:00:04" and .mtu == 1460' 'has("userDataBytes") | not'
	facts "$RUN/azure" 9 "$RUN/old"
	is '.facts.provider == "azure"' 'has("userDataBytes") | not'
	[ "$(requests "$RUN/old")" -eq 2 ]
	facts "$RUN/aws" 8 "$RUN/never"
	is '.facts.nics[1] | .mac == "0e:49:61:0f:c3:77" and (has("nicRef") | not)' \
		'.warnings == "the service does not say the interface-id of 0e:49:61:0f:c3:77"'
	facts "$RUN/aws" 9 "$RUN/none"
	is '.facts.nics | length == 2' 'has("userDataBytes") | not'
}

described() { # described ID REF ADDRESS...: the instance that services are to serve
	jq -n --arg id "$1" --arg ref "$2" '{ name: "rt-9", $id, user_data: "#cloud-config\n", ssh_key: "ssh-ed25519 AAAA",
		nics: [{ mac: "52:54:00:aa:bb:cc", $ref, addresses: $ARGS.positional, subnet: "10.77.60.0/24",
			gateway: "10.77.60.1", public: "203.0.113.20" }] }' --args "${@:3}" >"$RUN/instance.new"
	mv "$RUN/instance.new" "$RUN/instance"
}

@test "an instance that a test describes is what each service serves, as it is by then" {
	local cloud id ref public all
	described - - 10.77.60.4
	services --instance="$RUN/instance" "$RUN/s"
	while read -r cloud id ref public all; do
		described "$id" "$ref" 10.77.60.4 10.77.60.9
		facts "$RUN/$cloud" 9 "$RUN/s"
		is ".facts | .provider == \"$cloud\" and .instanceId == \"$id\" and (.name | startswith(\"rt-9\"))" \
			".facts.nics[0] | .mac == \"52:54:00:aa:bb:cc\" and (.nicRef // \"-\") == \"$ref\"" \
			".facts.nics[0] | .addresses == $all and .subnet == \"10.77.60.0/24\"" \
			".facts.nics[0] | (.publicAddress // \"-\") == \"$public\"" '.userDataBytes == 14'
		described "$id" "$ref" 10.77.60.5
		facts "$RUN/$cloud" 9 "$RUN/s"
		is '.facts.nics[0].addresses == ["10.77.60.5"]'
	done <<-'END'
		azure 02aab8a4-74ef-476e-8182-f6d2ba4166a7 - 203.0.113.20 ["10.77.60.4","10.77.60.9"]
		aws i-0123456789abcdef9 eni-0123456789abcdef9 203.0.113.20 ["10.77.60.4","10.77.60.9"]
		oci ocid1.instance.oc1.phx.aaaa ocid1.vnic.oc1.phx.aaaa - ["10.77.60.4"]
	END
}

busy() { # busy FAULT: s of processor in 4 s
	local TIMEFORMAT='%U %S'
	{
		time timeout 20 "$FACTS" --root "$RUN/azure" --deadline 4 --metadata "$(url "$RUN/$1")" \
			>/dev/null 2>&1 || true
	} 2>&1 | awk '{ print $1 + $2 }'
}

@test "waiting for a service takes no processor" {
	local fault
	services "$RUN/mute" "$RUN/404.0" "$RUN/drip"
	for fault in mute 404.0 drip; do
		echo $fault >"$RUN/$fault/fault"
		busy $fault >"$RUN/$fault.busy" 3>&- 4>&- &
	done
	until_ok test -s "$RUN/mute.busy" -a -s "$RUN/404.0.busy" -a -s "$RUN/drip.busy"
	cat "$RUN"/*.busy
	[ "$(awk '$1 < 1' "$RUN"/*.busy | wc -l)" -eq 3 ]
	[ "$(requests "$RUN/404.0")" -le 20 ]
}

# ---- by which way -----------------------------------------------------------------------------

# two_networks: r with eth0, where the provider is, and eth1, where a neighbour has its address.
# What they serve names them: "right" and "wrong".
two_networks() {
	site_new r right wrong
	wire r eth0 right eth0
	wire r eth1 wrong eth0
	on r ip addr add 10.1.0.2/24 dev eth0
	on r ip addr add 10.2.0.2/24 dev eth1
	on right ip addr add 10.1.0.1/24 dev eth0
	on wrong ip addr add 10.2.0.1/24 dev eth0
	for site in right wrong; do
		on $site ip addr add 169.254.169.254/32 dev eth0
		service $site "$RUN/$site" 169.254.169.254 $site
	done
	for cloud in $CLOUDS; do
		mkdir -p "$RUN/$cloud/sys/class"
	done
}

@test "the service is asked by the NIC of the default route, whatever other routes say" {
	two_networks
	on r ip route add default via 10.1.0.1 dev eth0 metric 100
	on r ip route add default via 10.2.0.1 dev eth1 metric 200
	on r ip route add 169.254.169.254/32 dev eth1
	for cloud in $CLOUDS; do
		facts_at r "$RUN/$cloud" 9
		[ "$status" -eq 0 ]
		is '.facts.name | startswith("right")'
	done
	[ "$(requests "$RUN/wrong")" -eq 0 ]
	# The NIC is not that of a name, or the first: the other way round the other one answers.
	on r ip route replace default via 10.2.0.1 dev eth1 metric 50
	facts_at r "$RUN/oci" 9
	is '.facts.name == "wrong"'
}

@test "without a default route it is waited for, and then the only route to the service serves" {
	two_networks
	on r ip route add 169.254.169.254/32 dev eth1 # taken at once it would be the wrong one
	(
		sleep 1.5
		on r ip route add default via 10.1.0.1 dev eth0
	) 3>&- 4>&- &
	facts_at r "$RUN/oci" 14
	is '.facts.name == "right"'
	wait $!
	on r ip route del default
	on r ip route del 169.254.169.254/32
	on r ip route add 169.254.0.0/16 dev eth0
	facts_at r "$RUN/oci" 8
	is '.facts.name == "right"'
	on r ip route add 169.254.169.254/32 dev eth1
	facts_at r "$RUN/oci" 2
	[ "$status" -eq 1 ]
	[[ $stderr == *"no default route, and no route to it"*"ip route"* ]]
	[ "$(requests "$RUN/wrong")" -eq 0 ]
}

@test "where IPv4 does not connect, AWS and OCI are asked by IPv6" {
	site_new r right
	wire r eth0 right eth0
	on r ip addr add 10.1.0.2/24 dev eth0
	on r ip addr add fd00:1::2/64 dev eth0 nodad
	on right ip addr add fd00:1::1/64 dev eth0 nodad
	on r ip route add default via 10.1.0.1 dev eth0
	on r ip route add fd00::/8 via fd00:1::1 dev eth0
	local pair
	for pair in aws=fd00:ec2::254 oci=fd00:c1::a9fe:a9fe; do
		on right ip addr add "${pair#*=}/128" dev lo nodad
		service right "$RUN/${pair%=*}6" "${pair#*=}" "six-${pair%=*}"
		facts_at r "$RUN/${pair%=*}" 15
		[ "$status" -eq 0 ]
		is ".facts | .provider == \"${pair%=*}\" and (.name | startswith(\"six-\"))"
	done
}

@test "on a Proxmox host a neighbour with a cloud's address is never asked who we are" {
	site_new r wrong
	wire r eth0 wrong eth0
	on r ip addr add 10.2.0.2/24 dev eth0
	on wrong ip addr add 10.2.0.1/24 dev eth0
	on wrong ip addr add 169.254.169.254/32 dev eth0
	on r ip route add default via 10.2.0.1 dev eth0
	service wrong "$RUN/wrong" 169.254.169.254 wrong
	picture "$RUN/pve"
	echo QEMU >"$RUN/pve/sys/class/dmi/id/sys_vendor"
	echo ec2ff8bc-38f2-4e30-9f4c-7a58df5aa2c1 >"$RUN/pve/sys/class/dmi/id/product_uuid" # by chance
	facts_at r "$RUN/pve" 2
	[ "$status" -eq 3 ] # neither disk nor cloud
	cidata "$RUN/pve" cidata
	facts_at r "$RUN/pve" 2
	is '.facts | .provider == "nocloud" and .source == "disk"'
	facts_at r "$RUN/oci" 9 # it would have answered
	is '.facts.name == "wrong"'
	[ "$(requests "$RUN/wrong" '.path | startswith("/opc/v2/") | not')" -eq 0 ]
}

# ---- disks and seeds --------------------------------------------------------------------------

cidata() { # cidata ROOT LABEL
	mkdir -p "$1/dev/disk/by-label/$2"
	echo 'instance-id: 9dd2b1' >"$1/dev/disk/by-label/$2/meta-data"
	printf '#cloud-config\nhostname: x\n' >"$1/dev/disk/by-label/$2/user-data"
}

@test "a cidata disk, a seed and the firmware's serial are NoCloud" {
	local at
	picture "$RUN/a" && cidata "$RUN/a" CIDATA
	facts "$RUN/a" 1
	is '.facts | .provider == "nocloud" and .source == "disk" and .instanceId == "9dd2b1"' '.userDataBytes == 26'
	echo 'local-hostname: pve-rt' >>"$RUN/a/dev/disk/by-label/CIDATA/meta-data"
	facts "$RUN/a" 1
	is '.facts.name == "pve-rt"'
	: >"$RUN/a/dev/disk/by-label/CIDATA/meta-data" # PVE's may be empty, or not there
	facts "$RUN/a" 1
	is '.facts | .provider == "nocloud" and (has("instanceId") | not)'
	rm "$RUN/a/dev/disk/by-label/CIDATA/"*
	facts "$RUN/a" 1
	is '.facts.provider == "nocloud"' 'has("userDataBytes") | not'
	for at in nocloud nocloud-net; do
		picture "$RUN/$at"
		mkdir -p "$RUN/$at/var/lib/cloud/seed/$at"
		facts "$RUN/$at" 1
		[ "$status" -eq 3 ] # an empty folder is none
		echo 'instance-id: seeded' >"$RUN/$at/var/lib/cloud/seed/$at/meta-data"
		facts "$RUN/$at" 1
		is '.facts | .provider == "nocloud" and .source == "seed" and .instanceId == "seeded"'
	done
	picture "$RUN/serial"
	echo 'ds=nocloud;i=abc;h=pve-rt;s=http://10.0.0.1/' >"$RUN/serial/sys/class/dmi/id/product_serial"
	facts "$RUN/serial" 1
	is '.facts | .provider == "nocloud" and .instanceId == "abc" and .name == "pve-rt"' \
		'.warnings | contains("not fetched")'
}

@test "a config drive is read" {
	local at=$RUN/a/dev/disk/by-label/config-2/openstack/latest
	picture "$RUN/a"
	mkdir -p "$at"
	echo '{"uuid": "83679162-1378-4288-a2d4-70e13ec132aa", "name": "router", "availability_zone": "nova"}' \
		>"$at/meta_data.json"
	facts "$RUN/a" 1
	is '.facts | .provider == "configdrive" and .name == "router" and .zone == "nova"' \
		'.facts.instanceId == "83679162-1378-4288-a2d4-70e13ec132aa"' 'has("userDataBytes") | not'
	echo '#cloud-config' >"$at/user_data"
	facts "$RUN/a" 1
	is '.userDataBytes == 14'
	echo nonsense >"$at/meta_data.json"
	facts "$RUN/a" 1
	[ "$status" -eq 1 ]
	[[ $stderr == "configdrive: the disk config-2: meta_data.json is not JSON; write it anew" ]]
}

@test "nothing is read through a link, from a FIFO, or without an end, and bad YAML has its place" {
	local at=$RUN/a/dev/disk/by-label/cidata
	picture "$RUN/a" && cidata "$RUN/a" cidata
	fails_with() {
		facts "$RUN/a" 1
		[ "$status" -eq 1 ]
		[[ $stderr == *"$1"* ]]
	}
	echo secret >"$RUN/secret"
	ln -sf "$RUN/secret" "$at/user-data" && fails_with "user-data cannot be read: it is a link"
	ln -sf ../../../../../secret "$at/user-data" && fails_with "it is a link"
	rm "$at/user-data" && mkfifo "$at/user-data" && fails_with "it is no plain file"
	rm "$at/user-data" && mkdir "$at/user-data" && fails_with "it is no plain file"
	rmdir "$at/user-data" && truncate -s 4194305 "$at/user-data" && fails_with "longer than 4 MiB"
	truncate -s 4194304 "$at/user-data"
	facts "$RUN/a" 1
	is '.userDataBytes == 4194304'
	printf 'instance-id: a\n\tx: [' >"$at/meta-data" && fails_with "meta-data:2:"
	printf -- '- a\n' >"$at/meta-data" && fails_with "meta-data is no map"
}

@test "a disk that comes late is waited for, and then no longer" {
	picture "$RUN/a" && rm -r "$RUN/a/dev"
	picture "$RUN/b" && cidata "$RUN/b" cidata
	mkdir "$RUN/a/dev"
	(
		sleep 0.7 # each folder by itself, as udev makes them
		mkdir "$RUN/a/dev/disk"
		sleep 0.3
		mkdir "$RUN/a/dev/disk/by-label"
		sleep 0.3
		mv "$RUN/b/dev/disk/by-label/cidata" "$RUN/a/dev/disk/by-label/"
	) 3>&- 4>&- &
	SECONDS=0
	facts "$RUN/a" 20
	is '.facts | .provider == "nocloud" and .instanceId == "9dd2b1"'
	wait $!
	((SECONDS < 12)) # it was seen as it came
	picture "$RUN/c"
	facts "$RUN/c" 1
	[ "$status" -eq 3 ]
	# A machine that is long up does not wait at all.
	(($(cut -d. -f1 /proc/uptime) > 40)) || skip "this machine has just started"
	timeout 5 "$FACTS" --root "$RUN/c" || [ $? -eq 3 ]
}

# device FILE: a loop device of it, in $LOOP; it is $RUN/a's cidata
device() {
	LOOP=$(losetup --find --show "$1") || skip "no loop devices here"
	mkdir -p "$RUN/a/dev/disk/by-label"
	ln -s "$LOOP" "$RUN/a/dev/disk/by-label/cidata"
}

@test "a disk is mounted where nobody sees it, read-only" {
	local before
	picture "$RUN/a" && cidata "$RUN/b" cidata
	truncate -s 4M "$RUN/disk"
	mkfs.ext4 -q -L cidata -d "$RUN/b/dev/disk/by-label/cidata" "$RUN/disk"
	before=$(sha256sum <"$RUN/disk")
	device "$RUN/disk"
	facts "$RUN/a" 1
	is '.facts | .source == "disk" and .instanceId == "9dd2b1"' '.userDataBytes == 26'
	[ "$(sha256sum <"$RUN/disk")" = "$before" ]
	run ! grep "$LOOP" /proc/self/mountinfo
}

@test "a disk that cannot be mounted says with what it was tried" {
	picture "$RUN/a"
	truncate -s 1M "$RUN/disk"
	device "$RUN/disk"
	facts "$RUN/a" 1
	[ "$status" -eq 1 ]
	[[ $stderr == *"cidata cannot be mounted (iso9660: "*", vfat: "*", ext4: "*", udf: "*"); write it anew"* ]]
}

# ---- cloud-init -------------------------------------------------------------------------------

@test "where the service does not answer, what cloud-init kept of it is taken if it is complete" {
	local kept=$RUN/azure/run/cloud-init/instance-data-sensitive.json
	services "$RUN/s" "$RUN/off"
	echo 403 >"$RUN/off/fault"
	python3 -c 'import sys, urllib.request as u; print(u.urlopen(u.Request(sys.argv[1] +
		"/metadata/instance?api-version=2021-08-01&extended=true", headers={"Metadata": "true"})).read().decode())' \
		"$(url "$RUN/s")" >"$RUN/imds.json"
	jq '{v1: {cloud_name: "azure", cloud_id: "azure-china", instance_id: .compute.vmId},
		ds: {meta_data: {imds: .}}}' "$RUN/imds.json" >"$kept"
	facts "$RUN/azure" 3 "$RUN/off"
	is '.facts | .source == "cloud-init" and .nics[1].addresses == ["10.20.0.4", "10.20.0.9"]' \
		'.userDataBytes == 40' '.warnings | startswith("taken from cloud-init") and contains("HTTP 403")'
	jq 'del(.ds.meta_data.imds.network)' "$kept" >"$RUN/part.json" && mv "$RUN/part.json" "$kept"
	facts "$RUN/azure" 3 "$RUN/off"
	[ "$status" -eq 1 ]
	[[ $stderr == *"HTTP 403"*"what cloud-init kept is not complete: the document has no network.interface"* ]]
	jq '{v1: {cloud_name: "nocloud", cloud_id: "nocloud"}, ds: {meta_data: {imds: .}}}' "$RUN/imds.json" >"$kept"
	facts "$RUN/azure" 3 "$RUN/off"
	[ "$status" -eq 1 ]
	[[ $stderr != *cloud-init* ]]
}

@test "of cloud-init's data AWS's is used, Oracle's never, and what differs is told" {
	local kept=run/cloud-init/instance-data.json
	services "$RUN/s" "$RUN/off"
	echo 403 >"$RUN/off/fault"
	cat >"$RUN/aws/$kept" <<-'END'
		{"v1": {"cloud_name": "aws", "cloud_id": "aws", "instance_id": "i-0aa"}, "ds": {"meta-data": {
		"instance-id": "i-0aa", "placement": {"region": "eu-west-1"}, "public-ipv4": "54.1.2.3",
		"network": {"interfaces": {"macs": {
		"0e:49:61:0f:c3:77": {"device-number": "1", "interface-id": "eni-0123456789abcdef1", "local-ipv4s": "10.30.1.5"},
		"0e:49:61:0f:c3:11": {"device-number": 0, "interface-id": "eni-0123456789abcdef0",
		"local-ipv4s": ["10.30.0.5", "10.30.0.9"]}}}}}}}
	END
	echo aws >"$RUN/aws/run/cloud-init/cloud-id"
	echo '#cloud-config' >"$RUN/aws/var/lib/cloud/instance/user-data.txt"
	facts "$RUN/aws" 3 "$RUN/off"
	is '.facts | .source == "cloud-init" and .instanceId == "i-0aa" and .region == "eu-west-1"' '.userDataBytes == 14' \
		'.facts.nics[0] | .nicRef == "eni-0123456789abcdef0" and .addresses == ["10.30.0.5", "10.30.0.9"]' \
		'.facts.nics | .[0].publicAddress == "54.1.2.3" and .[1].addresses == ["10.30.1.5"]'
	facts "$RUN/aws" 9 "$RUN/s"
	is '.facts | .source == "metadata" and .instanceId == "i-0123456789abcdef0"' \
		'.warnings | contains("cloud-init took this machine for i-0aa")'
	sed -i 's/"interface-id": "[^"]*1", //' "$RUN/aws/$kept"
	facts "$RUN/aws" 3 "$RUN/off"
	[ "$status" -eq 1 ]
	[[ $stderr == *"not complete: it has a NIC without its interface-id"* ]]
	echo '{"v1": {"cloud_name": "oracle", "instance_id": "ocid1.instance.x"}, "ds": {"meta_data": {"id": "x"}}}' \
		>"$RUN/oci/$kept"
	facts "$RUN/oci" 3 "$RUN/off"
	[ "$status" -eq 1 ]
}

@test "Azure's customData comes from cloud-init, of this cloud only" {
	services "$RUN/old"
	echo old >"$RUN/old/fault"
	printf '#cloud-config\ncustom: 1\n' >"$RUN/azure/var/lib/cloud/instance/user-data.txt"
	facts "$RUN/azure" 9 "$RUN/old"
	is 'has("userDataBytes") | not'
	echo nocloud >"$RUN/azure/run/cloud-init/cloud-id"
	facts "$RUN/azure" 9 "$RUN/old"
	is 'has("userDataBytes") | not'
	echo azure-gov >"$RUN/azure/run/cloud-init/cloud-id"
	facts "$RUN/azure" 9 "$RUN/old"
	is '.userDataBytes == 24'
}

# ---- NICs -------------------------------------------------------------------------------------

# nic ROOT NAME INDEX MAC [MASTER]: in a picture of /sys; one of a device
nic() {
	local at=$1/sys/class/net/$2
	mkdir -p "$at"
	echo "$3" >"$at/ifindex"
	echo "$4" >"$at/address"
	echo 1500 >"$at/mtu"
	echo 1 >"$at/type"
	printf 'INTERFACE=%s\nIFINDEX=%s\n' "$2" "$3" >"$at/uevent"
	ln -s ../../../devices/some "$at/device"
	[ -z "${5-}" ] || ln -s "../$5" "$at/master"
}

@test "what the provider lists is joined by MAC to the guest's NICs, of a pair the synthetic one" {
	services "$RUN/s"
	rm "$RUN/azure/proc" && mkdir -p "$RUN/azure/proc/net"
	printf 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n' >"$RUN/route"
	cp "$RUN/route" "$RUN/azure/proc/net/route"
	nic "$RUN/azure" enP1s1 3 00:0d:3a:f8:06:ec eth0
	nic "$RUN/azure" eth0 4 00:0d:3a:f8:06:ec
	nic "$RUN/azure" eth1 2 00:0d:3a:f8:06:ed
	echo 9000 >"$RUN/azure/sys/class/net/eth0/mtu"
	facts "$RUN/azure" 9 "$RUN/s"
	is '.facts.nics | map(.name) == ["eth1", "eth0"]' '.facts.nics[1].mtu == 9000' 'has("warnings") | not'
	# The primary one is the default route's; Azure's order says nothing.
	printf 'eth0\t00000000\t0100140A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n' >>"$RUN/route"
	printf 'eth1\t00000000\t0101140A\t0003\t0\t0\t200\t00000000\t0\t0\t0\n' >>"$RUN/route"
	cp "$RUN/route" "$RUN/azure/proc/net/route"
	facts "$RUN/azure" 9 "$RUN/s"
	is '.facts.nics | map(.name) == ["eth0", "eth1"]'
	rm -r "$RUN/azure/sys/class/net/eth1"
	facts "$RUN/azure" 9 "$RUN/s"
	is '.facts.nics | length == 2' '.warnings == "this machine has no NIC 00:0d:3a:f8:06:ed, which the provider lists"'
}

@test "who says nothing of NICs has the guest's, with their addresses" {
	site_new r peer
	wire r eth0 peer eth0
	wire r eth1 peer eth1
	on r ip addr add 10.2.0.2/24 dev eth1
	on r ip addr add 10.2.0.7/32 dev eth1
	on r ip addr add fd00:2::2/64 dev eth1 nodad
	on r ip link add br0 type bridge
	on r ip route add default via 10.2.0.1 dev eth1
	picture "$RUN/a" && cidata "$RUN/a" cidata
	mkdir "$RUN/sysfs"
	on r mount -t sysfs sys "$RUN/sysfs"
	ln -s "$RUN/sysfs/class/net" "$RUN/a/sys/class/net"
	facts_at r "$RUN/a" 1
	is '.facts.nics | map(.name) == ["eth1", "eth0"]' \
		'.facts.nics[0] | .addresses == ["10.2.0.2", "10.2.0.7", "fd00:2::2"] and .subnet == "10.2.0.0/24"' \
		'.facts.nics[0] | .mtu == 1500 and .nicRef == .mac'
	# Where there is one of a device, those made up do not count.
	rm "$RUN/a/sys/class/net"
	nic "$RUN/a" eth1 7 02:00:00:00:00:07
	nic "$RUN/a" veth1 8 02:00:00:00:00:08
	rm "$RUN/a/sys/class/net/veth1/device"
	facts_at r "$RUN/a" 1
	is '.facts.nics | map(.name) == ["eth1"]' '.facts.nics[0].mac == "02:00:00:00:00:07"'
}
