# What routerctl says of itself, and of a daemon that does not answer: usage, explain, completion.

load ../lib/bats
load ../lib/serve

commands() {
	"$ROUTERCTL" --help | sed -n '/^$/,/^words:/s/^  \([a-z][a-z-]*\) .*/\1/p'
}

options() { # options [COMMAND]: of its usage
	"$ROUTERCTL" "$@" --help | sed -n 's/^  \(-., \|    \)\(--[a-z-]*\).*/\2/p' | sort -u
}

complete() { # complete WORD...: the candidates, on one line
	"$ROUTERCTL" __complete "$@" | paste -sd ' '
}

# refused WORDS ARGS...: as wrong usage, with these words
refused() {
	local words=$1
	shift
	run "$ROUTERCTL" "$@"
	echo "routerctl $* -> $status: $output"
	[ "$status" -eq 2 ] && [[ $output == *"$words"* ]]
}

@test "each command's usage has its own options, which it takes, and no others" {
	local c o value all
	all=$(options | grep -v -e --help)
	[ "$(commands | wc -l)" -ge 19 ]
	[ "$(wc -l <<<"$all")" -ge 20 ]
	for c in $(commands); do
		[[ $("$ROUTERCTL" "$c" --help) == "usage: routerctl $c"* ]]
		[ "$("$ROUTERCTL" "$c" --help)" = "$("$ROUTERCTL" help "$c")" ]
		for o in $all; do
			value=()
			case $o in
			--output) value=(json) && [ "$c" != graph ] || value=(svg) ;;
			--confirm-within) value=(60s) ;;
			esac
			"$ROUTERCTL" --help | grep -q -e "$o [A-Z]" && : "${value[0]:=x}"
			if options "$c" | grep -qx -e "$o"; then
				"$ROUTERCTL" "$c" "$o" "${value[@]}" --help >/dev/null
			else
				refused "$c does not take $o; " "$c" "$o" "${value[@]}"
			fi
		done
	done
}

@test "what is mistyped is refused, with what is near and what to do" {
	refused "no command 'plna' (did you mean 'plan'?)" plna
	refused "'routerctl --help' lists" plna
	refused "say what to do" # nothing
	refused "no command 'gett' (did you mean 'get'?)" help gett
	refused "plan has no option '--exit-cod-e' (did you mean '--exit-code'?)" plan --exit-cod-e
	refused "'routerctl plan --help' shows" plan --exit-cod-e
	refused "plan has no option '-x'" plan -x
	refused "get does not take --exit-code; plan does" get --exit-code
	refused "--against needs an argument" plan --against
	refused "-f needs an argument" plan -f
	refused "--watch takes no argument" get --watch=1
	refused "get: -o xml: want table, wide, json or yaml" get -o xml
	refused "get: -o pub: want" get -o pub
	refused "files are named with -f" validate x.yaml
	refused "get takes no argument 'c'" get a/b c
	refused "a time as 60s or 5m" apply --confirm-within 1h
}

@test "explain tells kinds and fields as the tables have them, by any spelling" {
	local k
	for k in $("$ROUTERCTL" explain -o json | jq -r '.kinds[].kind'); do
		"$ROUTERCTL" explain "$k" >"$RUN/$k"
		"$ROUTERCTL" explain "${k,,}s" | diff "$RUN/$k" - || [[ $k == *ss ]]
		"$ROUTERCTL" explain "$k" -o json >"$RUN/$k.json"
		grep -qx "  apiVersion  $(jq -r .apiVersion "$RUN/$k.json")" "$RUN/$k"
		diff <(jq -r '.fields[].path' "$RUN/$k.json") \
			<(sed -n 's/^ *\([A-Za-z0-9.]*\(\[\]\)\?[A-Za-z0-9.]*\): .*/\1/p' "$RUN/$k" | grep -x '[^ ]*')
		[ "$k" = Router ] || grep -qx "## $k" "$ROOT/docs/reference.md"
	done
	# shellcheck disable=SC2016 # as it is written there; Router has no section
	[ "$("$ROUTERCTL" explain -o json | jq '.kinds[1:] | length')" -eq "$(grep -c '^`apiVersion: ' "$ROOT/docs/reference.md")" ]
	"$ROUTERCTL" explain IPv4StaticAddresses | grep -qx IPv4StaticAddress
	run "$ROUTERCTL" explain wireguardinterface.listenport
	[ "$status" -eq 2 ]
	run -0 "$ROUTERCTL" explain wireguardinterface.spec.listenPort
	[[ $output == "WireGuardInterface.listenPort"*"1 to 65535"*"default 51820"* ]]
	run -0 "$ROUTERCTL" explain overlaypeer.underlay.type
	[[ $output == *"value       wireguard or route"*required*"refused     ipsec: this router"* ]]
	run -0 "$ROUTERCTL" explain remoteaddressclaim.capture.interface
	[[ $output == *"interface or auto"*"auto        found in what first boot"* ]]
	run -0 "$ROUTERCTL" explain wireguardpeer.presharedKey
	[[ $output == *"a secret does not belong"*"refused "* ]]
	"$ROUTERCTL" explain wireguardpeer | grep -qx '  presharedKey: refused'
	run -0 "$ROUTERCTL" explain SAMNodeSet.nodes.wireGuard
	[ "$output" = "$("$ROUTERCTL" explain 'SAMNodeSet.nodes[].wireGuard')" ]
	[[ $output == *"nodes[].wireGuard.publicKey: public key"* ]]
	run -0 "$ROUTERCTL" explain WireGuardInterface.listenPort -o json
	[ "$(jq -c '.fields' <<<"$output")" = '[{"path":"listenPort","type":"number","help":"UDP port","written":"a whole number, without quotes","required":false,"refused":false,"auto":false,"default":"51820","minimum":1,"maximum":65535}]' ]
}

@test "explain of what is not there names the nearest" {
	refused "no kind 'MobilityPol' (did you mean 'MobilityPool'?); 'routerctl explain' lists" explain MobilityPol
	refused "RemoteAddressClaim has no field 'capture.interfcae' (did you mean 'interface'?); 'routerctl explain RemoteAddressClaim' lists" \
		explain remoteaddressclaim.capture.interfcae
	refused "has no field 'address.x'" explain remoteaddressclaim.address.x
	run "$ROUTERCTL" get MobilityPol
	[ "$status" -eq 1 ]
	[[ $output == *"did you mean 'MobilityPool'?"* ]]
}

@test "completion offers what the command takes there" {
	local c
	[ "$(complete '' | tr ' ' '\n')" = "$(commands)" ]
	[ "$(complete ro)" = "rollback rotate" ]
	[ "$(complete help rot)" = rotate ]
	for c in $(commands); do
		diff <(complete "$c" -- | tr ' ' '\n' | sort) <(options "$c")
	done
	[ "$(complete nonsense '')" = "" ]
	[ "$(complete plan --ex)" = --exit-code ]
	[ "$(complete plan -f '')" = :files ]
	[ "$(complete plan --file x --against=)" = :files ]
	[ "$(complete export -o '')" = "table wide json yaml pub" ]
	[ "$(complete export --output = p)" = pub ]
	[ "$(complete export --output=p)" = --output=pub ]
	[ "$(complete doctor hybrid wi)" = wireguard ]
	[ "$(complete doctor -f x hy)" = hybrid ]
	[ "$(complete import '')" = :files ]
	[ "$(complete explain overlay)" = "OverlayPeer OverlayPeer.role OverlayPeer.nodeID OverlayPeer.underlay OverlayPeer.remote" ]
	[ "$(complete explain overlaypeer.rem)" = "OverlayPeer.remote OverlayPeer.remote.nodeID OverlayPeer.remote.address" ]
	[ "$(complete explain OverlayPeer.underlay.a)" = OverlayPeer.underlay.address ]
	[ "$(complete explain OverlayPeer.nothing.a)" = "" ]
	[ "$(complete explain OverlayPeer.role.)" = "" ]
	[ "$(complete get -f "$EXAMPLES/onprem.yaml" wireguardp)" = "WireGuardPeer WireGuardPeer/cloud-main" ]
	[ "$(complete get -f "$EXAMPLES/onprem.yaml" OverlayPeers/c)" = OverlayPeer/cloud-main ]
	[ "$(complete get no)" = node ]
	[ "$(complete describe no)" = "" ]
	[ "$(complete render -f "$EXAMPLES/fabric.yaml" --node '')" = "cloud-rt pve-rt" ]
	[ "$(complete plan '')" = "$(complete plan --)" ] # no word is wanted there
	[ "$(complete get a '')" = "$(complete get --)" ]
	timeout 2 "$ROUTERCTL" __complete get -f - OverlayPeer/ < <(sleep 5 3>&- 4>&-) # standard input is not read
}

@test "completion of faulty and missing configurations is silent" {
	printf 'kind: [\n' >"$RUN/bad.yaml"
	run "$ROUTERCTL" __complete get -f "$RUN/bad.yaml" OverlayPeer/
	[ "$output" = "" ]
	run "$ROUTERCTL" __complete get -f "$RUN/nowhere" OverlayPeer/
	[ "$output" = "" ]
}

# in_bash WORD...: what bash would offer for the last
in_bash() {
	PATH=${ROUTERCTL%/*}:$PATH bash --norc -c '
		source "$0"
		complete -p routerctl | grep -q "F _routerctl" || exit
		COMP_WORDS=(routerctl "$@" behind it) COMP_CWORD=$#
		_routerctl
		printf "%s\n" "${COMPREPLY[@]}"' "$ROOT/docs/completion/routerctl.bash" "$@" 2>&1
}

@test "bash offers it, and files by itself" {
	[ "$(in_bash ro)" = "$(printf 'rollback\nrotate')" ]
	[ "$(in_bash plan --ex)" = --exit-code ]
	[ "$(in_bash render -o = j)" = json ]
	[ "$(in_bash plan -f "$EXAMPLES/on")" = "$EXAMPLES/onprem.yaml" ]
	[ "$(in_bash get -f "$EXAMPLES/onprem.yaml" overlaypeer/)" = OverlayPeer/cloud-main ]
	[ "$(in_bash nonsense x)" = "" ]
}

@test "zsh offers it where one types" {
	PATH=${ROUTERCTL%/*}:$PATH timeout 60 zsh -f "$ROOT/test/lib/completes.zsh" "$ROOT/docs/completion" "$RUN" \
		"routerctl rot" "routerctl plan --exi" "routerctl render -o js" \
		"routerctl explain overlaypeer.rol" "routerctl plan -f $EXAMPLES/onp" \
		"routerctl get -f $EXAMPLES/onprem.yaml overlaypeer/" >"$RUN/typed"
	diff - "$RUN/typed" <<-END
		routerctl rotate
		routerctl plan --exit-code
		routerctl render -o json
		routerctl explain OverlayPeer.role
		routerctl plan -f $EXAMPLES/onprem.yaml
		routerctl get -f $EXAMPLES/onprem.yaml OverlayPeer/cloud-main
	END
}

@test "the daemon's objects are offered, and get takes a kind in the plural" {
	local pid
	serve_one
	[ "$(on r "$ROUTERCTL" __complete get remoteaddressclaim/)" = RemoteAddressClaim/vm-7 ]
	[ "$(on r "$ROUTERCTL" __complete describe IPv4Sta | paste -sd ' ')" = "IPv4StaticAddress IPv4StaticAddress/overlay" ]
	[ "$(on r "$ROUTERCTL" __complete rotate w)" = wg-hybrid ]
	diff <(on r "$ROUTERCTL" get remoteaddressclaims -o json | jq '.objects[].name') <(echo '"vm-7"')
	diff <(on r "$ROUTERCTL" get IPv4StaticAddresses/overlay -o json | jq '.objects[].kind') <(echo '"IPv4StaticAddress"')
	pid=$(daemon_pid r)
	kill -STOP "$pid" # it does not answer; nsenter stops with it
	run on r timeout 20 "$ROUTERCTL" __complete get remoteaddressclaim/
	kill -CONT "$pid" "$(ps -o ppid= -p "$pid" | tr -d ' ')"
	[ "$output" = "" ]
	[ "$status" -eq 1 ] # of itself, not of timeout
}

@test "a daemon that does not answer is not waited for without end, but while there is nothing new" {
	serve_one
	pid=$(daemon_pid r)
	on r timeout 90 "$ROUTERCTL" get --watch >"$RUN/watched" 2>&1 3>&- 4>&- &
	watcher=$!
	until_ok grep -q vm-7 "$RUN/watched"
	kill -STOP "$pid"
	for what in status get reload graph; do
		{
			on r timeout 50 "$ROUTERCTL" "$what" >"$RUN/$what" 2>&1 3>&- 4>&- || echo "exit $?" >>"$RUN/$what"
		} &
		asked+=($!)
	done
	wait "${asked[@]}"
	kill -CONT "$pid" "$(awk '/^PPid/ { print $2 }' "/proc/$pid/status")" # nsenter stops along
	for what in status get reload; do
		grep -q "^routerctl: routerd gave no answer; 'systemctl status routerd' .* timed out" "$RUN/$what"
		[ "$(tail -n 1 "$RUN/$what")" = "exit 1" ]
	done
	grep -q "captures 10.77.60.7" "$RUN/graph" # of what the kernel has
	kill -0 "$watcher"
	run ! grep 'no answer\|ended' "$RUN/watched"
	kill "$watcher"
}
