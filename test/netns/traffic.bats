# What it is all for: two sites, one subnet.

load ../lib/bats

@test "the example pair: ping, TCP and source address both ways, over a path that swallows big packets" {
	pair_new
	pair_configs
	pair_black_hole 1420
	before=$(on cc ip route; on oc ip route)
	apply_pair

	pings cc 10.77.60.9
	pings oc 10.77.60.7
	[ "$(transfer cc oc 10.77.60.9 8 20)" = 10.77.60.7 ]
	[ "$(transfer oc cc 10.77.60.7 8 20)" = 10.77.60.9 ]
	[ "$(mss_seen oc eth0 cc 10.77.60.9)" = 1300 ]
	[ "$(mss_seen cc eth0 oc 10.77.60.7)" = 1300 ]
	[ "$before" = "$(on cc ip route; on oc ip route)" ]

	# the same transfer without the clamp stalls, so it is the clamp that carries it
	for site in cr or; do
		on "$site" nft delete table inet routerd_mss
		on "$site" ip route flush cache
	done
	on cc ip route flush cache
	on oc ip route flush cache
	run ! transfer cc oc 10.77.60.9 8 5
	pings cc 10.77.60.9

	apply_pair
	[ "$(transfer cc oc 10.77.60.9 8 20)" = 10.77.60.7 ]
}

@test "a client's own small MSS is not raised" {
	pair_new
	pair_configs
	apply_pair
	on cc ip route change default via 10.77.60.1 advmss 900
	on cc ip route add 10.77.60.9/32 dev eth0 advmss 900
	[ "$(mss_seen oc eth0 cc 10.77.60.9)" = 900 ]
}

@test "an address that is not claimed is not answered for" {
	pair_new
	pair_configs
	apply_pair
	run ! on oc ping -c 1 -W 1 10.77.60.8
	run ! on oc ping -c 1 -W 1 8.8.8.8
	pings oc 10.77.60.7
}

@test "a second apply, and one after a removal, do not interrupt a transfer" {
	pair_new
	pair_configs
	apply_pair
	(for _ in 1 2 3 4 5; do apply_pair >/dev/null; done) 3>&- &
	applies=$!
	[ "$(transfer cc oc 10.77.60.9 32 60)" = 10.77.60.7 ]
	wait "$applies"
}
