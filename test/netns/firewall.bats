# What doctor says of the host's firewall and of tables left behind, and that its remedies,
# run as they are, help.

load ../lib/bats

doctor() { # doctor SITE [FILE]: the two areas into $RUN/doctor.json; $status is doctor's
	router "$1" doctor -f "${2:-$RUN/r.yaml}" -o json >/dev/null
	jq '[.checks[] | select(.area == "firewall" or .area == "nft")]' <<<"$output" \
		>"$RUN/doctor.json"
	jq -r '.[] | [.area, .name, .status, .detail, .remedy] | @tsv' "$RUN/doctor.json"
}

field() { # field NAME FIELD: of the checks of that name, one a line
	jq -r --arg name "$1" --arg field "$2" '.[] | select(.name == $name) | .[$field] // "" |
		if . == "" then "-" else . end' \
		"$RUN/doctor.json"
}

says() { # says NAME STATUS
	[ "$(field "$1" status | sort -u)" = "$2" ]
}

follow() { # follow SITE: every remedy once, by sh
	local remedy
	while read -r remedy; do
		echo "remedy: $remedy"
		on "$1" sh -c "$remedy" </dev/null
	done < <(jq -r '[.[].remedy | select(. != null and . != "")] | unique[]' "$RUN/doctor.json")
}

ruled() { # ruled: a router that has applied, in default state
	one_host
	on r ip route add default via 10.77.60.1
	on r "$ROUTERCTL" apply -f "$RUN/r.yaml" >/dev/null
}

# /etc/iptables/rules.v4 of OCI's Ubuntu images.
oci() {
	cat <<-END
		*filter
		:INPUT ACCEPT [0:0]
		:FORWARD ACCEPT [0:0]
		:OUTPUT ACCEPT [463:49013]
		:InstanceServices - [0:0]
		-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
		-A INPUT -p icmp -j ACCEPT
		-A INPUT -i lo -j ACCEPT
		-A INPUT -p udp --sport 123 -m comment --comment "time, of our own asking" -j ACCEPT
		-A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -m comment --comment "ssh" -j ACCEPT
		-A INPUT -j REJECT --reject-with icmp-host-prohibited
		-A FORWARD -j REJECT --reject-with icmp-host-prohibited
		-A OUTPUT -d 169.254.0.0/16 -j InstanceServices
		-A InstanceServices -d 169.254.0.2/32 -p tcp -m owner --uid-owner 0 -m tcp --dport 3260 -m comment --comment "See the Oracle-Provided Images section" -j ACCEPT
		-A InstanceServices -d 169.254.169.254/32 -p udp -m udp --dport 53 -m comment --comment "See the Oracle-Provided Images section" -j ACCEPT
		-A InstanceServices -d 169.254.0.0/16 -p tcp -m tcp -m comment --comment "See the Oracle-Provided Images section" -j REJECT --reject-with tcp-reset
		-A InstanceServices -d 169.254.0.0/16 -p udp -m udp -m comment --comment "See the Oracle-Provided Images section" -j REJECT --reject-with icmp-port-unreachable
		COMMIT
	END
}

@test "no firewall: all gets through, nothing is left behind" {
	ruled
	doctor r
	[ "$status" -eq 0 ]
	says listen-port pass
	says forward pass
	says own-table pass
	says stale-table pass
}

oci_by() { # oci_by VARIANT TABLE: finds, remedies, finds nothing
	ruled
	oci | on r "iptables-$1-restore"
	before=$(on r "iptables-$1" -S)
	doctor r
	[ "$status" -eq 0 ]
	says listen-port warn
	says forward warn
	[[ $(field listen-port detail) == *"rule 6 "*"of chain INPUT in table $2 rejects it (icmp-host-prohibited)" ]]
	[[ $(field forward detail) == *"rule 1 "*"of chain FORWARD in table $2 rejects it (icmp-host-prohibited)" ]]
	[ "$(field listen-port remedy)" = "iptables-$1 -I INPUT 6 -p udp --dport 51820 -j ACCEPT" ]
	[ "$(field forward remedy)" = "iptables-$1 -I FORWARD 1 -i lan0 -o wg-hybrid -j ACCEPT && iptables-$1 -I FORWARD 1 -i wg-hybrid -o lan0 -j ACCEPT" ]
	[ "$(on r "iptables-$1" -S)" = "$before" ]

	follow r
	doctor r
	says listen-port pass
	says forward pass
	after=$(on r "iptables-$1" -S)
	[ "$(grep -c 'A FORWARD' <<<"$after")" -eq 3 ]
	[ "$(grep 'A FORWARD' <<<"$after" | tail -n 1)" = '-A FORWARD -j REJECT --reject-with icmp-host-prohibited' ]
	[ "$(grep -n 'A INPUT' <<<"$after" | grep -A1 -e '--dport 51820 -j ACCEPT' | grep -c REJECT)" -eq 1 ]
	[ "$(grep -c InstanceServices <<<"$after")" -eq 6 ]
	follow r # nothing left to do
	[ "$(on r "iptables-$1" -S)" = "$after" ]
}

@test "OCI's rules by iptables-nft: the place, the exact commands, and then it passes" {
	oci_by nft 'ip filter'
}

@test "OCI's rules by legacy iptables: the same" {
	oci_by legacy 'filter of iptables-legacy'
}

@test "packets agree: OCI's rules stop them, the remedies let them through" {
	ruled
	oci | on r iptables-nft-restore
	on peer ip addr add 10.77.60.1/24 dev lan0
	heard() { # a datagram from the LAN to the tunnel's port, as the rules count it
		on peer sh -c 'echo x | socat - UDP4-SENDTO:10.77.60.2:51820' 2>/dev/null
		on r iptables-nft -nvxL INPUT | awk '/REJECT/ { print $1 }'
	}
	first=$(heard)
	[ "$first" -gt 0 ]
	doctor r
	follow r
	[ "$(heard)" -eq "$first" ]
}

@test "rules that are saved are saved again" {
	ruled
	on r mkdir -p /run/etc/up/iptables /run/etc/work
	on r mount -t overlay etc -o lowerdir=/etc,upperdir=/run/etc/up,workdir=/run/etc/work /etc
	oci | on r tee /etc/iptables/rules.v4 >/dev/null
	on r sh -c 'iptables-nft-restore </etc/iptables/rules.v4'
	doctor r
	[[ $(field forward remedy) == *' && '*save* ]]
	[[ $(field listen-port remedy) == *' && '*save* ]]
}

@test "both at once: OCI's rules in nf_tables and in legacy need both told" {
	ruled
	oci | on r iptables-nft-restore
	oci | on r iptables-legacy-restore
	doctor r
	[[ $(field listen-port remedy) == *iptables-nft*iptables-legacy* || \
		$(field listen-port remedy) == *iptables-legacy*iptables-nft* ]]
	follow r
	doctor r
	says listen-port pass
	says forward pass
}

# By a table: RULE behind which all UDP is dropped, and what doctor then says.
verdicts() { # verdicts COMMAND-PREFIX: lines of "STATUS RULE" on standard input
	local want rule wrong=0
	while read -r want rule; do
		on r sh -c "$1 -F INPUT && $1 -A INPUT $rule && $1 -A INPUT -p udp -j DROP"
		doctor r >/dev/null
		says listen-port "$want" && continue
		echo "$1: $rule: $(field listen-port status), not $want: $(field listen-port detail)"
		wrong=1
	done
	return "$wrong"
}

iptables_rules() {
	cat <<-'END'
		pass -p udp --dport 51820 -j ACCEPT
		warn -p udp --dport 51821 -j ACCEPT
		warn -p udp ! --dport 51820 -j ACCEPT
		pass -p udp ! --dport 51821 -j ACCEPT
		pass -p udp --dport 50000:52000 -j ACCEPT
		warn -p udp --dport 50000:51819 -j ACCEPT
		warn -p tcp --dport 51820 -j ACCEPT
		pass ! -p tcp -j ACCEPT
		pass -p udp -m multiport --dports 500,4500,51820 -j ACCEPT
		warn -p udp -m multiport --dports 500,4500 -j ACCEPT
		pass -p udp -m multiport --dports 500,51000:52000 -j ACCEPT
		warn -p udp -m multiport ! --dports 500,51000:52000 -j ACCEPT
		pass -p udp -m multiport --sports 51820 -j ACCEPT
		pass -i lan0 -j ACCEPT
		pass -i lan+ -j ACCEPT
		warn -i wan+ -j ACCEPT
		warn -i lan -j ACCEPT
		warn ! -i lan0 -j ACCEPT
		pass ! -i wan0 -j ACCEPT
		pass -s 203.0.113.20 -j ACCEPT
		pass -s 203.0.112.0/23 -j ACCEPT
		pass -s 203.0.113.16/28 -j ACCEPT
		warn -s 203.0.114.0/23 -j ACCEPT
		warn ! -s 203.0.113.20 -j ACCEPT
		pass -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
		warn -m conntrack --ctstate ESTABLISHED -j ACCEPT
		pass -m conntrack ! --ctstate ESTABLISHED -j ACCEPT
		pass -m state --state NEW -j ACCEPT
		warn -m state --state ESTABLISHED,RELATED -j ACCEPT
		warn -m comment --comment 'says -j ACCEPT' -j LOG
		warn -m comment --comment accept
		skip -m conntrack --ctstate NEW --ctorigdstport 51820 -j ACCEPT
		skip -m limit --limit 3/s -j ACCEPT
		skip -m mark --mark 7 -j ACCEPT
		warn -m mark --mark 7 -p tcp -j ACCEPT
	END
}

@test "conditions of iptables-nft are understood" {
	ruled
	iptables_rules | verdicts iptables-nft
}

@test "conditions of legacy iptables are understood" {
	ruled
	iptables_rules | verdicts iptables-legacy
}

@test "jumps, gotos and returns of iptables are followed, and the place in a chain of its own is named" {
	ruled
	for variant in nft legacy; do
		on r sh -ec "
			i=iptables-$variant
			\$i -N one; \$i -N two; \$i -N three
			\$i -A INPUT -p udp -j one
			\$i -A INPUT -j ACCEPT
			\$i -A one -p udp --dport 53 -j RETURN
			\$i -A one -g two
			\$i -A two -m comment --comment first
			\$i -A two -p udp --dport 51820 -j three
			\$i -A three -s 198.51.100.0/24 -j RETURN
			\$i -A three -j DROP"
		doctor r
		says listen-port warn
		[[ $(field listen-port detail) == *'rule 2 '*'of chain three in table '*filter*' drops it' ]]
		[ "$(field listen-port remedy)" = "iptables-$variant -I three 2 -p udp --dport 51820 -j ACCEPT" ]
		follow r
		doctor r
		says listen-port pass
		on r sh -c "iptables-$variant -F; iptables-$variant -X"
	done
}

@test "a policy that is met by way of a goto: the command goes before that" {
	ruled
	on r sh -ec 'i=iptables-nft
		$i -N side
		$i -A INPUT -p udp -g side
		$i -A INPUT -j ACCEPT
		$i -A side -p udp --dport 53 -j ACCEPT
		$i -P INPUT DROP'
	doctor r
	[[ $(field listen-port detail) == *"rule 1 (handle "*") of chain INPUT in table ip filter drops it (by the chain's policy)" ]]
	[ "$(field listen-port remedy)" = 'iptables-nft -I INPUT 1 -p udp --dport 51820 -j ACCEPT' ]
	follow r
	doctor r
	says listen-port pass
}

@test "policies of iptables, both kinds: the command goes to the end, also of an empty chain" {
	ruled
	for variant in nft legacy; do
		on r sh -ec "iptables-$variant -P FORWARD DROP; iptables-$variant -P INPUT DROP
			iptables-$variant -A INPUT -i lo -j ACCEPT"
		doctor r
		[ "$(field listen-port remedy)" = "iptables-$variant -I INPUT 2 -p udp --dport 51820 -j ACCEPT" ]
		[[ $(field forward remedy) == "iptables-$variant -I FORWARD 1 -i lan0 "* ]]
		follow r
		doctor r
		says listen-port pass
		says forward pass
	done
}

@test "a table of nft's own making is told by nft, though it has a name of iptables'" {
	ruled
	on r nft -f - <<-'END'
		table ip filter {
			chain forward {
				type filter hook forward priority 0; policy drop;
			}
			chain input {
				type filter hook input priority 0; policy accept;
				jump rest
			}
			chain rest {
				drop
			}
		}
	END
	doctor r
	[[ $(field listen-port remedy) == 'nft insert rule ip filter rest handle '*' udp dport 51820 accept' ]]
	[[ $(field forward remedy) == 'nft add rule ip filter forward '* ]]
	follow r
	doctor r
	says listen-port pass
	says forward pass
}

@test "an endpoint of IPv6 is asked of the rules for IPv6" {
	ENDPOINT="'[2001:db8::20]:51820'" one_host
	on r ip addr add 2001:db8:1::2/64 dev lan0 nodad
	on r ip route add default via 2001:db8:1::1 dev lan0
	on r "$ROUTERCTL" apply -f "$RUN/r.yaml" >/dev/null
	oci | on r iptables-nft-restore # not asked
	for variant in nft legacy; do
		on r sh -ec "i=ip6tables-$variant
			\$i -A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
			\$i -A INPUT -p ipv6-icmp -j ACCEPT
			\$i -A INPUT -s 2001:db8:2::/48 -j ACCEPT
			\$i -A INPUT -j REJECT --reject-with icmp6-adm-prohibited"
		doctor r
		says listen-port warn
		[ "$(field listen-port remedy)" = "ip6tables-$variant -I INPUT 4 -p udp --dport 51820 -j ACCEPT" ]
		follow r
		doctor r
		says listen-port pass
	done
	on r nft -f - <<-'END'
		table inet filter {
			chain input {
				type filter hook input priority 0; policy drop;
				ip6 saddr 2001:db8::/120 udp dport 51820 accept
			}
		}
	END
	doctor r
	says listen-port pass
}

nft_verdicts() { # lines of "STATUS RULE": before all UDP is dropped
	local want rule wrong=0
	while read -r want rule; do
		on r nft -f - <<-END
			table inet filter
			delete table inet filter
			table inet filter {
				chain one { udp dport 51820 return; accept; }
				chain two { udp dport 51820 accept; }
				chain input {
					type filter hook input priority 0; policy accept;
					$rule
					meta l4proto udp drop
				}
			}
		END
		doctor r >/dev/null
		says listen-port "$want" && continue
		echo "$rule: $(field listen-port status), not $want: $(field listen-port detail)"
		wrong=1
	done
	return "$wrong"
}

@test "conditions of nftables are understood" {
	ruled
	nft_verdicts <<-'END'
		pass udp dport 51820 accept
		warn udp dport != 51820 accept
		pass udp dport { 51820 } accept
		pass udp dport { 1-100, 51000-52000, 60000-65535 } accept
		warn udp dport { 1-100, 51000-51819, 51821-65535 } accept
		pass udp dport >= 51820 accept
		warn udp dport > 51820 accept
		pass udp dport < 51821 accept
		warn udp dport <= 51819 accept
		pass udp dport 51000-52000 accept
		warn udp dport != 51000-52000 accept
		pass th dport 51820 accept
		pass iifname "lan0" accept
		pass iifname "lan*" accept
		pass iif lan0 accept
		warn iif != lan0 accept
		warn iif lo accept
		pass iifname { "eth0", "lan0" } accept
		warn iifname "lan" accept
		pass iifname . udp dport { "lan0" . 51820, "eth0" . 53 } accept
		warn iifname . udp dport { "lan0" . 53, "eth0" . 51820 } accept
		pass ip saddr . udp dport { 203.0.113.0/24 . 51000-52000 } accept
		warn ip saddr . udp dport { 203.0.114.0/24 . 51000-52000 } accept
		pass ip saddr 203.0.113.0/24 accept
		pass ip saddr 203.0.113.16/28 accept
		warn ip saddr 203.0.113.32/28 accept
		pass ip saddr { 10.0.0.0/8, 203.0.113.0/28, 203.0.113.16-203.0.113.20 } accept
		warn ip saddr { 10.0.0.0/8, 203.0.113.0/28, 203.0.113.21-203.0.113.30 } accept
		warn ip6 saddr ::/0 accept
		warn meta nfproto ipv6 accept
		pass meta nfproto ipv4 udp dport 51820 accept
		pass ip protocol udp accept
		pass meta protocol ip accept
		pass ct state new accept
		pass ct state { new, established } accept
		warn ct state established,related accept
		pass ct state vmap { established : drop, new : accept }
		pass ct state vmap { established : drop, new : jump two }
		warn ct state vmap { established : accept, new : jump one }
		warn ct status dnat accept
		pass ct direction original accept
		pass udp dport vmap { 22 : drop, 51820 : accept }
		pass udp dport vmap { 22 : drop, * : accept }
		pass fib daddr type local accept
		pass meta pkttype host accept
		warn jump one
		pass goto one
		pass jump two
		warn counter log prefix "x " meta mark set 5
		skip meta mark 5 accept
		skip limit rate 5/second accept
		skip ip ttl 64 accept
		pass ip frag-off & 0x1fff == 0 accept
		skip ip daddr 10.77.60.2 accept
	END
}

debian() {
	cat <<-'END'
		table inet filter {
			set blocklist {
				type ipv4_addr; flags interval
				elements = { 203.0.113.0/28, 192.0.2.7 }
			}
			chain input {
				type filter hook input priority filter; policy drop;
				ct state vmap { invalid : drop, established : accept, related : accept }
				iif lo accept
				ip saddr @blocklist drop
				meta l4proto { icmp, ipv6-icmp } accept
				tcp dport { 22, 80, 443 } accept
				udp dport { 546, 5353 } limit rate 5/second accept
				counter comment "what is left"
			}
			chain forward {
				type filter hook forward priority filter; policy drop;
				ct state established,related accept
				iifname vmap { "eth7" : goto away, "eth8" : jump away }
				iifname . oifname { "eth1" . "eth2", "eth3" . "eth4" } accept
				log prefix "dropped "
			}
			chain away {
				drop
			}
		}
	END
}

@test "a default-drop nftables ruleset: found by its policies, and rules added there help" {
	ruled
	debian | on r nft -f -
	doctor r
	[ "$status" -eq 0 ]
	says listen-port warn
	says forward warn
	[[ $(field listen-port detail) == *'the policy of chain input in table inet filter drops it' ]]
	[ "$(field listen-port remedy)" = 'nft add rule inet filter input udp dport 51820 accept' ]
	[[ $(field forward detail) == *'the policy of chain forward in table inet filter drops it' ]]
	follow r
	doctor r
	says listen-port pass
	says forward pass
	[ "$(on r nft list chain inet filter forward | grep -c wg-hybrid)" -eq 2 ]
}

@test "a set with the port in it lets it in; one without does not" {
	ruled
	debian | sed 's/{ 22, 80, 443 }/{ 22 }/; s/udp dport { 546/udp dport { 51820, 53 } accept\n&/' | on r nft -f -
	doctor r
	says listen-port pass
	says forward warn
}

@test "a block by rule, in a chain of its own and behind a blocklist: the command goes before it" {
	ruled
	debian | sed 's/203.0.113.0.28/203.0.113.0\/26/; s/"eth8" : jump away/"lan0" : jump away/' |
		on r nft -f -
	doctor r
	says listen-port warn
	[[ $(field listen-port detail) == *'rule 3 (handle '*' of chain input in table inet filter drops it' ]]
	[[ $(field listen-port remedy) == 'nft insert rule inet filter input handle '*' udp dport 51820 accept' ]]
	[[ $(field forward detail) == *'rule 1 (handle '*' of chain away in table inet filter drops it, then the policy of chain forward'* ]]
	follow r
	doctor r
	says listen-port pass
	says forward pass
}

@test "every base chain that blocks is named, in the order in which they are asked" {
	ruled
	on r nft -f - <<-'END'
		table inet late {
			chain f {
				type filter hook forward priority 20; policy accept;
				iifname "lan0" reject with icmpx type admin-prohibited
			}
		}
		table ip early {
			chain f {
				type filter hook forward priority -20; policy drop;
			}
		}
	END
	doctor r
	says forward warn
	[[ $(field forward detail) == *'early drops it'*'late rejects it'* ]]
	follow r
	doctor r
	says forward pass
}

@test "what doctor cannot judge is skipped with the place, not guessed" {
	ruled
	on r nft -f - <<-'END'
		table inet filter {
			chain forward {
				type filter hook forward priority 0; policy drop;
				meta mark 7 accept
			}
		}
	END
	doctor r
	says forward skip
	[[ $(field forward detail) == *'depends on rule 1 (handle '*' of chain forward in table inet filter'* ]]
	[ "$(field forward remedy)" = - ]
}

@test "tables of bridge, netdev and the other family, and dormant ones, are not in the way" {
	ruled
	on r nft -f - <<-'END'
		table bridge b {
			chain f {
				type filter hook forward priority 0; policy drop;
			}
		}
		table netdev n {
			chain i {
				type filter hook ingress device "lan0" priority 0; policy accept;
				udp dport 51820 drop
			}
		}
		table ip6 six {
			chain f {
				type filter hook forward priority 0; policy drop;
			}
			chain i {
				type filter hook input priority 0; policy drop;
			}
		}
		table ip dead {
			flags dormant
			chain f {
				type filter hook forward priority 0; policy drop;
			}
		}
	END
	doctor r
	says listen-port pass
	says forward pass
	says stale-table pass
}

@test "a stale routerd_filter that drops: both areas say so, one command removes it" {
	ruled
	on r nft -f - <<-'END'
		table inet routerd_filter {
			chain forward {
				type filter hook forward priority 0; policy drop;
				ct state established,related accept
			}
		}
	END
	doctor r
	[ "$status" -eq 1 ]
	says stale-table fail
	says forward warn
	[ "$(field stale-table remedy)" = 'nft delete table inet routerd_filter' ]
	[ "$(field forward remedy)" = 'nft delete table inet routerd_filter' ]
	follow r
	doctor r
	[ "$status" -eq 0 ]
	says stale-table pass
	says forward pass
	says own-table pass
}

@test "tables by our mark and by names like ours are found; harmless ones are a warning" {
	ruled
	on r nft -f - <<-'END'
		table ip routerd_x {
			chain c {
				accept
			}
		}
		table netdev other {
			comment "routerd:v1:0123456789abcdef"
		}
		table inet router {
			comment "made by hand"
		}
	END
	doctor r
	[ "$status" -eq 0 ]
	says stale-table warn
	[ "$(field stale-table remedy | sort)" = "$(printf '%s\n' 'nft delete table ip routerd_x' 'nft delete table netdev other')" ]
	follow r
	doctor r
	says stale-table pass
	on r nft list table inet router >/dev/null
}

@test "our own table: missing, foreign and edited, each with what puts it right" {
	ruled
	on r nft delete table inet routerd_mss
	doctor r
	[ "$status" -eq 1 ]
	says own-table fail
	[ "$(field own-table remedy)" = "routerctl apply -f $RUN/r.yaml" ]
	on r nft add table inet routerd_mss
	doctor r
	says own-table fail
	[ "$(field own-table remedy)" = "nft delete table inet routerd_mss && routerctl apply -f $RUN/r.yaml" ]
	says stale-table pass
	on r nft delete table inet routerd_mss
	on r "$ROUTERCTL" apply -f "$RUN/r.yaml"
	on r nft add rule inet routerd_mss forward drop
	doctor r
	says own-table warn
	says forward warn
	[ "$(field own-table remedy)" = "routerctl apply -f $RUN/r.yaml" ]
	[ "$(field forward remedy)" = "routerctl apply -f $RUN/r.yaml" ]
	on r "$ROUTERCTL" apply -f "$RUN/r.yaml"
	doctor r
	says own-table pass
	says forward pass
}

@test "a cloud router keeps clients from its metadata, or is told how" {
	one_host
	on r ip route add default via 10.77.60.1
	sed "s|/etc/routerd/keys|$RUN/keys|" "$EXAMPLES/cloud.yaml" >"$RUN/cloud.yaml"
	on r "$ROUTERCTL" apply -f "$RUN/cloud.yaml" >/dev/null
	doctor r "$RUN/cloud.yaml"
	says metadata warn
	[ "$(field metadata status | wc -l)" -eq 2 ] # Azure has a second address
	[[ $(field forward detail) == 'what is forwarded between lan0 and wg-hybrid gets through' ]]
	follow r
	doctor r "$RUN/cloud.yaml"
	says metadata pass
	says forward pass

	on r nft flush ruleset
	on r "$ROUTERCTL" apply -f "$RUN/cloud.yaml" >/dev/null
	oci | on r iptables-nft-restore
	doctor r "$RUN/cloud.yaml"
	says metadata pass # all is rejected still
	says forward warn
	follow r
	doctor r "$RUN/cloud.yaml"
	says forward pass
	says metadata warn
	follow r
	doctor r "$RUN/cloud.yaml"
	says metadata pass
	says forward pass
	says listen-port pass
}

@test "HybridRoutes: what comes from any interface is asked for" {
	ruled
	cat >>"$RUN/r.yaml" <<-END
		---
		apiVersion: hybrid.routerd.net/v1alpha1
		kind: HybridRoute
		metadata: { name: far }
		spec: { destinationCIDRs: [10.99.0.0/16], peerRef: cloud }
	END
	on r "$ROUTERCTL" apply -f "$RUN/r.yaml" >/dev/null
	oci | on r iptables-nft-restore
	doctor r
	[[ $(field forward remedy) == *'-o wg-hybrid -j ACCEPT && iptables-nft -I FORWARD 1 -i wg-hybrid -j ACCEPT'* ]]
	follow r
	doctor r
	says forward pass
}

@test "an interface's name is quoted for sh and for nft" {
	one_host
	on r ip link set lan0 down
	on r ip link set lan0 name 'vlan.7@a'
	on r ip link set 'vlan.7@a' up
	sed -i 's/interface: lan0/interface: vlan.7@a/' "$RUN/r.yaml"
	on r "$ROUTERCTL" apply -f "$RUN/r.yaml" >/dev/null
	debian | on r nft -f -
	doctor r
	[[ $(field forward remedy) == *"iifname '\"vlan.7@a\"' oifname '\"wg-hybrid\"' accept"* ]]
	follow r
	doctor r
	says forward pass
}

@test "without root the firewall is skipped, in words" {
	ruled
	run on r setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all \
		env ASAN_OPTIONS=detect_leaks=0 "$ROUTERCTL" doctor -f - -o json <"$RUN/r.yaml"
	jq '[.checks[] | select(.area == "firewall" or .area == "nft")]' <<<"$output" >"$RUN/doctor.json"
	jq -c '.[]' "$RUN/doctor.json"
	[ "$(jq -r '.[].status' "$RUN/doctor.json" | sort -u)" = skip ]
	[ "$(jq -r '.[].detail' "$RUN/doctor.json" | grep -c 'root')" -ge 2 ]
}

@test "10,000 claims are one pair, in no time" {
	one_host
	base >"$RUN/many.yaml"
	for ((i = 0; i < 10000; i++)); do
		printf -- '---\napiVersion: hybrid.routerd.net/v1alpha1\nkind: RemoteAddressClaim\nmetadata: { name: c%d }\nspec: { domainRef: lab, address: 10.78.%d.%d/32, ownerSide: cloud, capture: { type: proxy-arp, interface: lan0 } }\n' \
			"$i" "$((i / 250))" "$((i % 250 + 1))"
	done >>"$RUN/many.yaml"
	sed -i 's|10.77.60.0/24|10.78.0.0/16|' "$RUN/many.yaml"
	oci | on r iptables-nft-restore
	doctor r "$RUN/many.yaml"
	[ "$(field forward status)" = warn ]
}
