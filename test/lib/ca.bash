# shellcheck shell=bash
# ca.bash - a CA of the test's own, and what it signs.

# certificate NAME SUBJECTALTNAME START END: signed by the CA; NAME.pem has key and chain
certificate() {
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" \
		-out "$1.csr" -subj "/CN=$1"
	printf 'subjectAltName=%s\n' "$2" >"$1.ext"
	openssl ca -batch -config ca.conf -in "$1.csr" -out "$1.crt" -extfile "$1.ext" \
		-startdate "$3" -enddate "$4"
	cat "$1.key" "$1.crt" >"$1.pem"
}

# certificates SUBJECTALTNAME: in $BATS_FILE_TMPDIR, ca.crt and of servers by that name, good.pem,
# self.pem (signed by itself), host.pem (of another), expired.pem, early.pem
certificates() {
	cd "$BATS_FILE_TMPDIR" || return
	cat >ca.conf <<-END
		[ca]
		default_ca = own
		[own]
		new_certs_dir = .
		database = index
		serial = serial
		default_md = sha256
		policy = any
		unique_subject = no
		certificate = ca.crt
		private_key = ca.key
		[any]
		commonName = supplied
	END
	: >index
	echo 01 >serial
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key \
		-out ca.crt -days 2 -subj /CN=test-ca
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout self.key \
		-out self.crt -days 2 -subj /CN=self -addext "subjectAltName=$1"
	cat self.key self.crt >self.pem
	local yesterday tomorrow
	yesterday=$(date -u -d yesterday +%Y%m%d%H%M%SZ)
	tomorrow=$(date -u -d tomorrow +%Y%m%d%H%M%SZ)
	certificate good "$1" "$yesterday" "$tomorrow"
	certificate host DNS:elsewhere.example "$yesterday" "$tomorrow"
	certificate expired "$1" 20200101000000Z "$yesterday"
	certificate early "$1" "$tomorrow" 20400101000000Z
}
