# Where the configuration comes from, against real servers over HTTP and TLS.
#
#   r, the router, 10.9.1.2 - w, the servers, 10.9.0.1

bats_require_minimum_version 1.5.0
load ../lib/bats
load ../lib/ca

SEED=${ROUTERCTL%/*}/../test/tools/seed
HTTP=http://10.9.0.1:8080
HTTPS=https://10.9.0.1:8443
SIGNED='X-Signature=hunter2' # in every URL, and in no output

setup_file() {
	certificates IP:10.9.0.1 >"$BATS_FILE_TMPDIR/openssl.log" 2>&1
}

setup() {
	RUN=$BATS_TEST_TMPDIR
	CA=$BATS_FILE_TMPDIR/ca.crt
}

# servers: and the configuration, o/router.yaml there, which is $RUN/router.yaml here
servers() {
	local c=$BATS_FILE_TMPDIR
	site_new r w
	on w ip addr add 10.9.0.1/32 dev lo
	wire r eth0 w eth0
	on r ip addr add 10.9.1.2/24 dev eth0
	on w ip addr add 10.9.1.1/24 dev eth0
	on r ip route add 10.9.0.1/32 via 10.9.1.1
	mkdir -p "$RUN/bucket/store" "$RUN/root"
	cp "$EXAMPLES/cloud.yaml" "$RUN/router.yaml"
	cp "$RUN/router.yaml" "$RUN/bucket/store/router.yaml"
	on w python3 "$ROOT/test/lib/bucket.py" "$RUN/bucket" 8080=plain "8443=$c/good.pem" \
		"8444=$c/host.pem" "8445=$c/expired.pem" 8449=mute \
		>"$RUN/bucket.log" 2>&1 3>&- 4>&- &
	until_ok test -e "$RUN/bucket/ready"
}

sum() {
	sha256sum "$RUN/router.yaml" | cut -d ' ' -f 1
}

# asks URL [LINE]: user-data that wants the configuration from there
asks() {
	cat >"$RUN/user-data" <<-END
		#cloud-config
		routerd:
		  config_url: "$1?$SIGNED"
		  config_sha256: $(sum)
		  ${2-}
	END
}

# finds [SECONDS]: leaves $status, what was found in $RUN/found, and what is told of it in $output;
# no secret is in that
finds() {
	run timeout 100 nsenter --target "${SITE[r]}" --net --mount --pid -- \
		env ROOT="$RUN/root" ${PROXY:+"http_proxy=$PROXY"} \
		sh -c "'$SEED' '$RUN/user-data' source ${1-5} >'$RUN/found'"
	echo "-> $status: $output"
	[[ $output != *hunter2* && $output != *X-Signature* ]]
}

found() { # found TEXT: of where it is from
	finds
	[ "$status" = 0 ]
	[[ $output == *"$1"* ]]
	cmp "$RUN/found" "${2-$RUN/router.yaml}"
}

# refused STATUS TEXT... [SECONDS=]: with all of these words, and nothing is found
refused() {
	local want=$1 text
	shift
	finds "${SECONDS_LEFT-5}"
	[ "$status" = "$want" ]
	for text in "$@"; do
		[[ $output == *"$text"* ]] || { echo "not said: $text" && return 1; }
	done
	[ ! -s "$RUN/found" ]
}

requests() { # requests FILTER: of jq, one line of JSON each
	[ ! -e "$RUN/bucket/requests" ] || jq -c "select($1)" "$RUN/bucket/requests"
}

@test "a configuration comes over HTTP, as its digest proves it" {
	servers
	asks $HTTP/o/router.yaml
	found "url: $HTTP/o/router.yaml: $(sum)"
	[ "$(requests 'true' | jq -r '[.method, .path] | join(" ")')" = \
		"GET /o/router.yaml?$SIGNED" ]
}

@test "a configuration comes over HTTPS from a server of a private CA" {
	servers
	asks $HTTPS/o/router.yaml
	refused 1 'is from a CA that is not known here: install ca-certificates, or name the CA in config_ca_file'
	[ -z "$(requests true)" ]
	mkdir -p "$RUN/root/etc"
	cp "$CA" "$RUN/root/etc/ca.pem"
	asks $HTTPS/o/router.yaml 'config_ca_file: /etc/ca.pem'
	found "url: $HTTPS/o/router.yaml"
	asks https://10.9.0.1:8444/o/router.yaml 'config_ca_file: /etc/ca.pem'
	refused 1 'is for another host'
	asks https://10.9.0.1:8445/o/router.yaml 'config_ca_file: /etc/ca.pem'
	refused 1 'has expired'
	asks $HTTPS/o/router.yaml 'config_ca_file: /etc/none.pem'
	refused 1 'config_ca_file cannot be read'
	asks https://10.9.0.1:8080/o/router.yaml
	refused 1 'no TLS comes about'
}

@test "what has another digest is not taken, and no other source is asked" {
	servers
	asks $HTTP/o/router.yaml
	echo '# one line more' >>"$RUN/bucket/store/router.yaml"
	refused 1 "url: $HTTP/o/router.yaml: its SHA-256 is" \
		"config_sha256 says $(sum | cut -c 1-12)" 'run sha256sum on the one that is meant'
	[ "$(requests true | wc -l)" = 1 ]
}

@test "what a server says instead of a configuration is told, with what to do" {
	servers
	local how
	while IFS='|' read -r how words; do
		asks "$HTTP/$how"
		refused 1 "GET $HTTP/$how: HTTP $words"
	done <<-END
		status/400|400: the request is not understood: is config_url whole
		status/401|401: the server asks for a login: put the configuration where none
		status/403|403: refused: may this machine read it?
		o/other.yaml|404: nothing is there: is config_url right?
		redirect/router.yaml|302: it redirects, which is not followed: put the URL that it leads to into config_url
		status/418|418: not what was expected: is config_url right?
	END
	[ "$(requests '.path | startswith("/redirect")' | wc -l)" = 1 ]
	[ -z "$(requests '.path | startswith("/o/router.yaml")')" ]
}

@test "what may go better later is tried again, and told so" {
	servers
	asks $HTTP/flaky/router.yaml
	found "url: $HTTP/flaky/router.yaml"
	SECONDS_LEFT=2
	asks $HTTP/status/503
	refused 2 'HTTP 503: the server has a fault of its own (tries: '
	[ "$(requests '.path | startswith("/status/503")' | wc -l)" -gt 1 ]
	asks http://10.9.0.1:81/o/router.yaml
	refused 2 'no connection: does the server run'
	asks $HTTP/short/router.yaml
	refused 2 'the reply was cut short (tries: '
	asks $HTTP/drip/router.yaml
	refused 2 'too slow: the transfer did not end in time'
	[ "$(requests '.path | startswith("/drip")' | wc -l)" = 1 ]
	asks http://nowhere.invalid/router.yaml
	refused 2 "the host's name does not resolve"
}

@test "no more than a configuration may have is taken" {
	servers
	asks $HTTP/big/router.yaml # 10 MiB, but not this one
	refused 1 'its SHA-256 is'
	head -c $((33 * 1024 * 1024)) /dev/zero >"$RUN/bucket/store/router.yaml"
	asks $HTTP/o/router.yaml
	refused 1 'the reply is larger than 33554432 bytes, which no configuration is: is config_url right?'
}

@test "the way out may be a proxy" {
	servers
	on w socat TCP-LISTEN:3128,fork,reuseaddr TCP:10.9.0.1:8080 >/dev/null 2>&1 3>&- 4>&- &
	until_ok on w sh -c 'ss -ltn | grep -q :3128'
	asks http://elsewhere.invalid/o/router.yaml
	PROXY=http://10.9.0.1:3128 finds
	# The server is no proxy, and yet it is whom the request went to, with the whole URL.
	[ "$(requests '.path | startswith("http://elsewhere.invalid/o/router.yaml")' | wc -l)" = 1 ]
}

@test "a disk comes before user-data, and user-data before a URL" {
	servers
	local labels=$RUN/root/dev/disk/by-label
	asks $HTTP/o/router.yaml
	mkdir -p "$labels/ROUTERD_CONFIG" # a folder stands for the volume
	cp "$EXAMPLES/onprem.yaml" "$labels/ROUTERD_CONFIG/router.yaml"
	found 'disk: the disk ROUTERD_CONFIG' "$EXAMPLES/onprem.yaml"
	[ -z "$(requests true)" ]
	rm "$labels/ROUTERD_CONFIG/router.yaml"
	refused 1 'disk: the disk ROUTERD_CONFIG has no file router.yaml'
	rm -r "$labels/ROUTERD_CONFIG"
	found "url: $HTTP/o/router.yaml"
	printf '#cloud-config\nrouterd:\n  config: |\n' >"$RUN/user-data"
	sed 's/^/    /' "$EXAMPLES/onprem.yaml" >>"$RUN/user-data"
	found 'user-data: user-data' "$EXAMPLES/onprem.yaml"
}

# examples: those of the documentation, each in a file $RUN/example-N.KIND
examples() {
	awk -v run="$RUN" '
		/^```[a-z]+ user-data/ { file = run "/example-" ++n "." ($3 ? $3 : "good"); next }
		/^```/ { if (file) close(file); file = "" }
		file { print >file }' "$ROOT"/docs/*.md "$ROOT"/docs/providers/*.md
}

@test "each example of the documentation is read, and its configuration is valid" {
	local file configs=0
	examples
	[ "$(find "$RUN" -name 'example-*' | wc -l)" -ge 13 ]
	for file in "$RUN"/example-*.good; do
		cat "$file"
		"$SEED" "$file" >"$file.json"
		jq -e 'has("node") or has("config")' "$file.json"
		jq -e 'has("config")' "$file.json" || continue
		"$SEED" "$file" config >"$file.yaml"
		"$ROUTERCTL" validate -f "$file.yaml"
		configs=$((configs + 1))
	done
	[ "$configs" = 7 ]
	for file in "$RUN"/example-*.refused; do
		run -1 "$SEED" "$file"
		[[ $output == *': error: '* && $output != *QBm* ]]
	done
}

# as_list BLANKS: the documents on standard input as a list's elements, after so many blanks
as_list() {
	awk -v indent="$(printf '%*s' "$1" '')" '
		/^---/ { first = 1; next }
		/^#/ { print indent $0; next }
		{ print indent (first ? "- " : "  ") $0; first = 0 }' first=1 -
}

forms() { # forms FILE: the configuration as each form of user-data, as $RUN/form-NAME
	local router='apiVersion: routerd.net/v1alpha1
kind: Router
metadata: { name: a }
spec:
  resources:'
	cp "$1" "$RUN/form-bare"
	cp "$1" "$RUN/form-router"
	grep -q '^kind: Router' "$1" || { echo "$router" && as_list 4 <"$1"; } >"$RUN/form-router"
	as_list 0 <"$1" >"$RUN/form-list"
	{ printf '#cloud-config\nrouterd:\n  config: |\n' && sed 's/^/    /' "$1"; } >"$RUN/form-text"
	{ printf '#cloud-config\nrouterd:\n  resources:\n' && as_list 2 <"$1" &&
		printf '  node: a\nusers: [default]\n'; } >"$RUN/form-resources"
	{ printf '#cloud-config\nx: *y\nrouterd:\n   config:\n' && as_list 7 <"$1"; } >"$RUN/form-config"
	{ printf 'routerd:\n' && sed 's/^/ /' "$RUN/form-router"; } >"$RUN/form-itself"
	{ printf '#cloud-config\nrouterd:\n  config:\n' && sed 's/^/    /' "$RUN/form-router" &&
		echo '  role: b'; } >"$RUN/form-mapping"
	{ printf '#cloud-config\nwrite_files:\n- path: /etc/routerd/first-boot.yaml\n  content: |\n' &&
		sed 1,2d "$RUN/form-mapping" | sed 's/^/      /'; } >"$RUN/form-file"
	gzip -c "$RUN/form-resources" | base64 >"$RUN/form-packed"
	{ printf 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\n\n--B\n\n#!/bin/sh\n' &&
		printf -- '--B\nContent-Type: application/gzip\nContent-Transfer-Encoding: base64\n\n' &&
		cat "$RUN/form-packed" && echo '--B--'; } >"$RUN/form-mime"
}

@test "the configurations of examples/ stay the same in each form that user-data may have" {
	local example form
	for example in cloud onprem; do
		sed "s|^\( *\)allowedIPs: .*|&\n\1publicKey: $(wg genkey | wg pubkey)|" \
			"$EXAMPLES/$example.yaml" >"$RUN/bare"
		"$ROUTERCTL" render -f "$RUN/bare" >"$RUN/want"
		grep -q 10.77.60 "$RUN/want"
		forms "$RUN/bare"
		for form in "$RUN"/form-*; do
			echo "$form of $example"
			"$SEED" "$form" config >"$RUN/config"
			"$ROUTERCTL" validate -f "$RUN/config"
			cmp <("$ROUTERCTL" render -f "$RUN/config") "$RUN/want"
		done
	done
}
