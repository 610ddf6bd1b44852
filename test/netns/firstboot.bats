# First boot, from a picture of a machine to a running router, and what may come in between.

bats_require_minimum_version 1.5.0
load ../lib/bats
load ../lib/firstboot

@test "a machine with a configuration in user-data: all ten steps, and it waits for the other" {
	machine_new
	systemd
	resources | inline
	first
	[ "$status" -eq 2 ]
	[ "$(on r jq -r '.steps[].name' /run/routerd/firstboot.json | paste -sd ' ')" = \
		"platform metadata identity key publish config prerequisites install service report" ]
	for s in platform metadata identity key publish config prerequisites install service; do
		step $s done
	done
	step report waiting cloud-rt
	reported '.result == "waiting" and .node == "pve-rt" and .provider == "nocloud"'
	on r test -s $EXPORT/pve-rt.pub
	on r jq -e '.nics[0] | .name == "lan0" and .mtu == 1500 and .addresses == ["10.77.60.2"]' \
		/run/routerd/node.json
	[ "$(on r stat -c %a /run/routerd/user-data /etc/routerd/keys/wg-hybrid.key \
		/etc/routerd/router.yaml | paste -sd ' ')" = "600 600 640" ]
	resources | on r cmp - /etc/routerd/router.yaml
	[ "$(grep -c . "$RUN/calls")" -eq 1 ]
	grep -qx 'enable --now --no-block routerd.service' "$RUN/calls"

	for words in 'node pve-rt: public key .* fingerprint' 'first boot waits: node pve-rt on nocloud' \
		'next: carry .* to cloud-rt'; do
		on r grep -q "^routerd: $words" /dev/console
	done
	run -0 on r "$ROUTERCTL" get node
	[[ $output == *lan0*pve-rt* || $output == *pve-rt*lan0* ]]
	[[ $output == *prerequisites*done* ]]
}

@test "the second run finds all done, touches nothing, and does not tell the console again" {
	machine_new
	systemd
	resources | inline
	first
	on r "$ROUTERCTL" apply
	first
	before=$(on r find /etc/routerd /var/lib/routerd /run/routerd -type f ! -name firstboot.json \
		-printf '%p %i %T@\n' | sort)
	told=$(on r cat /dev/console | wc -l)
	first
	[ "$status" -eq 2 ]
	[ "$before" = "$(on r find /etc/routerd /var/lib/routerd /run/routerd -type f ! -name firstboot.json \
		-printf '%p %i %T@\n' | sort)" ]
	[ "$told" -eq "$(on r cat /dev/console | wc -l)" ]
	[ "$(grep -c . "$RUN/calls")" -eq 1 ]

	# After a reboot /run is empty, and the console is told anew.
	on r rm -r /run/routerd
	first
	[ "$(on r cat /dev/console | wc -l)" -gt "$told" ]
	on r jq -e .nics[0].mac /run/routerd/node.json
}

@test "the other's export comes: nothing has to be run again, and the next run says done" {
	machine_new
	resources | inline
	first
	[ "$status" -eq 2 ]
	daemon r
	echo "$FAR_KEY" | on r sh -c 'cat >/etc/routerd/peers/cloud-rt.pub'
	until_ok on r sh -c 'ip route show 10.77.60.7 dev wg-hybrid | grep -q .'
	on r ip neigh show proxy dev lan0 | grep -q 10.77.60.7
	first
	[ "$status" -eq 0 ]
	step report done
	reported '.result == "done" and .next == null'
}

@test "no configuration: the key is published all the same, and a disk that comes later is used" {
	machine_new
	echo 'node: pve-rt' | user_data
	first
	[ "$status" -eq 2 ]
	step config waiting 'ROUTERD_CONFIG'
	step install done 'nothing to install'
	published=$(on r cat $EXPORT/pve-rt.pub)
	on r grep -q '^routerd: next: give it a configuration' /dev/console
	[ "$(on r wg pubkey </dev/null 2>/dev/null)" != "$published" ]
	[ "$(on r sh -c 'wg pubkey </etc/routerd/keys/wg-hybrid.key')" = "$published" ]
	run -0 on r "$ROUTERCTL" export
	[[ $output == *"publicKey: \"$published\""* ]]

	# Under another name: the old one goes.
	echo 'node: pve-2' | user_data
	first
	[ "$(on r ls $EXPORT)" = "$(printf 'pve-2.pub\npve-2.yaml')" ]
	echo 'node: pve-rt' | user_data
	first

	mkdir -p "$RUN/picture/dev/disk/by-label/ROUTERD_CONFIG"
	resources /etc/routerd/keys/other/name.key \
		>"$RUN/picture/dev/disk/by-label/ROUTERD_CONFIG/router.yaml"
	first
	[ "$status" -eq 2 ]
	step config done 'ROUTERD_CONFIG'
	# The key that was published is the one in use, under the name it has there.
	[ "$(on r cat $EXPORT/pve-rt.pub)" = "$published" ]
	[ "$(on r sh -c 'wg pubkey </etc/routerd/keys/other/name.key')" = "$published" ]
	on r test ! -e /etc/routerd/keys/wg-hybrid.key
	[ "$(on r stat -c %h /etc/routerd/keys/other/name.key)" -eq 1 ]
	[ "$(on r stat -c %a /etc/routerd/keys/other)" = 700 ]
}

@test "a key of its own that the configuration names stays, and is what is published then" {
	machine_new
	echo 'node: pve-rt' | user_data
	first
	published=$(on r cat $EXPORT/pve-rt.pub)
	on r sh -c 'umask 077; mkdir -p /etc/routerd/keys; wg genkey >/etc/routerd/keys/mine.key'
	resources /etc/routerd/keys/mine.key | inline
	first
	[ "$(on r cat $EXPORT/pve-rt.pub)" = "$(on r sh -c 'wg pubkey </etc/routerd/keys/mine.key')" ]
	[ "$(on r sh -c 'wg pubkey </etc/routerd/keys/wg-hybrid.key')" = "$published" ]
}

@test "the key is on the console while the configuration is still being fetched" {
	machine_new
	printf 'node: pve-rt\nconfig_url: https://10.77.60.99/x\nconfig_sha256: %s\n' \
		"$(sha256sum </dev/null | cut -c1-64)" | user_data
	on r timeout 60 "$FIRST" --root "$RUN/picture" >/dev/null 2>&1 3>&- 4>&- &
	until_ok on r grep -q '^routerd: node pve-rt: public key ' /dev/console
	until_ok on r pgrep -f '^routerd-fetch'
	run ! on r test -e /run/routerd/firstboot.json
}

@test "what the console has no room for at the moment is told when it has" {
	machine_new
	resources | inline
	on r sh -c 'umount /dev/console && mkfifo /dev/shm/full && mount --bind /dev/shm/full /dev/console'
	on r sleep infinity <>"/proc/${SITE[r]}/root/dev/console" 3>&- 4>&- &
	run ! on r dd if=/dev/zero of=/dev/console bs=4k count=100 oflag=nonblock
	on r timeout 60 "$FIRST" --root "$RUN/picture" >/dev/null 2>&1 3>&- 4>&- &
	until_ok on r test -s $EXPORT/pve-rt.pub
	sleep 0.2 # it has tried by then
	on r timeout 5 cat /dev/console >"$RUN/told" || :
	grep -aq 'routerd: node pve-rt: public key .* fingerprint' "$RUN/told"
	grep -aq 'routerd: first boot waits' "$RUN/told"
}

@test "a digest that does not fit stops hard; what is in force stays; the right one goes on" {
	machine_new
	resources | inline
	first
	resources "" lan0 >"$RUN/picture/new.yaml"
	url="config_url: file:///new.yaml"
	wrong=$(sha256sum </dev/null | cut -c1-64)
	printf 'node: pve-rt\n%s\nconfig_sha256: %s\n' "$url" "$wrong" | user_data
	first --deadline 5
	[ "$status" -eq 1 ]
	step config failed "${wrong:0:12}"
	step install done 'stays'
	resources | on r cmp - /etc/routerd/router.yaml
	on r grep -q '^routerd: first boot could not find the configuration' /dev/console

	right=$(sha256sum "$RUN/picture/new.yaml" | cut -c1-64)
	printf 'node: pve-rt\n%s\nconfig_sha256: %s\n' "$url" "$right" | user_data
	first --deadline 5
	[ "$status" -eq 2 ]
	on r cmp "$RUN/picture/new.yaml" /etc/routerd/router.yaml

	# It need not be fetched again: the URL may have expired since.
	rm "$RUN/picture/new.yaml"
	first --deadline 5
	[ "$status" -eq 2 ]
	step config done 'installed before'
}

@test "who edits the configuration keeps his edit, until the source says something else" {
	machine_new
	resources | inline
	first
	on r sh -c 'echo "# by hand" >>/etc/routerd/router.yaml'
	first
	[ "$status" -eq 2 ]
	step install done 'changed here since'
	on r grep -q 'by hand' /etc/routerd/router.yaml

	resources '' lan0 | inline
	first
	has_not on r grep -q 'by hand' /etc/routerd/router.yaml
	on r sh -c 'grep -q "by hand" /etc/routerd/router.yaml.before-first-boot-*'
	step install done 'before-first-boot'
}

@test "what was there before the first run is kept beside" {
	machine_new
	resources /etc/routerd/keys/old.key | on r sh -c 'cat >/etc/routerd/router.yaml'
	resources | inline
	first
	[ "$status" -eq 2 ]
	on r sh -c 'grep -q old.key /etc/routerd/router.yaml.before-first-boot-*'
	resources | on r cmp - /etc/routerd/router.yaml
}

@test "a configuration with faults is refused with its places, and what is in force stays" {
	machine_new
	resources | inline
	first
	resources | sed 's/domainRef: lab/domainRef: laboratory/; s/role: cloud/role: clod/' | inline
	first
	[ "$status" -eq 1 ]
	step install failed 'has faults'
	[[ $output == *"no AddressMobilityDomain is named 'laboratory'"* ]]
	[[ $output == *"'clod'"* ]]
	resources | on r cmp - /etc/routerd/router.yaml

	# Without fault by itself, but not beside what is in conf.d.
	on r mkdir -p /etc/routerd/conf.d
	on r sh -c "cat >/etc/routerd/conf.d/more.yaml" <<-END
		apiVersion: net.routerd.net/v1alpha1
		kind: IPv4StaticAddress
		metadata: { name: overlay2 }
		spec: { interface: wg-hybrid, address: 10.252.0.3/32 }
	END
	resources | sed 's/metadata: { name: overlay }/metadata: { name: overlay2 }/' | inline
	first
	[ "$status" -eq 1 ]
	step install failed /etc/routerd/conf.d/more.yaml
	first
	[ -z "$(on r sh -c 'ls /etc/routerd/*.before-first-boot-* 2>/dev/null')" ]
	resources | on r cmp - /etc/routerd/router.yaml
	on r rm /etc/routerd/conf.d/more.yaml
	first
	[ "$status" -eq 2 ]
	on r grep -q overlay2 /etc/routerd/router.yaml
}

@test "faults of user-data are told with their places; nothing of it is used" {
	machine_new
	printf 'node: pve-rt\nconfig_ulr: http://x/\n' | user_data
	first
	[ "$status" -eq 1 ]
	step config failed config_ulr
	[[ $output == *:6:*config_ulr* ]]
	on r test -s "$EXPORT/$(hostname -s).pub"
	on r test ! -e /run/routerd/user-data
}

@test "a private key in user-data is refused, and is nowhere afterwards" {
	machine_new
	secret=$(wg genkey)
	resources | sed "s|selfNodeRef: pve-rt|privateKey: $secret|" | inline
	first
	[ "$status" -eq 1 ]
	[[ $output == *"private key"* ]]
	[[ $output != *"$secret"* ]]
	has_not on r grep -rqF "$secret" /etc/routerd /var/lib/routerd /run/routerd /dev/console
}

@test "a dry run says what would be done, and does nothing" {
	machine_new
	systemd
	resources | inline
	first --dry-run
	[[ $output == *platform*nocloud* ]]
	[[ $output == *'would be made'* ]]
	[[ $output == *install*'changes to make'* ]]
	[ -z "$(on r find /etc/routerd /var/lib/routerd /run/routerd -mindepth 1 2>/dev/null)" ]
	[ ! -s "$RUN/calls" ]
}

@test "a service that somebody disabled stays disabled" {
	machine_new
	systemd
	resources | inline
	first
	: >"$RUN/calls"
	resources '' lan0 | inline
	first
	[ ! -s "$RUN/calls" ]
	step service done 'before'
}

@test "systemctl fails: told, and tried again the next time" {
	machine_new
	systemd
	printf '#!/bin/sh\necho "Failed to enable: no bus" >&2\nexit 1\n' >"$RUN/bin/systemctl"
	resources | inline
	first
	[ "$status" -eq 1 ]
	step service failed 'no bus'
	systemd
	first
	[ "$status" -eq 2 ]
	grep -q enable "$RUN/calls"
}

@test "an exchange in user-data is set up, once, for root alone" {
	machine_new
	systemd
	{
		printf 'node: pve-rt\nexchange:\n  publish: {url: "https://bucket.example/a?sig=hunter2"}\n'
		printf '  seal: signature\n'
	} | user_data
	first
	[ "$(on r stat -c %a /etc/routerd/exchange.yaml)" = 600 ]
	on r grep -q 'bucket.example/a?sig=hunter2' /etc/routerd/exchange.yaml
	grep -q 'routerd-exchange.timer' "$RUN/calls"
	on r grep -qF "signing key of its exchange $(on r "${FIRST%/*}/routerd-exchange" --show)" /dev/console
	[[ $output != *hunter2* ]]
	has_not on r grep -q hunter2 /dev/console /run/routerd/firstboot.json /run/routerd/node.json
	[ "$(on r stat -c %a /run/routerd/user-data)" = 600 ]
	on r sh -c 'echo "# by hand" >>/etc/routerd/exchange.yaml'
	first
	on r grep -q 'by hand' /etc/routerd/exchange.yaml
}

@test "a key is never taken for a second name of itself: other paths, links, another file system" {
	local keys=/etc/routerd/keys
	machine_new
	echo 'node: pve-rt' | user_data
	first
	key=$(on r cat $keys/wg-hybrid.key)
	resources /etc/routerd//keys/wg-hybrid.key | inline
	first
	first
	[ "$(on r cat $keys/wg-hybrid.key)" = "$key" ]

	on r sh -c "mv $keys /etc/routerd/real && ln -s real $keys"
	resources /etc/routerd/real/wg-hybrid.key | inline
	first
	first
	[ "$(on r cat /etc/routerd/real/wg-hybrid.key)" = "$key" ]

	on r sh -c "ln -s wg-hybrid.key /etc/routerd/real/current.key"
	resources $keys/current.key | inline
	first
	first
	[ "$status" -eq 2 ]
	[ "$(on r cat /etc/routerd/real/wg-hybrid.key)" = "$key" ]

	# Where no link can be made, and while conf.d needs the old name.
	on r sh -c "rm -r /etc/routerd/* /var/lib/routerd/* && mkdir -p $keys/far && mount -t tmpfs far $keys/far"
	echo 'node: pve-rt' | user_data
	first
	key=$(on r cat $keys/wg-hybrid.key)
	resources $keys/far/name.key | inline
	first
	[ "$status" -eq 2 ]
	[ "$(on r cat $keys/far/name.key)" = "$key" ]
	on r test ! -e $keys/wg-hybrid.key
	[ "$(on r stat -c %a $keys/far/name.key)" = 600 ]
}

@test "another file named as a key stays what it is" {
	machine_new
	on r sh -c 'umask 077; seq 100 >/etc/routerd/precious'
	resources /etc/routerd/precious | inline
	first
	[ "$status" -eq 1 ]
	on r sh -c 'seq 100 | cmp - /etc/routerd/precious'
	[ -z "$(on r sh -c 'ls -d /etc/routerd/precious?* 2>/dev/null')" ]
}

@test "a configuration in conf.d alone counts: its key is the one published" {
	machine_new
	echo 'node: pve-rt' | user_data
	on r mkdir -p /etc/routerd/conf.d
	resources /etc/routerd/keys/mine.key | on r sh -c 'cat >/etc/routerd/conf.d/a.yaml'
	first
	[ "$status" -eq 2 ]
	step config done 'stays'
	[ "$(on r cat $EXPORT/pve-rt.pub)" = "$(on r sh -c 'wg pubkey </etc/routerd/keys/mine.key')" ]
	on r test ! -e /etc/routerd/keys/wg-hybrid.key
}

@test "user-data that is broken later on changes neither name nor key" {
	machine_new
	echo 'node: cloud-9' | user_data
	first
	key=$(on r cat $EXPORT/cloud-9.pub)
	printf 'node: cloud-9\nconfig_ulr: x\n' | user_data
	first
	[ "$status" -eq 1 ]
	[ "$(on r ls $EXPORT)" = "$(printf 'cloud-9.pub\ncloud-9.yaml')" ]
	[ "$(on r cat $EXPORT/cloud-9.pub)" = "$key" ]
}

@test "what is no plain file holds nothing up" {
	local file
	machine_new
	resources | inline
	for file in /etc/routerd/router.yaml /etc/routerd/node /run/routerd/node.json \
		/run/routerd/firstboot.json /run/routerd/user-data /var/lib/routerd/firstboot.json \
		/var/lib/routerd/node.json; do
		on r sh -c "find /etc/routerd /var/lib/routerd /run/routerd -mindepth 1 -delete
			mkdir -p ${file%/*} && mkfifo $file"
		run timeout 20 nsenter --target "${SITE[r]}" --net --mount --pid -- "$FIRST" \
			--root "$RUN/picture"
		[ "$status" -ne 124 ]
		echo "$file"
		on r timeout 10 "$ROUTERCTL" get node || true
		on r timeout 10 "$ROUTERCTL" validate || true
	done
}

@test "a stranger's text reaches nobody raw" {
	machine_new
	printf 'instance-id: "a\\nMAINPID=1\\e[31m"\nlocal-hostname: "b\\nX=1"\n' >"$RUN/$SEED/meta-data"
	resources | inline
	socat -u UNIX-RECVFROM:"$RUN/notify",fork OPEN:"$RUN/notified",creat,append 3>&- 4>&- &
	until_ok test -S "$RUN/notify"
	run -2 on r env NOTIFY_SOCKET="$RUN/notify" "$FIRST" --root "$RUN/picture"
	until_ok grep -q STATUS= "$RUN/notified"
	kill %%
	run ! grep -q '^MAINPID' "$RUN/notified"
	run ! on r grep -q $'\e' /dev/console
}

@test "a copied disk on another machine: another key, set aside and told" {
	machine_new
	dmi() { # of the machine itself: whose the keys are is never read from a picture
		on r sh -c "mountpoint -q /sys/class || mount -t tmpfs class /sys/class
			mkdir -p /sys/class/dmi/id; echo $1 >/sys/class/dmi/id/product_uuid"
	}
	dmi 11111111-2222-3333-4444-555555555555
	resources | inline
	first
	key=$(on r cat $EXPORT/pve-rt.pub)
	# An edit of cloud-init's settings is another instance, and the same machine.
	echo 'instance-id: another' >"$RUN/$SEED/meta-data"
	first
	[ "$(on r cat $EXPORT/pve-rt.pub)" = "$key" ]

	dmi 11111111-2222-3333-4444-666666666666
	first
	[ "$(on r cat $EXPORT/pve-rt.pub)" != "$key" ]
	step identity done 'copy of another machine'
	on r sh -c 'ls /etc/routerd/keys/wg-hybrid.key.clone-*'
}

@test "a disk that is full: nothing is half done, and the next run is whole" {
	machine_new
	resources | inline
	on r mount -t tmpfs -o size=16k small /etc/routerd
	on r sh -c 'head -c 16k /dev/zero >/etc/routerd/ballast || true'
	first
	[ "$status" -eq 1 ]
	on r test ! -s /etc/routerd/router.yaml
	[[ $output == *'No space left'* ]]
	on r rm /etc/routerd/ballast
	first
	[ "$status" -eq 2 ]
	resources | on r cmp - /etc/routerd/router.yaml
}

@test "two runs at once: one does the work, the other says so" {
	machine_new
	resources | inline
	on r mkdir -p /run/routerd
	on r flock /run/routerd/firstboot.lock sleep 5 3>&- 4>&- &
	until_ok on r sh -c '! flock -n /run/routerd/firstboot.lock true'
	first
	[ "$status" -eq 1 ]
	[[ $output == *'another run is at it'* ]]
	wait $!
	first
	[ "$status" -eq 2 ]
}

# on_cloud CLOUD: r is a machine there, whose service says what docs/providers has for it
on_cloud() {
	local net=$RUN/picture/sys/class/net/lan0 dmi=$RUN/picture/sys/class/dmi/id
	machine_new
	rm -r "$RUN/picture/dev"
	ln -s /proc "$RUN/picture/proc"
	on r ip route add default via 10.77.60.1
	case $1 in
	azure) echo 7783-7084-3265-9085-8269-3286-77 >"$dmi/chassis_asset_tag" ;;
	aws) echo 'Amazon EC2' >"$dmi/sys_vendor" ;;
	oci) echo OracleCloud.com >"$dmi/chassis_asset_tag" ;;
	gcp) echo 'Google Compute Engine' >"$dmi/product_name" ;;
	esac
	echo "$2" >"$net/address"
	mkdir -p "$RUN/picture/usr/lib/python3/dist-packages/cloudinit" "$RUN/picture/etc/cloud/cloud.cfg.d"
	echo '__VERSION__ = "25.1.4"' >"$RUN/picture/usr/lib/python3/dist-packages/cloudinit/version.py"
	mkdir "$RUN/service"
	inline_for "$3" >"$RUN/user-data"
	on r python3 "$ROOT/test/lib/metadata.py" --user-data "$RUN/user-data" --name rt-7 \
		"$RUN/service" >"$RUN/service.log" 2>&1 3>&- 4>&- &
	until_ok test -e "$RUN/service/port"
}

inline_for() { # inline_for PREFIX: user-data whose configuration leaves to the machine what it knows
	{
		printf '#cloud-config\nrouterd:\n  install_packages: false\n  config: |\n'
		resources '' auto | sed -e "s|10.77.60|$1|g" -e 's/selfNodeRef: pve-rt/endpoint: auto/' \
			-e 's/type: proxy-arp, /type: provider-secondary-ip, nicRef: auto, /' | sed 's/^/    /'
	}
}

@test "each cloud: facts, key, configuration and what is auto in it, from its service" {
	while read -r cloud mac prefix public ref; do
		on_cloud "$cloud" "$mac" "$prefix"
		echo "$cloud"
		first --metadata "http://127.0.0.1:$(cat "$RUN/service/port")"
		[ "$status" -eq 2 ]
		[ "$(on r grep -c "^routerd: node rt-7[.:]" /dev/console)" -ge 1 ]
		reported ".provider == \"$cloud\""
		on r jq -e --arg c "$cloud" '.provider == $c and .source == "metadata" and .region and
			.nics[0].name == "lan0"' /run/routerd/node.json
		[ "$ref" = - ] || on r grep -qF "$ref" /run/routerd/node.json
		run -0 on r "$ROUTERCTL" export
		if [ "$public" = - ]; then
			[[ $output != *endpoint:* ]]
		else
			[[ $output == *"endpoint: \"$public:51820\""* ]]
		fi
		echo "$FAR_KEY" | on r sh -c 'cat >/etc/routerd/peers/cloud-rt.pub'
		run -0 on r "$ROUTERCTL" render -o json
		[[ $output == *conf/lan0/send_redirects* ]]
		[ "$cloud" != aws ] || grep -q apply_full "$RUN"/picture/etc/cloud/cloud.cfg.d/95-routerd-*
		# Its service is silent at the next boot: all that was there stays.
		on r sh -c 'rm -r /run/routerd'
		first --metadata http://127.0.0.1:9 --deadline 2
		[ "$status" -eq 1 ]
		step metadata failed 'no connection'
		step publish done fingerprint
		step config done 'stays'
		# And so does what it knew of itself.
		run -0 on r "$ROUTERCTL" render -o json
		[[ $output == *conf/lan0/send_redirects* ]]
		run -0 on r "$ROUTERCTL" export
		[ "$public" = - ] || [[ $output == *"endpoint: \"$public:51820\""* ]]
		run on r "$ROUTERCTL" doctor -o json host
		jq -e '.checks[] | select(.name == "first-boot") | .status == "fail"' <<<"$output"
		[ "$cloud" != aws ] || grep -q apply_full "$RUN"/picture/etc/cloud/cloud.cfg.d/95-routerd-*
		site_end
		rm -r "$RUN/picture" "$RUN/service"
	done <<-'END'
		azure 00:0d:3a:f8:06:ec 10.20.0 20.50.1.2 -
		aws 0e:49:61:0f:c3:11 10.30.0 54.1.2.3 eni-
		oci 02:00:17:05:d1:db 10.40.0 - ocid1.vnic.
		gcp 42:01:0a:32:00:04 10.50.0 34.1.2.3 nic0
	END
}

@test "the user-data that the documentation shows for each provider makes a router" {
	local page runs=0
	cp "$EXAMPLES/cloud.yaml" "$BATS_TEST_TMPDIR/cloud.yaml"
	for page in "$ROOT"/docs/providers/*.md; do
		machine_new
		cp "$RUN/cloud.yaml" "$RUN/picture"
		awk '/^```yaml user-data/ { on = 1; next } /^```/ { on = 0 } on' "$page" |
			sed -e 's/^      node: .*/&\n      install_packages: false/' \
				-e 's|config_url: .*|config_url: file:///cloud.yaml|' \
				-e "s|config_sha256: .*|config_sha256: $(sha256sum <"$RUN/cloud.yaml" | cut -c1-64)|" \
				>"$RUN/$SEED/user-data"
		first
		[ "$status" -eq 2 ]
		step install done 'without fault'
		on r "$ROUTERCTL" validate
		on r sh -c "ls $EXPORT/*.pub"
		runs=$((runs + 1))
		site_end
		rm -r "$RUN/picture"
	done
	[ "$runs" -ge 5 ]
}

# shown PAGE: the user-data in it
shown() {
	awk '/^```yaml user-data/ { on = 1; next } /^```/ { on = 0 } on' "$ROOT/docs/providers/$1.md" |
		sed 's/^      node: .*/&\n      install_packages: false/'
}

@test "Azure and Proxmox VE as documented: one file carried each way, and the clients talk" {
	pair_new
	mkdir -p "$RUN/or/dev/disk/by-label/cidata" "$RUN/cr/dev/disk/by-label/cidata"
	shown proxmox >"$RUN/or/dev/disk/by-label/cidata/user-data"
	shown azure >"$RUN/cr/dev/disk/by-label/cidata/user-data"
	for site in cr or; do
		echo 'instance-id: 1' >"$RUN/$site/dev/disk/by-label/cidata/meta-data"
		run -2 on $site "$FIRST" --root "$RUN/$site"
		daemon $site
	done
	for way in cr:cloud-rt:or or:pve-rt:cr; do
		IFS=: read -r from node to <<<"$way"
		on "$from" "$ROUTERCTL" export >"$RUN/$node.yaml"
		run -0 on "$to" "$ROUTERCTL" import "$RUN/$node.yaml"
	done
	until_ok on oc ping -c 1 -W 1 10.77.60.7
	until_ok on cc ping -c 1 -W 1 10.77.60.9
	run -0 on or "$FIRST" --root "$RUN/or"
}

@test "kill -9 at every write and rename: run again, the same end, no key lost or twice" {
	machine_new
	resources /etc/routerd/keys/other.key | inline
	echo 'node: pve-rt' >"$RUN/name"
	local call n key kills=0
	# What the first run, which finds no configuration, published must be what ends up in use.
	mv "$RUN/$SEED/user-data" "$RUN/with-config"
	user_data <"$RUN/name"
	first
	key=$(on r cat $EXPORT/pve-rt.pub)
	on r sh -c 'cp -a /etc/routerd /run/etc && cp -a /var/lib/routerd /run/lib'
	cp "$RUN/with-config" "$RUN/$SEED/user-data"
	first
	state_of | grep -v 'firstboot.json$' >"$RUN/whole"

	for call in rename linkat link unlink fsync openat vfork,clone,clone3; do
		for ((n = 1; n < 400; n += (call[0] == o ? 5 : 1))); do
			on r sh -c 'find /etc/routerd /var/lib/routerd -mindepth 1 -delete
				cp -a /run/etc/. /etc/routerd && cp -a /run/lib/. /var/lib/routerd'
			run on r env ASAN_OPTIONS=detect_leaks=0 "PATH=$PATH" strace -qq -o /dev/null \
				-e trace="$call" -e inject="$call:signal=KILL:when=$n" \
				"$FIRST" --root "$RUN/picture"
			[ "$status" -eq 137 ] || break
			kills=$((kills + 1))
			first
			[ "$status" -eq 2 ]
			state_of | grep -v 'firstboot.json$' | diff "$RUN/whole" - || {
				echo "killed at $call $n"
				return 1
			}
			[ "$(on r cat $EXPORT/pve-rt.pub)" = "$key" ]
		done
	done
	echo "$kills kills"
	[ "$kills" -gt 15 ]
}
