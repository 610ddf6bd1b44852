#!/usr/bin/env bats
# image/sbom's document of the disk (IMAGE): what SPDX 2.3 requires, by its sections, and that it
# is about the disk. What the disk has is read here by other means than there.

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
# shellcheck source=test/lib/disk.bash
source "$ROOT/test/lib/disk.bash"

setup_file() {
	export TMPDIR=$BATS_FILE_TMPDIR/tmp SBOM=$BATS_FILE_TMPDIR/image.spdx.json
	export SOURCE_DATE_EPOCH=1767225600 ADMIN=$BATS_FILE_TMPDIR/dpkg BUILT_FROM=$BATS_FILE_TMPDIR/built-from
	mkdir "$TMPDIR" "$ADMIN"
	printf '%s\n' "linked libnl-3-dev 3.7.0-0.2+b1 amd64 debian-12" \
		"linked libstdc++-12-dev 12.2.0-14 amd64 debian-12" "loader grub-pc-bin 2.12-9 amd64 debian-13" >"$BUILT_FROM"
	sbom "$IMAGE" 1.2.3 "$SBOM" "$BUILT_FROM"
	content /var/lib/dpkg/status >"$ADMIN/status"
	[ -s "$ADMIN/status" ]
}

sbom() { timeout 200 "$ROOT/image/sbom" "$@"; }
holds() { jq -e "$1" "${2:-$SBOM}" || { echo "not so: $1" && return 1; }; } # holds FILTER [FILE]

# A tree of one package, with what its copyright file says.
tree() { # tree TEXT
	TREE=$BATS_TEST_TMPDIR/tree
	mkdir -p "$TREE"/usr/{sbin,lib} "$TREE/usr/share/doc/one" "$TREE/var/lib/dpkg"
	printf 'ID=debian\nVERSION_ID="13"\n' >"$TREE/usr/lib/os-release"
	printf 'Package: %s\nStatus: install ok installed\nVersion: 1:2~3\nArchitecture: all\n\n' one >"$TREE/var/lib/dpkg/status"
	printf 'Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: all\n' >>"$TREE/var/lib/dpkg/status"
	printf '%s\n' "$1" >"$TREE/usr/share/doc/one/copyright"
	echo program >"$TREE/usr/sbin/routerd"
	sbom "$TREE" 1 "$BATS_TEST_TMPDIR/tree.json"
}

licence() { jq -r '.packages[] | select(.name == "one") | .licenseDeclared' "$BATS_TEST_TMPDIR/tree.json"; }

@test "the document says what it is (6.1 to 6.5, 6.8, 6.9)" {
	holds '.spdxVersion == "SPDX-2.3" and .dataLicense == "CC0-1.0" and .SPDXID == "SPDXRef-DOCUMENT"'
	holds '.name | length > 0'
	holds '.documentNamespace | test("^urn:uuid:[0-9a-f-]{36}$")'
	holds '.creationInfo.creators | length > 0 and all(test("^(Tool|Organization|Person): ."))'
	holds '.creationInfo.created == "2026-01-01T00:00:00Z"'
}

@test "each package has a name, a place to get it or none asserted, and files only where they are listed (7.1, 7.7 to 7.9)" {
	holds '.packages | length > 100 and all(.name and .versionInfo and .downloadLocation)'
	holds 'all(.packages[]; .filesAnalyzed == has("packageVerificationCode"))'
	holds 'all(.packages[]; (.supplier // "NOASSERTION") | test("^(NOASSERTION|(Person|Organization): .+)$"))'
}

@test "each id has the letters it may have, and is there once (6.3, 7.2, 8.2)" {
	holds '[.SPDXID, (.packages, .files)[].SPDXID] | all(test("^SPDXRef-[A-Za-z0-9.-]+$")) and (unique | length) == length'
}

@test "each file has a relative name and a SHA1 (8.1, 8.4)" {
	holds '.files | length >= 4 and all((.fileName | startswith("./")) and any(.checksums[]; .algorithm == "SHA1"))'
}

@test "each relationship has two ends that are there (11.1)" {
	holds '[.SPDXID, (.packages, .files)[].SPDXID] as $ids | .relationships | length > 100 and
		all((.spdxElementId | IN($ids[])) and (.relatedSpdxElement | IN($ids[])))'
	holds '[.relationships[] | select(.relationshipType == "DESCRIBES")] == [{
		spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES", relatedSpdxElement: "SPDXRef-image"}]'
	holds '([.relationships[] | select(.spdxElementId == "SPDXRef-image" and .relationshipType == "CONTAINS")
			| .relatedSpdxElement] | sort) ==
		([.packages[].SPDXID | select(. != "SPDXRef-image" and (startswith("SPDXRef-Linked-") | not))] | sort)'
}

@test "the packages are the disk's, with version, architecture and source" {
	diff <(dpkg-query --admindir="$ADMIN" -W \
		-f '${Package} ${Version} ${Architecture} ${source:Package} ${source:Version}\n' | sort) \
		<(jq -r '.packages[] | select(.SPDXID | startswith("SPDXRef-Package-")) | "\(.name) \(.versionInfo) " +
			(.externalRefs[0].referenceLocator | capture("arch=(?<arch>[a-z0-9]+)&").arch) +
			(.sourceInfo | sub("built from Debian source"; ""))' "$SBOM" | sort)
}

@test "each package of Debian's has a purl, in which what is no letter is escaped (F.3.5)" {
	holds 'all(.packages[] | select(.externalRefs) | .externalRefs[]; .referenceCategory == "PACKAGE-MANAGER"
		and .referenceType == "purl" and (.referenceLocator |
		test("^pkg:deb/debian/([a-z0-9.-]|%2B)+@([A-Za-z0-9.~-]|%2B|%3A)+\\?arch=(amd64|all)&distro=debian-1[23]$")))'
	holds '([.packages[] | select(.externalRefs)] | length) == (.packages | length) - 2'
}

@test "routerd's programs are those on the disk" {
	for path in /usr/sbin/routerd /usr/lib/routerd/routerd-firstboot /usr/lib/routerd/routerd-exchange; do
		sum=$(content $path | sha256sum)
		holds "[.files[] | select(.fileName == \".$path\") | .checksums[] | select(.algorithm == \"SHA256\").checksumValue] == [\"${sum%% *}\"]"
	done
	code=$(jq -r '.files[].checksums[] | select(.algorithm == "SHA1").checksumValue' "$SBOM" | sort | tr -d '\n' | sha1sum)
	holds ".packages[] | select(.name == \"routerd\") | .versionInfo == \"1.2.3\" and .packageVerificationCode.packageVerificationCodeValue == \"${code%% *}\""
}

@test "what is linked into them is named, and the loader, and a list that is none is refused" {
	holds '[.relationships[] | select(.relationshipType == "STATIC_LINK") | .relatedSpdxElement] | length == 2'
	holds '.relationships | any(. == {spdxElementId: "SPDXRef-image", relationshipType: "CONTAINS", relatedSpdxElement: "SPDXRef-Loader-grub-pc-bin-amd64"})'
	holds '.packages[] | select(.name == "libnl-3-dev") | .versionInfo == "3.7.0-0.2+b1"'
	echo "libnl-3-dev" >"$BATS_TEST_TMPDIR/bad"
	run sbom "$IMAGE" 1.2.3 "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/bad"
	[ "$status" = 2 ]
	[[ $output == *"'libnl-3-dev' is not linked or loader, then a name"* ]]
	[ ! -e "$BATS_TEST_TMPDIR/out" ]
}

@test "the same disk and time give the same bytes, and other content another namespace" {
	sbom "$IMAGE" 1.2.3 "$BATS_TEST_TMPDIR/again" "$BUILT_FROM"
	cmp "$SBOM" "$BATS_TEST_TMPDIR/again"
	tree one
	one=$(jq -r .documentNamespace "$BATS_TEST_TMPDIR/tree.json")
	echo other >"$TREE/usr/sbin/routerd"
	sbom "$TREE" 1 "$BATS_TEST_TMPDIR/tree.json"
	[ "$one" != "$(jq -r .documentNamespace "$BATS_TEST_TMPDIR/tree.json")" ]
}

@test "a licence is named where all files have one that SPDX has, too" {
	tree $'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: Expat\n text\n\nFiles: debian/*\nLicense: GPL-2+'
	[ "$(licence)" = "GPL-2.0-or-later AND MIT" ]
	tree $'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: Expat\n\nFiles: a\nLicense: own'
	[ "$(licence)" = NOASSERTION ]
	tree "This is free."
	[ "$(licence)" = NOASSERTION ]
	rm -r "$TREE/usr/share/doc"
	sbom "$TREE" 1 "$BATS_TEST_TMPDIR/tree.json"
	[ "$(licence)" = NOASSERTION ]
	holds '[.packages[].name] == ["routerd-image", "routerd", "one"]' "$BATS_TEST_TMPDIR/tree.json"
	holds '.packages[2].externalRefs[0].referenceLocator == "pkg:deb/debian/one@1%3A2~3?arch=all&distro=debian-13"' "$BATS_TEST_TMPDIR/tree.json"
}

@test "no disk, no time and no routerd are told, and nothing is left" {
	run sbom "$BATS_TEST_TMPDIR/none" 1 "$BATS_TEST_TMPDIR/out"
	[ "$status" = 2 ]
	[[ $output == *"make image"* ]]
	run env -u SOURCE_DATE_EPOCH "$ROOT/image/sbom" "$IMAGE" 1 "$BATS_TEST_TMPDIR/out"
	[ "$status" = 2 ]
	[[ $output == *"SOURCE_DATE_EPOCH is not set"* ]]
	tree one
	rm "$TREE/usr/sbin/routerd"
	run sbom "$TREE" 1 "$BATS_TEST_TMPDIR/out"
	[ "$status" = 2 ]
	[[ $output == *"has no routerd in it"* ]]
	[ ! -e "$BATS_TEST_TMPDIR/out" ]
	[ ! "$(ls -A "$TMPDIR")" ]
}
