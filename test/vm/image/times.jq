# Of a report, the steps of its boot as [step, seconds of the kernel's clock], which systemd's
# and the journal's is; null where a boot has no such step, as an initrd without systemd.
def seconds: if . then . / 1e6 else null end;
def was: if . > 0 then . else null end | seconds;
def ended($unit): .units[$unit].to | was;
[
	["kernel starts", 0],
	["initrd's systemd starts", (.system.InitRDTimestampMonotonic | was)],
	["root's systemd starts", (.system.UserspaceTimestampMonotonic | was)],
	["cloud-init local ends", ended("cloud-init-local.service")],
	["cloud-init network ends", ended("cloud-init-network.service")],
	["sysinit.target", ended("sysinit.target")],
	["routerd runs", ended("routerd.service")],
	["first boot done", ([.firstboot[] | select(.message | startswith("first boot done")).at] |
		first | seconds)],
	["multi-user.target", ended("multi-user.target")],
	["cloud-final starts", (.units["cloud-final.service"].from | seconds)],
	["cloud-final ends", ended("cloud-final.service")],
	["all jobs done", (.system.FinishTimestampMonotonic | seconds)]
]
