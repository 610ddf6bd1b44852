#!/usr/bin/env bats
# How long 'make image' took when there was nothing, and once more, as after a change of our own
# files: the packages are in its caches, so it takes a minute. The disk that the other tests read is
# then this one.

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
OUT=$ROOT/build/image
MOST=60 # s, on two processors that have nothing else to do
FIRST=600

@test "the first build, with no caches, took ten minutes at most" {
	local took=$OUT/from-nothing
	[ -s "$took" ] || { echo "$took is not there; after rm -rf $OUT, 'make image' writes it" && false; }
	echo "# it took $(<"$took") s" >&3
	(($(<"$took") <= FIRST))
}

@test "a build with its caches takes a minute" {
	local name real user system
	name=$(basename "$OUT"/routerd-*.manifest .manifest)
	TIMEFORMAT='%0R %0U %0S'
	read -r real user system < <({ time "$ROOT/image/build" "${name#routerd-}" "$ROOT/build/release/image" "$OUT" \
		>"$BATS_TEST_TMPDIR/log" 2>&1 3>&- 4>&-; } 2>&1)
	tail -n 8 "$BATS_TEST_TMPDIR/log"
	[[ $(tail -n 1 "$BATS_TEST_TMPDIR/log") == *" $name.spdx.json" ]]
	echo "# it took $real s, $((user + system)) s of work" >&3
	# Where others use the machine, too, its work tells more than the clock.
	((real <= MOST || user + system <= 2 * MOST))
}
