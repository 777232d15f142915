"""python server.py SOCKET: runs `python -m MODULE ARGUMENTS` for each client in a fork that has torch already.

Importing torch takes a second or more, which is most of the time of a test's training.
"""

import json
import os
import runpy
import signal
import socket
import sys
import traceback

import numpy  # noqa: F401
import safetensors.torch  # noqa: F401
import torch  # noqa: F401


def main() -> None:
    server = socket.socket(socket.AF_UNIX)
    server.bind(sys.argv[1])
    server.listen(16)
    print("ready", flush=True)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        client, _ = server.accept()
        if os.fork() == 0:
            server.close()
            serve(client)
            os._exit(0)
        client.close()


def serve(client: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    message, streams, _, _ = socket.recv_fds(client, 1 << 20, 3)
    while not message.endswith(b"\n"):
        message += client.recv(1 << 20)
    given = json.loads(message)
    pid = os.fork()
    if pid == 0:
        client.close()
        for fd, stream in enumerate(streams):
            os.dup2(stream, fd)
            os.close(stream)
        os._exit(run(**given))
    for stream in streams:
        os.close(stream)
    client.sendall(f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    client.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def run(arguments: list[str], environment: dict[str, str], folder: str) -> int:
    """The exit code of `python -m MODULE ARGUMENTS`."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0] = folder
    sys.path[1:1] = environment.get("PYTHONPATH", "").split(os.pathsep)
    _, module, *sys.argv[1:] = arguments
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code: object = 0
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


main()
