#!/usr/bin/env python3
"""The metadata services of four clouds, which fail on demand.

    metadata.py [--host ADDRESS] [--port PORT] [--name NAME] FOLDER...

One service for each FOLDER: FOLDER/port comes when it is there, FOLDER/requests has a line of
JSON for each request, and FOLDER/fault says how it goes; without one as the cloud does it. NAME
is in every instance's name, so that one machine's facts can be told from another's; --user-data FILE is what user-data is.

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
import threading
import time

args = argparse.ArgumentParser()
args.add_argument("folders", nargs="+")
args.add_argument("--host", default="127.0.0.1")
args.add_argument("--port", type=int, default=0)
args.add_argument("--name", default="vm")
args.add_argument("--user-data")
args = args.parse_args()

WAIT = 0.05  # s
LATE = {"late": 1.5, "later": 20}  # s
USER_DATA = b"#cloud-config\nrouterd:\n  node: cloud-rt\n"
if args.user_data:
    USER_DATA = open(args.user_data, "rb").read()

# ---- documents: in the shapes that the services have ----------------------------------------


def folded(data):
    text = base64.b64encode(data).decode()
    return text[:20] + "\r\n " + text[20:]


def azure_nic(mac, addresses, public=""):
    pairs = [{"privateIpAddress": a, "publicIpAddress": ""} for a in addresses]
    pairs[0]["publicIpAddress"] = public
    subnet = [{"address": addresses[0].rsplit(".", 1)[0] + ".0", "prefix": "24"}]
    return {
        "ipv4": {"ipAddress": pairs, "subnet": subnet},
        "ipv6": {"ipAddress": []},
        "macAddress": mac,
    }


def azure():
    return {
        "compute": {
            "azEnvironment": "AzurePublicCloud",
            "customData": "",
            "evictionPolicy": "",
            "isHostCompatibilityLayerVm": "false",
            "location": "westeurope",
            "name": args.name,
            "osType": "Linux",
            "plan": {"name": "", "product": "", "publisher": ""},
            "publicKeys": [],
            "resourceGroupName": "rg-lab",
            "resourceId": "/subscriptions/8d10da13-8125-4ba9-a717-bf7490507b3d/resourceGroups/"
            "rg-lab/providers/Microsoft.Compute/virtualMachines/" + args.name,
            "subscriptionId": "8d10da13-8125-4ba9-a717-bf7490507b3d",
            "tagsList": [{"name": "role", "value": "router"}],
            "userData": folded(USER_DATA),
            "vmId": "02aab8a4-74ef-476e-8182-f6d2ba4166a6",
            "vmSize": "Standard_B2s",
            "zone": "1",
        },
        "network": {
            "interface": [
                azure_nic("000D3AF806ED", ["10.20.1.4"]),
                azure_nic("000D3AF806EC", ["10.20.0.4", "10.20.0.9"], "20.50.1.2"),
            ]
        },
    }


def aws():
    def nic(number, last, **more):
        keys = {
            "device-number": str(number),
            "interface-id": f"eni-0e4961c1{last}c31{number}23ab"[:21],
            "local-hostname": f"ip-10-30-{number}-5.ec2.internal",
            "local-ipv4s": f"10.30.{number}.5",
            "mac": f"0e:49:61:0f:c3:{last}",
            "owner-id": "123456789012",
            "security-group-ids": "sg-0123456789abcdef0",
            "subnet-id": "subnet-0123456789abcdef0",
            "subnet-ipv4-cidr-block": f"10.30.{number}.0/24",
            "vpc-ipv4-cidr-blocks": "10.30.0.0/16",
        }
        keys.update(more)
        return keys

    many = {
        "local-ipv4s": "10.30.0.5\n10.30.0.9",
        "public-ipv4s": "54.1.2.3",
        "ipv6s": "2600:1f14::5",
    }
    tree = {
        "instance-id": "i-0123456789abcdef0",
        "local-hostname": f"{args.name}.ec2.internal",
        "mac": "0e:49:61:0f:c3:11",
        "public-ipv4": "54.1.2.3",
        "placement/region": "eu-west-1",
        "placement/availability-zone": "eu-west-1a",
    }
    # The second NIC first: the list is in no order that means anything.
    tree["network/interfaces/macs/"] = "0e:49:61:0f:c3:77/\n0e:49:61:0f:c3:11/"
    for last, number, more in (("77", 1, {}), ("11", 0, many)):
        for key, value in nic(number, last, **more).items():
            tree[f"network/interfaces/macs/0e:49:61:0f:c3:{last}/{key}"] = value
    return tree


def oci_instance():
    return {
        "availabilityDomain": "EMIr:PHX-AD-1",
        "canonicalRegionName": "us-phoenix-1",
        "compartmentId": "ocid1.compartment.oc1..aaaaexample",
        "definedTags": {"Operations": {"CostCenter": "42"}},
        "displayName": args.name,
        "faultDomain": "FAULT-DOMAIN-3",
        "freeformTags": {"Department": "Finance"},
        "hostname": args.name,
        "id": "ocid1.instance.oc1.phx.anyhqljtexample",
        "image": "ocid1.image.oc1.phx.aaaaexample",
        "metadata": {
            "ssh_authorized_keys": "ssh-ed25519 AAAA one\nssh-ed25519 AAAA two",
            "user_data": base64.b64encode(USER_DATA).decode(),
            "nested": {"keys": ["are", {"seen": None}]},
        },
        "ociAdName": "phx-ad-1",
        "region": "phx",
        "regionInfo": {"realmKey": "oc1", "regionKey": "PHX"},
        "shape": "VM.Standard.E4.Flex",
        "state": "Running",
        "timeCreated": 1600381928581,
    }


def oci_vnics():
    return [
        {
            "vnicId": "ocid1.vnic.oc1.phx.abyhqljtfirst",
            "privateIp": "10.40.0.4",
            "vlanTag": 0,
            "macAddr": "02:00:17:05:D1:DB",
            "virtualRouterIp": "10.40.0.1",
            "subnetCidrBlock": "10.40.0.0/24",
        },
        {
            "vnicId": "ocid1.vnic.oc1.phx.abyhqljtsecond",
            "vlanTag": 1,
            "macAddr": "02:00:17:06:88:45",
            "subnetCidrBlock": "<null>",
            "nicIndex": 0,
        },
    ]


def gcp():
    return {
        "attributes": {"ssh-keys": "", "user-data": USER_DATA.decode()},
        "cpuPlatform": "Intel Broadwell",
        "disks": [{"deviceName": "boot", "index": 0, "mode": "READ_WRITE"}],
        "hostname": f"{args.name}.c.lab-42.internal",
        "id": 14926553122446417917,
        "machineType": "projects/123456789/machineTypes/e2-small",
        "name": args.name,
        "networkInterfaces": [
            {
                "accessConfigs": [{"externalIp": "34.1.2.3", "type": "ONE_TO_ONE_NAT"}],
                "dnsServers": ["169.254.169.254"],
                "forwardedIps": [],
                "gateway": "10.50.0.1",
                "ip": "10.50.0.4",
                "ipAliases": ["10.50.0.9/32", "10.50.8.0/24"],
                "mac": "42:01:0a:32:00:04",
                "mtu": 1460,
                "network": "projects/123456789/networks/default",
                "subnetmask": "255.255.255.0",
            }
        ],
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
            self.answer(int(status), json.dumps(azure()), google=True, **more)
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
        document = azure()
        if old:
            del document["compute"]["userData"]
        return self.document("azure", document)

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
        expired = self.how == "renew" and self.server.tokens == 1 and "macs" in path
        if not self.has("X-aws-ec2-metadata-token", f"AQAAA{self.server.tokens}==") or expired:
            return self.answer(401)
        if path == "/latest/user-data":
            return self.answer(404) if self.how in ("none", "strange") else self.body(USER_DATA)
        tree, key = aws(), path.removeprefix("/latest/meta-data/")
        late = self.how == "never" or (self.how == "lag" and self.of_path <= 2)
        if late and key.endswith("77/interface-id"):
            return self.answer(404)
        if key.endswith("macs/") and (self.how == "parts" or (self.how == "part" and self.of_path <= 2)):
            return self.answer(404)
        if key.endswith("macs/") and self.how == "wrong" and self.of_path <= 2:
            return self.answer(200, "\n")
        if key not in tree:
            return self.answer(404, '<?xml version="1.0"?><html><title>404 - Not Found</title></html>')
        return self.body(tree[key])

    def oci(self, path):
        if not self.has("Authorization", "Bearer Oracle"):
            return self.answer(401)
        if path == "/opc/v2/instance/":
            return self.document("oci", oci_instance())
        if path == "/opc/v2/vnics/":
            return self.document("oci", oci_vnics())
        return self.answer(404)

    def gcp(self, path):
        if not self.has("Metadata-Flavor", "Google"):
            return self.answer(403)
        google = self.how != "flavor"
        below = path.removeprefix("/computeMetadata/v1/")
        if below == "instance/id":
            return self.body("14926553122446417917", google)
        if below == "project/project-id":
            return self.body("lab-42", google)
        if below == "instance/?recursive=true&alt=json":
            return self.document("gcp", gcp())
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
            ("/latest/", self.aws),
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

    do_PUT = do_GET


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

    def handle_error(self, *_):
        pass  # a client that has had enough


for f in args.folders:
    os.makedirs(f, exist_ok=True)
    server = Server(f)
    threading.Thread(target=server.run, daemon=True).start()
    with open(f"{f}/port.new", "w") as port:
        port.write(str(server.server_port))
    os.rename(f"{f}/port.new", f"{f}/port")
threading.Event().wait()
