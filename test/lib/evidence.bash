# shellcheck shell=bash
# evidence.bash - what a client at one site sees of the other; for tests in namespaces.
# Needs site.bash and RUN.

pings() { # pings FROM ADDRESS
	on "$1" ping -c 3 -i 0.2 -W 2 -q "$2"
}

# transfer FROM TO ADDRESS MIB SECONDS: so much over one TCP connection, checked at the end.
# Prints the address the receiver saw. Fails when it is not through in time.
transfer() {
	local from=$1 to=$2 address=$3 mib=$4 seconds=$5 out=$RUN/transfer-$1-$2
	local want server
	rm -f "$out".*
	[ -f "$RUN/data-$mib" ] || head -c "$((mib * 1048576))" /dev/urandom >"$RUN/data-$mib"
	want=$(sha256sum <"$RUN/data-$mib")
	# shellcheck disable=SC2016 # expands in socat's shell
	on "$to" env OUT="$out" timeout --foreground "$seconds" socat -u TCP-LISTEN:5001,reuseaddr \
		'SYSTEM:echo $SOCAT_PEERADDR >$OUT.peer; sha256sum >$OUT.part && mv $OUT.part $OUT.sum' \
		>/dev/null 2>&1 3>&- 4>&- &
	server=$!
	until_ok on "$to" sh -c 'ss -ltn | grep -q :5001'
	on "$from" timeout --foreground "$seconds" socat -u "OPEN:$RUN/data-$mib,rdonly" \
		"TCP:$address:5001,connect-timeout=$seconds" 2>/dev/null || true
	wait "$server" 2>/dev/null || true
	cat "$out.peer" 2>/dev/null
	[ -f "$out.sum" ] && [ "$(cat "$out.sum")" = "$want" ]
}

# mss_seen CLIENT IF ADDRESS PEER: the MSS in a SYN as it arrives at CLIENT from PEER.
mss_seen() {
	local client=$1 link=$2 peer=$3 address=$4 log=$RUN/mss-$1 dump
	on "$client" timeout --foreground 10 tcpdump -lnn -c 1 -i "$link" -v \
		'tcp[tcpflags] & tcp-syn != 0 and dst port 5002' >"$log" 2>"$log.err" 3>&- 4>&- &
	dump=$!
	until_ok grep -q 'listening on' "$log.err"
	on "$peer" timeout --foreground 2 socat /dev/null "TCP:$address:5002,connect-timeout=1" 2>/dev/null || true
	wait "$dump" 2>/dev/null || true
	sed -n 's/.*mss \([0-9]*\).*/\1/p' "$log"
}
