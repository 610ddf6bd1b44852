# Of a smoke's evidence.json, one page for people.
"# \(.provider) and Proxmox VE: \(.result)
\(if .why == "" then "" else "**\(.why | gsub("\n"; "; "))**

" end)\(.when), image \(.image), SHA-256 \(.digest).

Two golden images from power-on, with the user-data of the project's pages, and no hand on them but
for one key file carried each way. **The cloud and the site are simulated** on one machine, in network
namespaces: no account, no real provider. The routers are emulated by QEMU, so seconds and MiB/s say
how the parts relate, not how fast real machines are. Between the sites at most \(.limit) bytes pass,
fragments and word of it do not.

    cloud-vm 10.77.60.7 - [cloud] - cloud-rt 10.77.60.4 ==WireGuard==> 203.0.113.20
                                                 pve-rt 10.77.60.2 (behind NAT) - onprem-vm 10.77.60.9

| What | Wanted | Seen | |
|---|---|---|---|",
(.rows[] | "| \(.what) | \(.wanted | gsub("[*]"; "…")) | \(.seen) | \(.mark) |"),
"
| Number | |
|---|---|",
(.numbers[] | "| \(.name) | \(.value) \(.unit) |"),
"
What the doctor warns of:
",
(.warnings[] | "- \(.)"), (if .warnings == [] then "- nothing" else empty end),
"
Beside this page: `evidence.json` has the same; `cloud-vm.pcap` and `onprem-vm.pcap` are the packets at
the clients, `internet.pcap` between the sites; `state-*/` what each router says of its addresses,
routes, proxy neighbours, rules and peers; `doctor-*.json` its doctor; `phases-*.json` its boot;
`*.console` its console; `carried/` the files that were carried."
