# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # RUN is from and status for bats
# doctor.bash - runs routerctl doctor, and does what its remedies say. Needs bats.bash.

# What a remedy may begin with: words, and commands.
DOCTOR_WORDS='set|edit|by|[(]umask|ip|sysctl|echo|routerctl|sudo|systemctl|timedatectl|chronyc|ntpq|az|aws|oci|gcloud'
DOCTOR_WORDS+='|chmod|chown|mv|mkdir|mount|modprobe|apt-get|dnf|nft|ip6?tables.*|netfilter-persistent'

# doctor SITE ARGS...: leaves $status and $RUN/doctor.json.
doctor() {
	local site=$1
	shift
	status=0
	on "$site" timeout 60 "$ROUTERCTL" doctor -o json "$@" >"$RUN/doctor.json" || status=$?
	# Words and edits can be told from commands, which sh understands.
	jq -r '.checks[].remedy | select(test("^(set spec[.]|edit |by hand: )") | not)' "$RUN/doctor.json" | sh -n
	! jq -r '.checks[].remedy | select(. != "") | split(" ")[0]' "$RUN/doctor.json" | grep -vxE "$DOCTOR_WORDS" || return 1
	jq -r '.checks[] | select(.status != "pass") | "\(.area) \(.name) \(.status): \(.detail)\n\t\(.remedy)"' \
		"$RUN/doctor.json"
}

# says AREA NAME STATUS [PATTERN]: one row at least is so.
says() {
	jq -en --arg a "$1" --arg n "$2" --arg s "$3" --arg p "${4-}" \
		'any(input.checks[]; .area == $a and .name == $n and .status == $s and (.detail | test($p)))' \
		"$RUN/doctor.json" >/dev/null
}

remedy() { # remedy AREA NAME: of the first row that is not well
	jq -r --arg a "$1" --arg n "$2" \
		'first(.checks[] | select(.area == $a and .name == $n and .status != "pass")).remedy' \
		"$RUN/doctor.json"
}

cure() { # cure SITE AREA NAME: what the remedy says, as a shell reads it
	local command
	command=$(remedy "$2" "$3")
	echo "cure: $command"
	on "$1" env PATH="${ROUTERCTL%/*}:$PATH" sh -c "$command"
}

# edit AREA NAME: "set spec.A.KEY: VALUE in KIND/NAME (FILE:LINE)", done as it is told.
edit() {
	local key value file line form='^set spec[.]([A-Za-z.]+): ([^ ]+) in [^ ]+ [(](.+):([0-9]+)[)]'
	[[ $(remedy "$1" "$2") =~ $form ]]
	key=${BASH_REMATCH[1]##*.} value=${BASH_REMATCH[2]} file=${BASH_REMATCH[3]} line=${BASH_REMATCH[4]}
	if sed -n "${line}p" "$file" | grep -qE "(^|[ {])$key: "; then
		sed -i -E "${line}s|(^\|[ {])$key: [^ ,}]+|\1$key: $value|" "$file"
	else
		sed -i "${line}s|{|{ $key: $value,|" "$file"
	fi
}
