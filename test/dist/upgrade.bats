# An upgrade under traffic: the files replaced, the daemon started anew, and nothing lost.

load ../lib/bats
source "$ROOT/test/lib/exchange.bash"

: "${VERSION:?}"
NEXT=$VERSION.1

put_on() { # put_on VERSION: into the folder that both routers run from
	[ -d "$RUN/routerd-$1-linux-amd64" ] || tar -C "$RUN" -xf "$ROOT/build/dist/routerd-$1-linux-amd64.tar.zst"
	"$RUN/routerd-$1-linux-amd64/install.sh" --root "$RUN/system"
}

runs_from() { # runs_from SITE: the version that its daemon is
	on "$1" "/proc/$(on "$1" pgrep -f ' serve$' | tail -n 1)/exe" --version
}

@test "an upgrade of both routers while a client pings each 20 ms: not one echo is lost" {
	local site ping sent received
	mkdir -p "$RUN/system/etc"
	echo 'routerd:x:999:' >"$RUN/system/etc/group"
	put_on "$VERSION"
	ROUTERCTL=$RUN/system/usr/sbin/routerctl
	met
	[ "$(runs_from cr)" = "routerd $VERSION" ]
	on oc ping -i 0.02 -w 12 -q 10.77.60.7 >"$RUN/ping" 3>&- 4>&- &
	ping=$!
	sleep 1
	put_on "$NEXT"
	for site in cr or; do
		[ "$(runs_from $site)" = "routerd $VERSION" ] # the old one goes on, from its file without a name
		daemon_kill $site TERM
		sleep 1
		daemon $site
		[ "$(runs_from $site)" = "routerd $NEXT" ]
	done
	wait "$ping"
	cat "$RUN/ping"
	read -r sent received < <(sed -nE 's/^([0-9]+) packets transmitted, ([0-9]+) received.*/\1 \2/p' "$RUN/ping")
	[ "$sent" -ge 400 ]
	[ $((sent - received)) -le 1 ]
}
