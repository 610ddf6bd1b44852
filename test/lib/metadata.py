#!/usr/bin/env python3
"""The metadata services of four clouds, for tests; they fail on demand.

    metadata.py [--host ADDRESS] [--port PORT] [--instance FILE] FOLDER...
    metadata.py ... [--name NAME] [--user-data FILE] FOLDER...

One service for each FOLDER: FOLDER/port comes when it is there, FOLDER/requests has a line of
JSON for each request, and FOLDER/fault says how it goes; without one as the cloud does it. Azure's
host agent is served, too: what a machine reports is in the requests' bodies.

FILE describes the instance that all of them serve. It is read for each request, since addresses
come and go: replace it, do not write into it. The first NIC and a NIC's first address are primary.

    { "name": "cloud-rt", "id": "i-0123456789abcdef0", "user_data": "#cloud-config ...",
      "ssh_key": "ssh-ed25519 AAAA... ops", "nics": [ { "mac": "52:54:00:aa:bb:cc",
      "ref": "eni-0123456789abcdef0", "addresses": ["10.77.60.4", "10.77.60.9"],
      "subnet": "10.77.60.0/24", "gateway": "10.77.60.1", "public": "203.0.113.20" } ] }

Without FILE each cloud has an instance of its own: NAME is in its name, so that one machine's
facts can be told from another's, and what is in --user-data's FILE is its user-data.

    404.N 410.N 429.N 500.N 503.N   N times that status, and then as it should; N = 0: always.
             A 429 with Retry-After: 1
    401 403 400 418  always         patience  429, for an hour
    redirect to a document that is right, and another machine's
    late     it refuses connections for a while, at first     later  for 20 s
    drip     a byte now and then    mute     says nothing
    big      100 MB                 endless  chunks without an end
    cut      in the middle, twice   cuts     always
    longer   more than its Content-Length, twice
    chunked  all in chunks          wrong    no JSON, twice
    part     without NICs, twice    parts    always
    strange  MACs, numbers and missing parts as they have been seen
    old      Azure of 2019          flavor   not Google's server
    lag      AWS's interface-id comes late, or never    renew  its token expires
    token    it is too long         none     no user-data
"""

import argparse
import base64
import http.server
import json
import os
import socket
import socketserver
import sys
import threading
import time

args = argparse.ArgumentParser()
args.add_argument("folders", nargs="+")
args.add_argument("--host", default="127.0.0.1")
args.add_argument("--port", type=int, default=0)
args.add_argument("--instance")
args.add_argument("--name", default="vm")
args.add_argument("--user-data")
args = args.parse_args()

WAIT = 0.05  # s
LATE = {"late": 1.5, "later": 20}  # s

# ---- instances ------------------------------------------------------------------------------

# Each has what its cloud's documents may have: a second NIC, also as the first of the list, or
# without an address of IPv4.
OWN = {
    "azure": {
        "id": "02aab8a4-74ef-476e-8182-f6d2ba4166a6",
        "nics": [
            {
                "mac": "00:0d:3a:f8:06:ed",
                "addresses": ["10.20.1.4"],
                "subnet": "10.20.1.0/24",
            },
            {
                "mac": "00:0d:3a:f8:06:ec",
                "addresses": ["10.20.0.4", "10.20.0.9"],
                "subnet": "10.20.0.0/24",
                "public": "20.50.1.2",
            },
        ],
    },
    "aws": {
        "id": "i-0123456789abcdef0",
        "nics": [
            {
                "mac": "0e:49:61:0f:c3:11",
                "ref": "eni-0e4961c111c31023a",
                "addresses": ["10.30.0.5", "10.30.0.9", "2600:1f14::5"],
                "subnet": "10.30.0.0/24",
                "public": "54.1.2.3",
            },
            {
                "mac": "0e:49:61:0f:c3:77",
                "ref": "eni-0e4961c177c31123a",
                "addresses": ["10.30.1.5"],
                "subnet": "10.30.1.0/24",
            },
        ],
    },
    "oci": {
        "id": "ocid1.instance.oc1.phx.anyhqljtexample",
        "nics": [
            {
                "mac": "02:00:17:05:d1:db",
                "ref": "ocid1.vnic.oc1.phx.abyhqljtfirst",
                "addresses": ["10.40.0.4"],
                "subnet": "10.40.0.0/24",
                "gateway": "10.40.0.1",
            },
            {
                "mac": "02:00:17:06:88:45",
                "ref": "ocid1.vnic.oc1.phx.abyhqljtsecond",
                "addresses": [],
            },
        ],
    },
    "gcp": {
        "id": "14926553122446417917",
        "nics": [
            {
                "mac": "42:01:0a:32:00:04",
                "addresses": ["10.50.0.4", "10.50.0.9/32", "10.50.8.0/24"],
                "gateway": "10.50.0.1",
                "public": "34.1.2.3",
            }
        ],
    },
}


def text_of(path):
    with open(path) as f:
        return f.read()


def instance_of(cloud):
    if args.instance:
        return json.loads(text_of(args.instance))
    user_data = "#cloud-config\nrouterd:\n  node: cloud-rt\n"
    return {
        "name": args.name,
        "user_data": text_of(args.user_data) if args.user_data else user_data,
        "ssh_key": "ssh-ed25519 AAAA one\nssh-ed25519 AAAA two",
        **OWN[cloud],
    }


# ---- documents: in the shapes that the services have ----------------------------------------


def base64_of(text):
    return base64.b64encode(text.encode()).decode()


def folded(text):
    return text[:20] + "\r\n " + text[20:]


def azure_nic(nic):
    pairs = [{"privateIpAddress": a, "publicIpAddress": ""} for a in nic["addresses"]]
    pairs[0]["publicIpAddress"] = nic.get("public", "")
    address, _, prefix = nic["subnet"].partition("/")
    return {
        "ipv4": {"ipAddress": pairs, "subnet": [{"address": address, "prefix": prefix}]},
        "ipv6": {"ipAddress": []},
        "macAddress": nic["mac"].replace(":", "").upper(),
    }


def azure(instance):
    return {
        "compute": {
            "azEnvironment": "AzurePublicCloud",
            "customData": "",
            "evictionPolicy": "",
            "isHostCompatibilityLayerVm": "false",
            "location": "westeurope",
            "name": instance["name"],
            "osProfile": {
                "adminUsername": "debian",
                "computerName": instance["name"],
                "disablePasswordAuthentication": "true",
            },
            "osType": "Linux",
            "plan": {"name": "", "product": "", "publisher": ""},
            "publicKeys": [
                {"keyData": key, "path": "/home/debian/.ssh/authorized_keys"}
                for key in instance["ssh_key"].splitlines()
            ],
            "resourceGroupName": "rg-lab",
            "resourceId": "/subscriptions/8d10da13-8125-4ba9-a717-bf7490507b3d/resourceGroups/"
            "rg-lab/providers/Microsoft.Compute/virtualMachines/" + instance["name"],
            "subscriptionId": "8d10da13-8125-4ba9-a717-bf7490507b3d",
            "tagsList": [{"name": "role", "value": "router"}],
            "userData": folded(base64_of(instance["user_data"])),
            "vmId": instance["id"],
            "vmSize": "Standard_B2s",
            "zone": "1",
        },
        "extended": {"compute": {"hasCustomData": "false", "ppsType": "None"}},
        "network": {"interface": [azure_nic(nic) for nic in instance["nics"]]},
    }


# What the host agent wants of a machine, as much as concerns a report of its health.
def goal_state(instance):
    return f"""<?xml version="1.0" encoding="utf-8"?>
<GoalState>
  <Version>2012-11-30</Version>
  <Incarnation>1</Incarnation>
  <Machine><ExpectedState>Started</ExpectedState></Machine>
  <Container>
    <ContainerId>{instance["id"]}</ContainerId>
    <RoleInstanceList>
      <RoleInstance><InstanceId>{instance["id"]}.{instance["name"]}</InstanceId></RoleInstance>
    </RoleInstanceList>
  </Container>
</GoalState>
"""


def aws_nic(number, nic):
    def version(six):
        return "\n".join(a for a in nic["addresses"] if (":" in a) == six)

    keys = {
        "device-number": str(number),
        "interface-id": nic["ref"],
        "ipv6s": version(six=True),
        "local-hostname": f"ip-{nic['addresses'][0].replace('.', '-')}.ec2.internal",
        "local-ipv4s": version(six=False),
        "mac": nic["mac"],
        "owner-id": "123456789012",
        "public-ipv4s": nic.get("public"),
        "security-group-ids": "sg-0123456789abcdef0",
        "subnet-id": "subnet-0123456789abcdef0",
        "subnet-ipv4-cidr-block": nic["subnet"],
        "vpc-id": "vpc-0123456789abcdef0",
        "vpc-ipv4-cidr-blocks": nic["subnet"],
    }
    return {key: value for key, value in keys.items() if value}


def aws(instance):
    """Its paths; the folders are in them."""
    first, zone = instance["nics"][0], "eu-west-1a"
    meta = {
        "ami-id": "ami-0123456789abcdef0",
        "instance-id": instance["id"],
        "local-hostname": f"{instance['name']}.ec2.internal",
        "local-ipv4": first["addresses"][0],
        "mac": first["mac"],
        "placement/availability-zone": zone,
        "placement/region": zone[:-1],
        "public-ipv4": first.get("public"),
    }
    for i, key in enumerate(instance["ssh_key"].splitlines()):
        meta[f"public-keys/{i}/openssh-key"] = key
    # The last NIC first: the list is in no order that means anything.
    for i, nic in reversed(list(enumerate(instance["nics"]))):
        for key, value in aws_nic(i, nic).items():
            meta[f"network/interfaces/macs/{nic['mac']}/{key}"] = value
    identity = {
        "accountId": "123456789012",
        "architecture": "x86_64",
        "availabilityZone": zone,
        "imageId": meta["ami-id"],
        "instanceId": instance["id"],
        "instanceType": "t3.small",
        "privateIp": first["addresses"][0],
        "region": zone[:-1],
    }
    tree = {f"meta-data/{key}": value for key, value in meta.items() if value}
    tree["dynamic/instance-identity/document"] = json.dumps(identity, indent=2)
    tree["user-data"] = instance["user_data"]
    return tree


def aws_folder(tree, path):
    """What is in it; that of the keys has names of its own."""
    path = path.rstrip("/") + "/"
    below = [key.removeprefix(path) for key in tree if key.startswith(path)]
    if path.endswith("public-keys/"):
        return "\n".join(f"{key.split('/')[0]}=key" for key in below)
    return "\n".join(dict.fromkeys(key[: (key + "/").index("/") + 1] for key in below))


def oci_instance(instance):
    return {
        "availabilityDomain": "EMIr:PHX-AD-1",
        "canonicalRegionName": "us-phoenix-1",
        "compartmentId": "ocid1.compartment.oc1..aaaaexample",
        "definedTags": {"Operations": {"CostCenter": "42"}},
        "displayName": instance["name"],
        "faultDomain": "FAULT-DOMAIN-3",
        "freeformTags": {"Department": "Finance"},
        "hostname": instance["name"],
        "id": instance["id"],
        "image": "ocid1.image.oc1.phx.aaaaexample",
        "metadata": {
            "ssh_authorized_keys": instance["ssh_key"],
            "user_data": base64_of(instance["user_data"]),
            "nested": {"keys": ["are", {"seen": None}]},
        },
        "ociAdName": "phx-ad-1",
        "region": "phx",
        "regionInfo": {"realmKey": "oc1", "regionKey": "PHX"},
        "shape": "VM.Standard.E4.Flex",
        "state": "Running",
        "timeCreated": 1600381928581,
    }


def oci_vnic(number, nic):
    """The primary address alone; without one it is as where there is only IPv6."""
    vnic = {
        "vnicId": nic["ref"],
        "vlanTag": number,
        "macAddr": nic["mac"].upper(),
        "subnetCidrBlock": nic.get("subnet", "<null>"),
    }
    if nic["addresses"]:
        vnic.update(privateIp=nic["addresses"][0], virtualRouterIp=nic["gateway"])
    return vnic


def oci_vnics(instance):
    return [oci_vnic(i, nic) for i, nic in enumerate(instance["nics"])]


def gcp_nic(nic):
    return {
        "accessConfigs": [{"externalIp": nic.get("public", ""), "type": "ONE_TO_ONE_NAT"}],
        "dnsServers": ["169.254.169.254"],
        "forwardedIps": [],
        "gateway": nic["gateway"],
        "ip": nic["addresses"][0],
        "ipAliases": nic["addresses"][1:],
        "mac": nic["mac"],
        "mtu": 1460,
        "network": "projects/123456789/networks/default",
        "subnetmask": "255.255.255.0",
    }


def gcp(instance):
    return {
        "attributes": {"ssh-keys": "", "user-data": instance["user_data"]},
        "cpuPlatform": "Intel Broadwell",
        "disks": [{"deviceName": "boot", "index": 0, "mode": "READ_WRITE"}],
        "hostname": f"{instance['name']}.c.lab-42.internal",
        "id": int(instance["id"]),
        "machineType": "projects/123456789/machineTypes/e2-small",
        "name": instance["name"],
        "networkInterfaces": [gcp_nic(nic) for nic in instance["nics"]],
        "zone": "projects/123456789/zones/europe-west1-b",
    }


# What has been seen in the wild instead of the tidy forms above.
def strange(cloud, document):
    if cloud == "azure":
        document["compute"].update(zone=None, tagsList=None, location=7)
        nic = document["network"]["interface"][0]
        nic.update(macAddress="00-0d-3a-f8-06-ed", ipv6=None)
        nic["ipv4"]["subnet"] = [{"address": "10.20.1.0", "prefix": 24}]
        del document["compute"]["userData"]
    if cloud == "oci" and isinstance(document, dict):
        document.update(metadata=None, canonicalRegionName="<null>")
    if cloud == "oci" and isinstance(document, list):
        document[0].update(macAddr="020017.05d1db".replace(".", ""), virtualRouterIp=None)
    if cloud == "gcp":
        document["networkInterfaces"][0].update(mtu="1460", accessConfigs=[], mac="42010A320004")
        document["attributes"] = None
    return document


# ---- services -------------------------------------------------------------------------------


class Service(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self):
        headers = {k.lower(): v for k, v in self.headers.items()}
        line = {"method": self.command, "path": self.path, "headers": headers}
        if length := int(headers.get("content-length", 0)):
            line["body"] = self.rfile.read(length).decode(errors="replace")
        with self.server.lock, open(f"{self.server.folder}/requests", "a") as f:
            f.write(json.dumps(line) + "\n")

    def count(self):
        """Of this path, and of all."""
        with self.server.lock:
            counts = self.server.counts
            for key in (self.path, "all"):
                counts[key] = counts.get(key, 0) + 1
            return counts[self.path], counts["all"]

    def answer(self, status, body=b"", google=False, **headers):
        if isinstance(body, str):
            body = body.encode()
        self.send_response(status)
        if google:
            self.send_header("Metadata-Flavor", "Google")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if self.how == "chunked" and status == 200:
            return self.chunks(body)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return self.wfile.write(body)

    def chunks(self, body):
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for i in range(0, len(body), 100):
            part = body[i : i + 100]
            self.wfile.write(b"%X;name=value\r\n%s\r\n" % (len(part), part))
        return self.wfile.write(b"0\r\nTrailer: x\r\n\r\n")

    def pieces(self, name, value, piece, wait=0):
        self.send_response(200)
        self.send_header("Metadata-Flavor", "Google")
        self.send_header(name, value)
        self.end_headers()
        while True:
            self.wfile.write(piece)
            time.sleep(wait)

    def fails(self):
        """True: the request is over."""
        status, _, times = self.how.partition(".")
        if status.isdigit():
            if times and int(times) and self.of_all > int(times):
                return False
            more = {"Retry_After": "1"} if status == "429" else {}
            # What is in it must not be taken for the document.
            self.answer(int(status), json.dumps(azure(instance_of("azure"))), google=True, **more)
        elif self.how == "patience":
            self.answer(429, google=True, Retry_After="3600")
        elif self.how == "redirect" and not self.path.startswith("/other"):
            self.answer(302, google=True, Location="/other" + self.path)
        elif self.how == "drip":
            self.pieces("Content-Length", "4000", b" ", WAIT)
        elif self.how == "big":
            self.pieces("Content-Length", "104857600", b" " * (1 << 20))
        elif self.how == "endless":
            self.pieces("Transfer-Encoding", "chunked", b"10000\r\n" + b" " * 65536 + b"\r\n")
        elif self.how == "mute":
            time.sleep(60)
        else:
            return False
        return True

    def body(self, body, google=False):
        early = self.of_all <= 2
        if self.how == "cuts" or (self.how == "cut" and early):
            self.answer(200, body[: len(body) // 2], google, Content_Length=str(len(body)))
            self.close_connection = True
        elif self.how == "longer" and early:
            self.answer(200, body, google, Content_Length=str(len(body) // 2))
            self.close_connection = True
        else:
            self.answer(200, body, google)

    def document(self, cloud, document):
        """JSON, with what may be wrong with it."""
        if self.how == "strange":
            document = strange(cloud, document)
        if self.how == "parts" or (self.how == "part" and self.of_path <= 2):
            if isinstance(document, list):
                document = []
            else:
                left_out = ("id", "network", "networkInterfaces")
                document = {k: v for k, v in document.items() if k not in left_out}
        body = json.dumps(document)
        if self.how == "wrong" and self.of_path <= 2:
            body = "<html><title>Sign in to the network"
        self.body(body, cloud == "gcp" and self.how != "flavor")

    def has(self, name, value):
        """As the real services, which refuse what was forwarded."""
        forwarded = [k for k in self.headers if "forwarded" in k.lower()]
        return self.headers.get(name) == value and not forwarded

    def azure(self, path):
        old = path == "/metadata/instance?api-version=2019-06-01"
        new = path == "/metadata/instance?api-version=2021-08-01&extended=true"
        if not self.has("Metadata", "true") or self.command != "GET":
            return self.answer(400, '{"error": "Bad request. Required metadata header not specified"}')
        if not old and (not new or self.how == "old"):
            return self.answer(400, '{"error": "Bad request", "newest-versions": ["2019-06-01"]}')
        document = azure(instance_of("azure"))
        if old:
            del document["compute"]["userData"], document["extended"]
        return self.document("azure", document)

    def host_agent(self, path):
        if self.headers.get("x-ms-version") != "2012-11-30":
            return self.answer(400)
        if (self.command, path) == ("GET", "/machine/?comp=goalstate"):
            return self.body(goal_state(instance_of("azure")))
        if (self.command, path) == ("POST", "/machine?comp=health"):
            return self.answer(200)
        return self.answer(404)

    def aws_token(self):
        ttl = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if self.command != "PUT" or not ttl.isdigit() or not 1 <= int(ttl) <= 21600:
            return self.answer(400)
        with self.server.lock:
            self.server.tokens += 1
        token = f"AQAAA{self.server.tokens}=="
        return self.body(token * 1000 if self.how == "token" else token)

    def aws(self, path):
        if path == "/latest/api/token":
            return self.aws_token()
        given = [f"AQAAA{i + 1}==" for i in range(self.server.tokens)]
        expired = self.how == "renew" and self.server.tokens == 1 and "macs" in path
        if expired or not any(self.has("X-aws-ec2-metadata-token", token) for token in given):
            return self.answer(401)
        tree, key = aws(instance_of("aws")), path.split("/", 2)[2]
        if key == "user-data" and self.how in ("none", "strange"):
            return self.answer(404)
        late = self.how == "never" or (self.how == "lag" and self.of_path <= 2)
        if late and key.endswith("77/interface-id"):
            return self.answer(404)
        if key.endswith("macs/") and (self.how == "parts" or (self.how == "part" and self.of_path <= 2)):
            return self.answer(404)
        if key.endswith("macs/") and self.how == "wrong" and self.of_path <= 2:
            return self.answer(200, "\n")
        body = tree.get(key) or aws_folder(tree, key)
        if not body:
            return self.answer(404, '<?xml version="1.0"?><html><title>404 - Not Found</title></html>')
        return self.body(body)

    def oci(self, path):
        if not self.has("Authorization", "Bearer Oracle"):
            return self.answer(401)
        if path == "/opc/v2/instance/":
            return self.document("oci", oci_instance(instance_of("oci")))
        if path == "/opc/v2/vnics/":
            return self.document("oci", oci_vnics(instance_of("oci")))
        return self.answer(404)

    def gcp(self, path):
        if not self.has("Metadata-Flavor", "Google"):
            return self.answer(403)
        google = self.how != "flavor"
        below = path.removeprefix("/computeMetadata/v1/")
        if below == "instance/id":
            return self.body(instance_of("gcp")["id"], google)
        if below == "project/project-id":
            return self.body("lab-42", google)
        if below == "instance/?recursive=true&alt=json":
            return self.document("gcp", gcp(instance_of("gcp")))
        return self.answer(404, google=True)

    def handle_one(self):
        self.note()
        self.how = self.server.fault()
        self.of_path, self.of_all = self.count()
        path = self.path.removeprefix("/other")
        if self.fails():
            return None
        for start, serve in (
            ("/metadata/", self.azure),
            ("/machine", self.host_agent),
            ("/latest/", self.aws),
            ("/2021-03-23/", self.aws),
            ("/opc/v2/", self.oci),
            ("/computeMetadata/", self.gcp),
        ):
            if path.startswith(start):
                return serve(path)
        return self.answer(404)

    def do_GET(self):
        try:
            self.handle_one()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_PUT = do_POST = do_GET


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def __init__(self, folder):
        self.folder, self.counts, self.tokens = folder, {}, 0
        self.lock = threading.Lock()
        if ":" in args.host:
            self.address_family = socket.AF_INET6
        super().__init__((args.host, args.port), Service, bind_and_activate=False)
        self.allow_reuse_address = True
        self.server_bind()

    def fault(self):
        try:
            with open(f"{self.folder}/fault") as f:
                return f.read().strip()
        except FileNotFoundError:
            return ""

    def run(self):
        time.sleep(LATE.get(self.fault(), 0))
        self.server_activate()
        self.serve_forever()

    def handle_error(self, *where):
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client that has had enough
            super().handle_error(*where)


for f in args.folders:
    os.makedirs(f, exist_ok=True)
    server = Server(f)
    threading.Thread(target=server.run, daemon=True).start()
    with open(f"{f}/port.new", "w") as port:
        port.write(str(server.server_port))
    os.rename(f"{f}/port.new", f"{f}/port")
threading.Event().wait()
