# Of a report, what listens: protocol, kind of address, port, program.
.sockets[] | [splits(" +")] | .[4] as $local |
	($local | sub(":[^:]*$"; "")) as $address |
	[.[0],
		if $address == "0.0.0.0" then "any4"
		elif $address == "[::]" or $address == "*" then "any6"
		elif $address | test("^127[.]|^.::1.") then "loopback"
		else "own" end,
		($local | sub(".*:"; "")),
		((.[6] // "") | capture("\"(?<program>[^\"]+)\"").program) // "kernel"] | join(" ")
