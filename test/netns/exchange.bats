# What routerd-exchange publishes, fetches and refuses, against a real server over TLS.
#
#   a, cloud-rt - w, the bucket, 10.9.0.1 - b, pve-rt

bats_require_minimum_version 1.5.0
load ../lib/bats
load ../lib/exchange
load ../lib/ca

EXCHANGE=${ROUTERCTL%/*}/routerd-exchange
BUCKET=https://10.9.0.1:8443
SIGNED='X-Signature=hunter2' # in every URL, and in no output

setup_file() {
	certificates IP:10.9.0.1,DNS:lab.blob.core.localhost >"$BATS_FILE_TMPDIR/openssl.log" 2>&1
}

setup() {
	RUN=$BATS_TEST_TMPDIR
	CA=$BATS_FILE_TMPDIR/ca.crt
}

# nodes NAME...: those sites and the bucket, running; each with a routerctl that notes how it
# was called in $RUN/SITE.calls and what it was given in $RUN/SITE.doc
nodes() {
	local site n=1
	site_new w "$@"
	on w ip addr add 10.9.0.1/32 dev lo
	for site in "$@"; do
		wire "$site" eth0 w "to-$site"
		on "$site" ip addr add "10.9.$n.2/24" dev eth0
		on w ip addr add "10.9.$n.1/24" dev "to-$site"
		on "$site" ip route add 10.9.0.1/32 via "10.9.$n.1"
		fake "$site"
		n=$((n + 1))
	done
	serve
}

serve() {
	local c=$BATS_FILE_TMPDIR
	mkdir -p "$RUN/bucket"
	on w python3 "$ROOT/test/lib/bucket.py" "$RUN/bucket" "8443=$c/good.pem" \
		"8444=$c/host.pem" "8445=$c/expired.pem" "8446=$c/self.pem" "8447=$c/early.pem" \
		8448=plain 8449=mute >"$RUN/bucket.log" 2>&1 3>&- 4>&- &
	until_ok test -e "$RUN/bucket/ready"
}

fake() { # fake SITE: fails with the words of $RUN/SITE.fail, if that is there
	cat >"$RUN/$1.routerctl" <<-END
		#!/bin/sh
		printf '%s\n' "\$*" >>$RUN/$1.calls
		env >$RUN/$1.env
		cat >$RUN/$1.doc
		[ ! -e $RUN/$1.fail ] || { cat $RUN/$1.fail >&2; exit 1; }
	END
	chmod 755 "$RUN/$1.routerctl"
}

# exchange SITE ARGS...: leaves $status and $output; no secret is in it
exchange() {
	local site=$1
	shift
	run timeout 60 nsenter --target "${SITE[$site]}" --net --mount --pid -- \
		env "ROUTERCTL=$RUN/$site.routerctl" ${PROXY:+"https_proxy=$PROXY"} "$EXCHANGE" "$@"
	echo "routerd-exchange $* -> $status"
	printf '%s\n' "$output"
	[[ $output != *hunter2* && $output != *X-Signature* ]]
}

says() { # says TEXT...: each is in $output
	local text
	for text in "$@"; do
		[[ $output == *"$text"* ]] || { echo "not said: $text" && return 1; }
	done
}

settings() { # settings SITE: from standard input
	on "$1" sh -c 'umask 077; cat >/etc/routerd/exchange.yaml'
}

write() { # write SITE PATH: from standard input, mode 0600
	on "$1" sh -c "umask 077; mkdir -p '${2%/*}'; cat >'$2'"
}

export_of() { # export_of SITE NODE [KEY]
	local key=${3-$(wg genkey | wg pubkey)}
	on "$1" mkdir -p /var/lib/routerd/export
	on "$1" sh -c "cat >/var/lib/routerd/export/$2.yaml" <<-END
		# WireGuard public key of $2: put this file into /etc/routerd/peers of the other side.
		apiVersion: net.routerd.net/v1alpha1
		kind: WireGuardPeer
		metadata: { name: $2 }
		spec: { interface: wg-hybrid, publicKey: "$key" }
	END
}

exported() { # exported SITE NODE
	on "$1" cat "/var/lib/routerd/export/$2.yaml"
}

secret() { # secret SITE...: the same for all
	local site text
	text=$(openssl rand -base64 32)
	for site in "$@"; do
		write "$site" /etc/routerd/keys/exchange.secret <<<"$text"
	done
}

shown() { # shown SITE: its signing key
	on "$1" "$EXCHANGE" --show
}

calls() { # calls SITE: of its routerctl
	[ ! -e "$RUN/$1.calls" ] || grep -c . "$RUN/$1.calls"
}

requests() { # requests FILTER: of jq, one line of JSON each
	[ ! -e "$RUN/bucket/requests" ] || jq -c "select($1)" "$RUN/bucket/requests"
}

# publisher SITE NODE SEAL: publishes at o/NODE
publisher() {
	settings "$1" <<-END
		publish: { url: "$BUCKET/o/$2?$SIGNED" }
		seal: $3
		secretFile: /etc/routerd/keys/exchange.secret
		caFile: $CA
	END
}

# reader SITE NODE LINE [PATH]: fetches NODE's document, and believes it by LINE
reader() {
	settings "$1" <<-END
		secretFile: /etc/routerd/keys/exchange.secret
		caFile: $CA
		peers:
		  - node: $2
		    url: "${4-$BUCKET/o/$2}?$SIGNED"
		    $3
	END
}

# by_secret SITE NODE OTHER: publishes at o/NODE and fetches OTHER's, both by the secret
by_secret() {
	settings "$1" <<-END
		publish: { url: "$BUCKET/o/$2?$SIGNED" }
		seal: secret
		secretFile: /etc/routerd/keys/exchange.secret
		caFile: $CA
		peers: [{ node: $3, url: "$BUCKET/o/$3?$SIGNED", secret: true, preshared: true }]
	END
}

# signed_pair: a has published, b would import it
signed_pair() {
	nodes a b
	export_of a cloud-rt
	publisher a cloud-rt signature
	exchange a
	[ "$status" = 0 ]
	reader b cloud-rt "signingKey: $(shown a)"
}

# refused SITE TEXT...: with these words, and nothing is imported
refused() {
	local site=$1 before
	before=$(calls "$site")
	shift
	exchange "$site"
	[ "$status" = 1 ]
	says "$@"
	[ "$(calls "$site")" = "$before" ]
}

@test "without settings there is nothing to do, and with empty ones neither" {
	nodes a
	exchange a
	[ "$status" = 0 ]
	says 'there is no /etc/routerd/exchange.yaml'
	settings a <<<'# nothing yet'
	exchange a
	[ "$status" = 0 ]
	[ -z "$output" ]
}

@test "every fault of the settings is told with its place, and nothing is exchanged" {
	local word
	nodes a
	settings a <<-END
		publish: { url: "http://bucket.example/x?$SIGNED", urlFile: /x }
		sael: signature
		secretFile: exchange.secret
		peers:
		  - node: ../cloud
		    url: "$BUCKET/o/x y?$SIGNED"
		  - { node: p, urlFile: x }
		  - { node: p, urlFile: /x, signingKey: short, secret: true }
		  - { urlFile: /x, preshared: "yes" }
		  - node: q
		    urlFile: /x
		    secret: false
		    preshared: true
		  - word
		---
		more: true
	END
	exchange a
	[ "$status" = 1 ]
	for word in '1:17: error: url: a URL of scheme http: only https:// is taken' \
		'1:1: error: publish: want seal' '1:64: error: urlFile: there is url already' \
		'2:1: error: no field sael; there are publish, seal, secretFile, peers, caFile' \
		'3:13: error: secretFile: want the path' '5:11: error: node: want the name' \
		'6:10: error: url: not a URL' '7:25: error: urlFile: want the path' \
		'8:13: error: node: p is here twice' '8:41: error: signingKey: want 44' \
		'8:48: error: secret: there is signingKey already' '9:5: error: want node' \
		'9:31: error: preshared: want true or false' \
		'13:5: error: preshared: it follows from the secret' '14:5: error: want a map' \
		'16:1: error: a second document'; do
		says "/etc/routerd/exchange.yaml:$word"
	done
	says 'it has faults; nothing is exchanged'
	[ "$(grep -c ': error: ' <<<"$output")" = 16 ]
	settings a <<-END
		peers: [{ node: x, url: "$BUCKET/o/x?$SIGNED", secret: true }]
	END
	exchange a
	[ "$status" = 1 ]
	says '1:1: error: want secretFile'
	on a chmod 644 /etc/routerd/exchange.yaml
	exchange a
	says '1:25: error: url: a secret in a file that others may read: chmod 600'
}

@test "two nodes learn each other's key by signature" {
	nodes a b
	export_of a cloud-rt
	export_of b pve-rt
	local key_a key_b
	key_a=$(shown a)
	key_b=$(shown b)
	[ "$key_a" = "$(shown a)" ]
	[ "$(on a stat -c %a /etc/routerd/keys/exchange-sign.key)" = 600 ]
	[ -z "$(requests true)" ]
	for site in 'a cloud-rt pve-rt' 'b pve-rt cloud-rt'; do
		# shellcheck disable=SC2086 # three words
		set -- $site
		settings "$1" <<-END
			publish: { url: "$BUCKET/o/$2?$SIGNED" }
			seal: signature
			caFile: $CA
			peers:
			  - { node: $3, url: "$BUCKET/o/$3?$SIGNED", signingKey: $([ "$1" = a ] && echo "$key_b" || echo "$key_a") }
		END
	done
	exchange a
	[ "$status" = 1 ] # the other side has not published yet
	says 'published at https://10.9.0.1:8443/o/cloud-rt, sealed by ed25519' \
		'pve-rt: GET https://10.9.0.1:8443/o/pve-rt: HTTP 404: nothing is there'
	exchange b
	[ "$status" = 0 ]
	exchange a
	[ "$status" = 0 ]
	[ "$(cat "$RUN/a.calls")" = 'import --node pve-rt --replace -' ]
	[ "$(cat "$RUN/b.calls")" = 'import --node cloud-rt --replace -' ]
	cmp "$RUN/a.doc" <(exported b pve-rt)
	cmp "$RUN/b.doc" <(exported a cloud-rt)
	run ! grep -q . <(grep -v -e '^PWD=' -e '^_=' -e '^SHLVL=' "$RUN/a.env")
}

@test "two nodes learn each other's key by a secret, which gives a preshared key, too" {
	nodes a b
	export_of a cloud-rt
	export_of b pve-rt
	secret a b
	by_secret a cloud-rt pve-rt
	by_secret b pve-rt cloud-rt
	exchange a
	exchange b
	[ "$status" = 0 ]
	exchange a
	[ "$status" = 0 ]
	[ "$(cat "$RUN/b.calls")" = \
		'import --node cloud-rt --replace --preshared-key -' ]
	cmp "$RUN/b.doc" <(exported a cloud-rt)
	local psk
	psk=$(on b cat /etc/routerd/keys/psk-cloud-rt.key)
	[ "$psk" = "$(on a cat /etc/routerd/keys/psk-pve-rt.key)" ]
	[ "$(on b stat -c %a /etc/routerd/keys/psk-cloud-rt.key)" = 600 ]
	wg pubkey <<<"$psk" # has a key's form
	# What somebody removes comes back, and what is right is not written again.
	local inode
	inode=$(on b stat -c %i /etc/routerd/keys/psk-cloud-rt.key)
	exchange b
	[ "$inode" = "$(on b stat -c %i /etc/routerd/keys/psk-cloud-rt.key)" ]
	on b rm /etc/routerd/keys/psk-cloud-rt.key
	exchange b
	[ "$psk" = "$(on b cat /etc/routerd/keys/psk-cloud-rt.key)" ]
	[ "$(calls b)" = 1 ]
	# That there is to be none any more is news, too.
	on b sed -i 's/preshared: true/preshared: false/' /etc/routerd/exchange.yaml
	exchange b
	[ "$(tail -n 1 "$RUN/b.calls")" = 'import --node cloud-rt --replace -' ]
	on b sed -i 's/preshared: false/preshared: true/' /etc/routerd/exchange.yaml
	exchange b
	[ "$(calls b)" = 3 ]
	# Another secret, on one side only: neither document nor preshared key change.
	secret b
	refused b "seal does not fit" 'another secret'
	[ "$psk" = "$(on b cat /etc/routerd/keys/psk-cloud-rt.key)" ]
}

@test "a document goes up when it changed, and comes down when it changed" {
	signed_pair
	exchange a
	[ -z "$output" ]
	[ "$(requests '.method == "PUT"' | wc -l)" = 1 ]
	exchange b
	exchange b
	[ "$status" = 0 ]
	[ -z "$output" ]
	[ "$(calls b)" = 1 ]
	[ "$(requests '.method == "GET" and .headers["if-none-match"] != null and
		.headers["if-modified-since"] != null' | wc -l)" = 1 ]
	exchange b --again
	[ "$(calls b)" = 2 ]
	export_of a cloud-rt
	exchange a
	exchange b
	[ "$(calls b)" = 3 ]
	cmp "$RUN/b.doc" <(exported a cloud-rt)
	[ "$(requests '.method == "PUT"' | wc -l)" = 2 ]
	exchange a --again
	[ "$(requests '.method == "PUT"' | wc -l)" = 3 ]
	# The same from a server that knows no conditions, by a URL whose signature is a new one.
	reader b cloud-rt "signingKey: $(shown a)" "$BUCKET/noetag/cloud-rt"
	exchange b
	[ "$(calls b)" = 4 ] # another place
	SIGNED=$SIGNED-renewed reader b cloud-rt "signingKey: $(shown a)" "$BUCKET/noetag/cloud-rt"
	exchange b
	exchange b
	[ "$(calls b)" = 4 ]
	reader b cloud-rt "signingKey: $(shown a)" "$BUCKET/tags/cloud-rt"
	exchange b
	exchange b
	[ "$status" = 0 ]
	[ "$(calls b)" = 5 ]
	requests '.path | startswith("/tags/")' | jq -se 'map(.headers | has("if-none-match"),
		has("if-modified-since")) == [false, false, false, true]'
}

@test "a PUT says what it is and how long, waits for no 100, and suits Azure" {
	nodes a
	export_of a cloud-rt
	publisher a cloud-rt signature
	exchange a
	[ "$(requests '.method == "PUT"' | jq -c '[.path, .headers["content-type"],
		.headers["content-length"], .headers.expect, .headers["x-ms-blob-type"]]')" = \
		"[\"/o/cloud-rt?$SIGNED\",\"application/yaml\",\"$(stat -c %s "$RUN/bucket/store/cloud-rt")\",null,null]" ]
	# libcurl knows by itself that *.localhost is 127.0.0.1
	settings a <<-END
		publish: { url: "https://lab.blob.core.localhost:8443/o/azure?$SIGNED" }
		seal: signature
		caFile: $CA
	END
	on a socat TCP-LISTEN:8443,bind=127.0.0.1,fork,reuseaddr TCP:10.9.0.1:8443 \
		>/dev/null 2>&1 3>&- 4>&- &
	until_ok on a sh -c 'ss -ltn | grep -q :8443'
	exchange a
	[ "$status" = 0 ]
	[ "$(requests '.path | startswith("/o/azure")' | jq -r '.headers["x-ms-blob-type"]')" = BlockBlob ]
}

@test "a document that was touched, or is somebody else's, is not imported" {
	signed_pair
	local store=$RUN/bucket/store good=$RUN/good other
	cp "$store/cloud-rt" "$good"
	sed 's/publicKey: "./&A/' "$good" >"$store/cloud-rt"
	refused b 'cloud-rt: its document'"'"'s seal does not fit' "routerd-exchange --show"
	sed 's/ v1 cloud-rt \([0-9]*\)/ v1 cloud-rt 1790000000/' "$good" >"$store/cloud-rt"
	refused b 'seal does not fit'
	sed 's/ v1 cloud-rt / v1 pve-rt /' "$good" >"$store/cloud-rt"
	refused b 'sealed as that of node pve-rt'
	sed '$d' "$good" >"$store/cloud-rt"
	refused b 'has no seal as its last line'
	cat "$good" <(tail -n 1 "$good") >"$store/cloud-rt"
	refused b 'more than one seal'
	sed 's/ v1 cloud-rt / v2 cloud-rt /' "$good" >"$store/cloud-rt"
	refused b 'not of a form known here'
	: >"$store/cloud-rt"
	refused b 'has no seal'
	cp "$good" "$store/cloud-rt"
	other=$(shown b)
	reader b cloud-rt "signingKey: $other"
	refused b 'seal does not fit'
	secret b
	reader b cloud-rt 'secret: true'
	refused b 'sealed by ed25519, and hmac-sha256 is wanted'
	export_of b pve-rt
	publisher b pve-rt signature
	exchange b
	reader a pve-rt "signingKey: $other" "$BUCKET/o/cloud-rt"
	refused a 'sealed as that of node cloud-rt: is the URL right?'
	reader b cloud-rt "signingKey: $(shown a)"
	exchange b
	[ "$status" = 0 ]
	[ "$(calls b)" = 1 ]
}

@test "an old document that is played back is refused, before and after other settings" {
	signed_pair
	exchange b
	cp "$RUN/bucket/store/cloud-rt" "$RUN/old"
	export_of a cloud-rt
	exchange a # in the same second, and yet later
	exchange b
	[ "$(calls b)" = 2 ]
	cp "$RUN/old" "$RUN/bucket/store/cloud-rt"
	refused b 'an old document, sealed 20' 'somebody plays it back' 'cloud-rt.state'
	reader b cloud-rt "signingKey: $(shown a)" "$BUCKET/noetag/cloud-rt"
	refused b 'an old document'
	echo 'sealed: nonsense' | write b /var/lib/routerd/exchange/cloud-rt.state
	refused b 'cloud-rt.state is damaged'
	on b rm /var/lib/routerd/exchange/cloud-rt.state
	exchange b
	[ "$status" = 0 ]
}

@test "what routerctl does not take is tried again, and stops no other peer" {
	signed_pair
	echo 'router: no peer of that name' >"$RUN/b.fail"
	settings b <<-END
		caFile: $CA
		peers:
		  - { node: cloud-rt, url: "$BUCKET/o/cloud-rt?$SIGNED", signingKey: $(shown a) }
		  - { node: open-rt, url: "$BUCKET/o/open-rt?$SIGNED" }
	END
	export_of b open-rt
	exported b open-rt >"$RUN/bucket/store/open-rt"
	exchange b
	[ "$status" = 1 ]
	says 'router: no peer of that name' 'cloud-rt: ' 'import does not take the document (ended with exit code 1)' \
		'open-rt: its document is not authenticated'
	exchange b
	[ "$status" = 1 ]
	[ "$(calls b)" = 2 ]
	rm "$RUN/b.fail"
	exchange b
	[ "$status" = 0 ]
	exchange b
	[ "$(calls b)" = 3 ]
	rm "$RUN/b.routerctl"
	exchange b --again
	[ "$status" = 1 ]
	says 'b.routerctl cannot be run: '
}

@test "routerctl is the one of the same installation" {
	signed_pair
	mkdir -p "$RUN/usr/lib/routerd" "$RUN/usr/sbin"
	cp "$EXCHANGE" "$RUN/usr/lib/routerd/"
	mv "$RUN/b.routerctl" "$RUN/usr/sbin/routerctl"
	on b env -u ROUTERCTL "$RUN/usr/lib/routerd/routerd-exchange"
	[ "$(calls b)" = 1 ]
	mv "$RUN/usr/sbin/routerctl" "$RUN/usr/lib/routerd/routerctl" # as where it is built
	on b env -u ROUTERCTL "$RUN/usr/lib/routerd/routerd-exchange" --again
	[ "$(calls b)" = 2 ]
}

@test "an unauthenticated document is kept as an offer, and said so once" {
	nodes b
	local key finger
	key=$(wg genkey | wg pubkey)
	finger=$(base64 -d <<<"$key" | sha256sum | sed -E 's/^(.{4})(.{4})(.{4})(.{4})(.{4}).*/\1-\2-\3-\4-\5/')
	export_of b cloud-rt "$key"
	exported b cloud-rt >"$RUN/bucket/store/cloud-rt"
	on b rm -r /var/lib/routerd/export
	reader b cloud-rt '# by nothing'
	exchange b
	[ "$status" = 0 ]
	says "routerctl import --expect $finger /var/lib/routerd/exchange/cloud-rt.offer"
	[ "$(on b stat -c %a /var/lib/routerd/exchange/cloud-rt.offer)" = 644 ]
	cmp <(on b cat /var/lib/routerd/exchange/cloud-rt.offer) "$RUN/bucket/store/cloud-rt"
	exchange b
	[ -z "$output" ]
	[ -z "$(calls b)" ]
	reader b cloud-rt '# by nothing' "$BUCKET/noetag/cloud-rt"
	exchange b # another place
	exchange b
	[ -z "$output" ]
	sed -i 's/name: cloud-rt/name: pve-rt/' "$RUN/bucket/store/cloud-rt"
	refused b 'that of node pve-rt: is the URL right?'
	echo '<html>' >"$RUN/bucket/store/cloud-rt"
	refused b 'its document is no WireGuardPeer with a name and a public key'
	cmp <(on b grep -c "$key" /var/lib/routerd/exchange/cloud-rt.offer) <(echo 1)
}

@test "each failure of HTTP has its words, and exit code 1" {
	nodes b
	{
		echo "caFile: $CA"
		echo 'peers:'
		while read -r node url; do
			echo "  - { node: $node, url: \"$url?$SIGNED\" }"
		done
	} <<-END | settings b
		s400 $BUCKET/status/400
		s401 $BUCKET/status/401
		s403 $BUCKET/status/403
		s404 $BUCKET/o/nothing
		s412 $BUCKET/status/412
		s304 $BUCKET/status/304
		s204 $BUCKET/status/204
		s503 $BUCKET/status/503
		patience $BUCKET/patience/x
		redirect $BUCKET/redirect/x
		short $BUCKET/short/x
		big $BUCKET/big/x
		chunked $BUCKET/chunked/x
		drip $BUCKET/drip/x
		closed https://10.9.0.1:9/x
		plain https://10.9.0.1:8448/o/x
		mute https://10.9.0.1:8449/o/x
		dns https://nowhere.invalid/o/x
		host https://10.9.0.1:8444/o/x
		expired https://10.9.0.1:8445/o/x
		self https://10.9.0.1:8446/o/x
		early https://10.9.0.1:8447/o/x
		token $BUCKET/p/0123456789abcdefghijklmnopqrstuvwxyz/o/x
	END
	exchange b --timeout 3
	[ "$status" = 1 ]
	says 's400: GET https://10.9.0.1:8443/status/400: HTTP 400: the request is not understood' \
		'HTTP 401: the server asks for a login: the pre-signed URL is cut off or expired' \
		'HTTP 403: refused: the pre-signed URL has probably expired' 'make a new one' \
		's404: GET https://10.9.0.1:8443/o/nothing: HTTP 404: nothing is there' \
		'HTTP 412: a condition' 's304: GET' 'HTTP 304: unchanged, it says' 'HTTP 204: not what' \
		'HTTP 503: the server has a fault of its own (tries: ' \
		'HTTP 429: too many requests' 'it asks to be left alone for 3600 s (tries: 1 in ' \
		'HTTP 302: it redirects, which is not followed' \
		'short/x: the reply was cut short' 'big/x: the reply is larger than 65536 bytes' \
		'chunked/x: the reply is larger than 65536 bytes' 'drip/x: too slow' \
		'closed: GET https://10.9.0.1:9/x: no connection: does the server run' \
		'plain: GET https://10.9.0.1:8448/o/x: no TLS comes about' \
		'mute: GET https://10.9.0.1:8449/o/x: no connection in time'
	says 'dns: GET https://nowhere.invalid/o/x: the host'"'"'s name does not resolve' \
		'host: GET https://10.9.0.1:8444/o/x: the server'"'"'s certificate is for another host' \
		'certificate has expired' 'certificate is signed by itself' \
		'certificate is not valid yet: check this machine'"'"'s clock' \
		'/p/.../o/x: HTTP 404'
	[ "$(grep -c '^<3>' <<<"$output")" = 23 ]
	[ "$(requests '.path | startswith("/status/403")' | wc -l)" = 1 ]
	[ "$(requests '.path | startswith("/status/503")' | wc -l)" -ge 2 ]
	[ -z "$(requests '.path | startswith("/o/x")')" ] # none of the bad certificates
	[ -z "$(calls b)" ]
	on b sh -c '[ -z "$(ls /var/lib/routerd/exchange)" ]'
	sed 's/^caFile.*//' <(on b cat /etc/routerd/exchange.yaml) | grep -v '^  - ' >"$RUN/s"
	echo "  - { node: ca, url: \"$BUCKET/o/x?$SIGNED\" }" >>"$RUN/s"
	settings b <"$RUN/s"
	refused b "certificate is from a CA that is not known here"
}

@test "a fault of the server is told, though the try after it is cut short" {
	nodes b
	reader b cloud-rt '# by nothing' "$BUCKET/stalls/x"
	exchange b --timeout 8
	[ "$status" = 1 ]
	says 'stalls/x: HTTP 503'
}

@test "with a clock that went back nothing is sealed" {
	nodes a
	export_of a cloud-rt
	publisher a cloud-rt signature
	echo "sealed: $(($(date +%s) + 86410))" | write a /var/lib/routerd/exchange/published
	refused a "publish: this machine's clock says 20" 'remove /var/lib/routerd/exchange/published'
	[ -z "$(requests true)" ]
	echo "sealed: $(($(date +%s) + 1000))" | write a /var/lib/routerd/exchange/published
	exchange a
	[ "$status" = 0 ]
	[ "$(sed -n 's/.* v1 cloud-rt \([0-9]*\) .*/\1/p' "$RUN/bucket/store/cloud-rt")" -gt "$(($(date +%s) + 900))" ]
}

@test "a PUT that fails is tried again at the next run" {
	nodes a
	export_of a cloud-rt
	settings a <<-END
		publish: { url: "$BUCKET/status/403?$SIGNED" }
		seal: signature
		caFile: $CA
	END
	exchange a
	exchange a
	[ "$status" = 1 ]
	says 'publish: PUT https://10.9.0.1:8443/status/403: HTTP 403: refused' 'not made for PUT'
	[ "$(requests '.method == "PUT"' | wc -l)" = 2 ]
}

@test "an overloaded server is asked again, and as late as it wants" {
	signed_pair
	reader b cloud-rt "signingKey: $(shown a)" "$BUCKET/flaky/cloud-rt"
	exchange b
	[ "$status" = 0 ]
	[ "$(calls b)" = 1 ]
	reader b cloud-rt "signingKey: $(shown a)" "$BUCKET/busy/cloud-rt"
	exchange b
	[ "$status" = 0 ]
	[ "$(calls b)" = 2 ]
	requests '.path | startswith("/busy")' | jq -se 'length == 2 and .[1].time - .[0].time >= 1'
}

@test "files with secrets must be closed, and say what is wrong with them" {
	nodes a
	export_of a cloud-rt
	settings a <<-END
		publish: { urlFile: /etc/routerd/keys/put.url }
		seal: secret
		secretFile: /etc/routerd/keys/exchange.secret
		caFile: $CA
	END
	refused a 'urlFile /etc/routerd/keys/put.url: No such file'
	write a /etc/routerd/keys/put.url <<<"http://10.9.0.1:8443/o/cloud-rt?$SIGNED"
	refused a 'urlFile /etc/routerd/keys/put.url: a URL of scheme http: only https:// is taken'
	write a /etc/routerd/keys/put.url <<<"$BUCKET/o/cloud-rt?$SIGNED"
	refused a 'secretFile /etc/routerd/keys/exchange.secret is not there' 'openssl rand -base64 32'
	write a /etc/routerd/keys/exchange.secret <<<'c2hvcnQ='
	refused a 'exchange.secret holds less than 32 bytes'
	secret a
	on a chmod 640 /etc/routerd/keys/exchange.secret
	refused a 'exchange.secret may be read by others'
	on a chmod 600 /etc/routerd/keys/exchange.secret
	on a chmod 644 /etc/routerd/keys/put.url
	refused a 'put.url may be read by others: chmod 600'
	on a chmod 600 /etc/routerd/keys/put.url
	exchange a
	[ "$status" = 0 ]
	[ "$(requests true | wc -l)" = 1 ]
}

@test "this node is the one whose document is exported" {
	nodes a
	secret a
	publisher a cloud-rt secret
	refused a 'export: there is no /var/lib/routerd/export/NODE.yaml'
	export_of a cloud-rt
	export_of a pve-rt
	refused a 'remove the one that is not this node'
	on a rm /var/lib/routerd/export/pve-rt.yaml
	on a sed -i 's/name: cloud-rt/name: Cloud-rt/' /var/lib/routerd/export/cloud-rt.yaml
	refused a 'cloud-rt.yaml names the node Cloud-rt'
	export_of a cloud-rt
	on a sh -c 'echo "# routerd-seal: v1" >>/var/lib/routerd/export/cloud-rt.yaml'
	refused a "cloud-rt.yaml holds 'routerd-seal:'"
	on a sh -c 'head -c 65536 /dev/zero | tr "\0" "#" >/var/lib/routerd/export/cloud-rt.yaml'
	refused a 'cloud-rt.yaml: File too large'
	export_of a cloud-rt
	settings a <<-END
		secretFile: /etc/routerd/keys/exchange.secret
		peers: [{ node: cloud-rt, url: "$BUCKET/o/cloud-rt", secret: true, preshared: true }]
	END
	refused a 'cloud-rt: that is this node itself'
	[ -z "$(requests true)" ]
}

@test "a full disk is told, and what was done is done again when there is room" {
	signed_pair
	on b mkdir -p /var/lib/routerd/exchange
	on b mount -t tmpfs -o size=4k full /var/lib/routerd/exchange
	on b sh -c 'head -c 4096 /dev/zero >/var/lib/routerd/exchange/filler'
	exchange b
	[ "$status" = 1 ]
	says 'cloud-rt: it is done, but /var/lib/routerd/exchange/cloud-rt.state cannot be written: No space left'
	on b sh -c '[ "$(ls -A /var/lib/routerd/exchange)" = filler ]'
	on b rm /var/lib/routerd/exchange/filler
	exchange b
	[ "$status" = 0 ]
	[ "$(calls b)" = 2 ]
}

@test "killed in the middle, it is as if it had not run; and two do not run at once" {
	signed_pair
	reader b cloud-rt "signingKey: $(shown a)" "$BUCKET/late/cloud-rt"
	on b env "ROUTERCTL=$RUN/b.routerctl" "$EXCHANGE" >/dev/null 2>&1 3>&- 4>&- &
	until_ok eval "requests '.path | startswith(\"/late\")' | grep -q ."
	refused b '/run/routerd/exchange.lock: another run is at it'
	local pid
	pid=$(pgrep --ns "${SITE[b]}" --nslist pid -x routerd-exchang)
	kill -KILL "$pid"
	until_ok eval "! kill -0 $pid"
	on b sh -c '[ -z "$(ls /var/lib/routerd/exchange)" ]'
	: >"$RUN/bucket/go"
	exchange b
	[ "$status" = 0 ]
	[ "$(calls b)" = 1 ]
}

@test "the way out may be a proxy" {
	nodes b
	reader b cloud-rt '# by nothing'
	PROXY=http://nowhere.invalid:3128 exchange b --timeout 1
	[ "$status" = 1 ]
	says "the proxy's name does not resolve: check https_proxy"
	[ -z "$(requests true)" ]
}

@test "wrong usage is told" {
	nodes a
	exchange a --timeout 0
	[ "$status" = 2 ]
	exchange a now
	[ "$status" = 2 ]
	exchange a --no
	[ "$status" = 2 ]
	exchange a --help
	[ "$status" = 0 ]
	exchange a --version
	says 'routerd-exchange '
	on a sh -c 'umask 022; mkdir -p /etc/routerd/keys; echo x >/etc/routerd/keys/exchange-sign.key'
	exchange a --show
	[ "$status" = 1 ]
	says 'others may read it'
	on a chmod 600 /etc/routerd/keys/exchange-sign.key
	exchange a --show
	[ "$status" = 0 ]
	says 'was damaged, and is now'
}

@test "a copied disk signs with a key of its own" {
	nodes a
	machine a aaaaaaaa-0000-4000-8000-000000000001
	was=$(shown a)
	[ "$(shown a)" = "$was" ]
	machine a aaaaaaaa-0000-4000-8000-000000000002
	exchange a --show
	[ "$status" = 0 ]
	says 'this is a copy of another machine'
	[ "$(shown a)" != "$was" ]
}

# live SITE NODE ADDRESS OVERLAY PEER OVERLAY: a daemon that waits for PEER
live() {
	{ tunnel "$2" "$3" "$4" && cat; } <<-END | on "$1" sh -c 'cat >/etc/routerd/router.yaml'
		apiVersion: net.routerd.net/v1alpha1
		kind: IPv4Route
		metadata: { name: overlay }
		spec: { destination: $6/32, device: wg-hybrid }
		---
		apiVersion: net.routerd.net/v1alpha1
		kind: WireGuardPeer
		metadata: { name: $5 }
		spec: { interface: wg-hybrid }
	END
	daemon "$1"
	until_ok on "$1" test -s "/var/lib/routerd/export/$2.yaml"
}

@test "with routerd and routerctl themselves: keys meet, with a preshared key, and are replaced" {
	nodes a b
	live a cloud-rt 10.9.1.2 10.252.0.1 pve-rt 10.252.0.2
	live b pve-rt 10.9.2.2 10.252.0.2 cloud-rt 10.252.0.1
	on a ip route add 10.9.2.0/24 via 10.9.1.1
	on b ip route add 10.9.1.0/24 via 10.9.2.1
	on w sysctl -qw net.ipv4.ip_forward=1
	secret a b
	by_secret a cloud-rt pve-rt
	by_secret b pve-rt cloud-rt
	ln -sf "$ROUTERCTL" "$RUN/a.routerctl"
	ln -sf "$ROUTERCTL" "$RUN/b.routerctl"
	exchange a
	exchange b
	[ "$status" = 0 ]
	exchange a
	[ "$status" = 0 ]
	until_ok on a ping -c 1 -W 1 10.252.0.2
	[ "$(on a wg show wg-hybrid preshared-keys | awk '{ print $2 }')" != '(none)' ]
	# a machine made anew: its key is another, and the seal says that this is right
	daemon_kill b TERM
	on b ip link del wg-hybrid
	on b rm /etc/routerd/keys/wg-hybrid.key
	was=$(exported b pve-rt)
	daemon b
	until_ok eval '[ "$(exported b pve-rt)" != "$was" ]'
	exchange b
	exchange a
	[ "$status" = 0 ]
	until_ok on a ping -c 1 -W 1 10.252.0.2
}
