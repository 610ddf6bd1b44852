"""agent.py SOCKET COMMAND [ARGUMENTS]: one command for a QEMU guest agent, and what it returns,
as JSON. 'exec' takes a program and its arguments and returns how it ended, with its output: what
'qm guest exec' does.
"""

import base64
import json
import socket
import sys
import time

LIMIT = 30  # s, for one answer


class Agent:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LIMIT)
        self.socket.connect(path)
        self.lines = self.socket.makefile("rb")
        # What is left of an earlier talk ends where our number comes back.
        number = time.monotonic_ns() % 2**31
        self.socket.sendall(b"\xff")
        self.send("guest-sync-delimited", {"id": number})
        while self.receive().get("return") != number:
            pass

    def send(self, command, arguments):
        words = {"execute": command}
        if arguments:
            words["arguments"] = arguments
        self.socket.sendall(json.dumps(words).encode() + b"\n")

    def receive(self):
        return json.loads(self.lines.readline().lstrip(b"\xff"))

    def ask(self, command, arguments=None):
        self.send(command, arguments)
        answer = self.receive()
        if "error" in answer:
            sys.exit("the guest agent: " + answer["error"]["desc"])
        return answer["return"]

    def exec(self, program, *arguments):
        asked = {"path": program, "arg": list(arguments), "capture-output": True}
        pid = self.ask("guest-exec", asked)["pid"]
        while not (status := self.ask("guest-exec-status", {"pid": pid}))["exited"]:
            time.sleep(0.1)
        for stream in ("out-data", "err-data"):
            if stream in status:
                status[stream] = base64.b64decode(status[stream]).decode()
        return status


try:
    agent = Agent(sys.argv[1])
    if sys.argv[2] == "exec":
        found = agent.exec(*sys.argv[3:])
    else:
        found = agent.ask(sys.argv[2], *map(json.loads, sys.argv[3:]))
except (OSError, ValueError) as fault:
    sys.exit(f"the guest agent does not answer: {fault}")
print(json.dumps(found))
