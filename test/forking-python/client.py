"""python client.py SOCKET -m MODULE ARGUMENTS: has server.py run this, and ends as it does."""

import json
import os
import signal
import socket
import sys

server = socket.socket(socket.AF_UNIX)
server.connect(sys.argv[1])
given = {"arguments": sys.argv[2:], "environment": dict(os.environ), "folder": os.getcwd()}
socket.send_fds(server, [b"{"], [0, 1, 2])
server.sendall(json.dumps(given)[1:].encode() + b"\n")
answers = server.makefile()
pid = int(answers.readline())
for signum in (signal.SIGINT, signal.SIGTERM):
    signal.signal(signum, lambda received, _: os.kill(pid, received))
code = int(answers.readline() or 1)
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
os._exit(code)
