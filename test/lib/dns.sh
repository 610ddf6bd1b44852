#!/usr/bin/env bash
# One DNS question on standard input, one answer on standard output: A is $1, any other type
# has no records. The first question is lost, if LOSE names a file that is not there yet.
set -eu
if [ -n "${LOSE-}" ] && [ ! -e "$LOSE" ]; then
	: >"$LOSE"
	exit 0
fi
q=$(head -c 512 | od -An -v -tx1 | tr -d ' \n')
id=$(printf %.4s "$q")
rest=${q#????????????????????????}
name=${rest%%00*}00 # labels up to the root; a length byte is never 00
type=$(printf %.4s "${rest#"$name"}")
if [ "$type" = 0001 ]; then
	address=$(echo "$1" | tr . '\n' | while read -r n; do printf %02x "$n"; done)
	answer="${id}81800001000100000000${name}00010001c00c000100010000003c0004$address"
else
	answer="${id}81800001000000000000${name}${type}0001"
fi
# shellcheck disable=SC2059 # the bytes are the format
printf "$(printf %s "$answer" | sed 's/../\\x&/g')" 2>/dev/null
