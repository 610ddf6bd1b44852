#!/usr/bin/env python3
"""The metadata services of four clouds, which fail on demand.

    metadata.py FOLDER [--host ADDRESS] [--port PORT] [--name NAME] [--only CLOUD]

FOLDER/port comes when it listens; FOLDER/requests has a line of JSON for each request. NAME is
in every instance's name, so that one machine's facts can be told from another's. The first part
of a path may say how it goes; without one, and after a fault that ends, as the cloud does it:

    404.N 500.N 503.N 410.N  that status N times; N = 0: always     401.N  with AWS, later
    429.N    that many times with Retry-After: 1                    patience  429, for an hour
    403 400 418  always     redirect  to a document that is right, but another machine's
    drip     a byte now and then      big  100 MB     endless  chunks without an end
    cut      in the middle, twice     longer  more than Content-Length says, twice
    chunked  all in chunks            mute  says nothing
    wrong    no JSON, twice           part  without NICs, twice   parts  always
    lag      AWS's interface-id comes late     never  and never does
    strange  MACs, numbers and missing parts as they have been seen
    flavor   as a server that is not Google's

The fault is a folder in front, as http://127.0.0.1:PORT has no room for one: it is read from
FOLDER/fault, for all requests.
"""

import argparse
import base64
import http.server
import json
import os
import socketserver
import threading
import time

args = argparse.ArgumentParser()
args.add_argument("folder")
args.add_argument("--host", default="127.0.0.1")
args.add_argument("--port", type=int, default=0)
args.add_argument("--name", default="vm")
args.add_argument("--only")
args = args.parse_args()

WAIT = 0.05  # s
USER_DATA = b"#cloud-config\nrouterd:\n  node: cloud-rt\n"
counts = {}
lock = threading.Lock()


def fault():
    try:
        with open(f"{args.folder}/fault") as f:
            return f.read().strip()
    except FileNotFoundError:
        return ""


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
    server_version = "Metadata"

    def log_message(self, *_):
        pass

    def note(self):
        with lock, open(f"{args.folder}/requests", "a") as f:
            headers = {k.lower(): v for k, v in self.headers.items()}
            line = {"time": time.time(), "method": self.command, "path": self.path}
            f.write(json.dumps({**line, "headers": headers, "from": self.client_address[0]}) + "\n")

    def answer(self, status, body=b"", google=False, **headers):
        if isinstance(body, str):
            body = body.encode()
        self.send_response(status)
        if google:
            self.send_header("Metadata-Flavor", "Google")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if fault() == "chunked" and status == 200:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for i in range(0, len(body), 1000):
                part = body[i : i + 1000]
                self.wfile.write(b"%X;name=value\r\n%s\r\n" % (len(part), part))
            return self.wfile.write(b"0\r\nTrailer: x\r\n\r\n")
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def count(self):  # how often this path was asked for
        with lock:
            counts[self.path] = counts.get(self.path, 0) + 1
            return counts[self.path]

    def send_pieces(self, head, piece, pieces, wait):
        self.send_response(200)
        self.send_header("Metadata-Flavor", "Google")
        self.send_header(*head)
        self.end_headers()
        for _ in range(pieces):
            self.wfile.write(piece)
            time.sleep(wait)

    def fails(self, how):
        """True: the request is over."""
        status, _, times = how.partition(".")
        n = self.count()
        if status.isdigit():
            if times == "0" or not times or n <= int(times):
                # What is in it must not be taken for the document.
                more = {"Retry_After": "1"} if status == "429" else {}
                self.answer(int(status), json.dumps(azure()), google=True, **more)
                return True
        elif how == "patience":
            self.answer(429, google=True, Retry_After="3600")
            return True
        elif how == "redirect" and not self.path.startswith("/other"):
            self.answer(302, google=True, Location="/other" + self.path)
            return True
        elif how == "drip":
            self.send_pieces(("Content-Length", "60000"), b" ", 60000, WAIT)
            return True
        elif how == "big":
            self.send_pieces(("Content-Length", "104857600"), b" " * (1 << 20), 100, 0)
            return True
        elif how == "endless":
            piece = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
            self.send_pieces(("Transfer-Encoding", "chunked"), piece, 10**6, 0)
            return True
        elif how == "mute":
            time.sleep(60)
            return True
        return False

    def document(self, cloud, document):
        """JSON, with what may be wrong with it."""
        how, n = fault(), counts.get(self.path, 0)
        google = cloud == "gcp" and how != "flavor"
        if how == "strange":
            document = strange(cloud, document)
        if how in ("part", "parts") and (how == "parts" or n <= 2):
            if cloud == "azure":
                document = {"compute": document["compute"]}
            elif isinstance(document, list):
                document = []
            else:
                document = {k: v for k, v in document.items() if k not in ("id", "networkInterfaces")}
        body = document if isinstance(document, str) else json.dumps(document)
        self.body(body, google)

    def body(self, body, google=False):
        how, n = fault(), counts.get(self.path, 0)
        if how == "wrong" and n <= 2:
            return self.answer(200, "<html><title>Proxy login</title>", google)
        if how == "cut" and n <= 2:
            self.answer(200, body[: len(body) // 2], google, Content_Length=str(len(body)))
            self.close_connection = True
            return None
        if how == "longer" and n <= 2:
            self.answer(200, body, google, Content_Length=str(len(body) // 2))
            self.close_connection = True
            return None
        return self.answer(200, body, google)

    def forwarded(self):
        return any(k.lower() in ("forwarded",) or k.lower().startswith("x-forwarded") for k in self.headers)

    def azure(self, path):
        if self.headers.get("Metadata") != "true" or self.forwarded() or self.command != "GET":
            return self.answer(400, '{"error": "Bad request. Required metadata header not specified"}')
        if "api-version=2021-08-01" in path and fault() == "old":
            return self.answer(400, '{"error": "Bad request", "newest-versions": ["2019-06-01"]}')
        if "api-version=2021-08-01&extended=true" not in path and "api-version=2019-06-01" not in path:
            return self.answer(400, '{"error": "Bad request. api-version is invalid"}')
        document = azure()
        if "2019-06-01" in path:
            del document["compute"]["userData"]
        return self.document("azure", document)

    def aws(self, path):
        how = fault()
        if self.forwarded():
            return self.answer(403)
        if path == "/latest/api/token":
            ttl = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
            if self.command != "PUT" or not ttl.isdigit() or not 1 <= int(ttl) <= 21600:
                return self.answer(400)
            with lock:
                counts["token"] = counts.get("token", 0) + 1
                token = "AQAAA%d==" % counts["token"]
            return self.answer(200, token * 1000 if how == "token" else token)
        expired = how == "401.1" and counts.get("token") == 1 and "macs" in path
        if self.headers.get("X-aws-ec2-metadata-token") != "AQAAA%d==" % counts.get("token", 0) or expired:
            return self.answer(401)
        if path == "/latest/user-data":
            return self.answer(404) if how in ("none", "strange") else self.body(USER_DATA)
        tree, key = aws(), path.removeprefix("/latest/meta-data/")
        late = how == "lag" and counts.get(path, 0) <= 2 or how == "never"
        if late and key.endswith("77/interface-id"):
            return self.answer(404)
        if how == "parts" and key.endswith("macs/"):
            return self.answer(404)
        if how == "part" and key.endswith("macs/") and counts.get(path, 0) <= 2:
            return self.answer(404)
        if how == "wrong":  # plain text has no form that could be wrong, but a list of NICs
            return self.answer(200, "\n\n") if key.endswith("macs/") else self.answer(200, tree.get(key, ""))
        if key not in tree:
            return self.answer(404, "<?xml version=\"1.0\"?><html><title>404 - Not Found</title></html>")
        return self.body(tree[key])

    def oci(self, path):
        if self.headers.get("Authorization") != "Bearer Oracle" or self.forwarded():
            return self.answer(401 if not self.forwarded() else 400)
        if path == "/opc/v2/instance/":
            return self.document("oci", oci_instance())
        if path == "/opc/v2/vnics/":
            return self.document("oci", oci_vnics())
        return self.answer(404)

    def gcp(self, path):
        if self.headers.get("Metadata-Flavor") != "Google" or self.forwarded():
            return self.answer(403)
        google = fault() != "flavor"
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
        path = self.path.removeprefix("/other")
        if self.fails(fault()):
            return None
        for start, serve, name in (
            ("/metadata/", self.azure, "azure"),
            ("/latest/", self.aws, "aws"),
            ("/opc/v2/", self.oci, "oci"),
            ("/computeMetadata/", self.gcp, "gcp"),
        ):
            if path.startswith(start) and args.only in (None, name):
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
    request_queue_size = 64

    def handle_error(self, *_):
        pass


server = Server((args.host, args.port), Service)
with open(f"{args.folder}/port.new", "w") as f:
    f.write(str(server.server_port))
os.rename(f"{args.folder}/port.new", f"{args.folder}/port")
server.serve_forever()
