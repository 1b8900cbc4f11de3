"""`chatserver` in processes forked from one that has loaded it already: loading it takes half a second.

A line of JSON on the standard input asks for one; a line on the standard output says that it has ended.
"""

import json
import os
import select
import signal
import sys
from typing import TypedDict

import chatserver.ops.doctor  # noqa: F401 - so that it is loaded, too
from chatserver.cli import main


class Call(TypedDict):
    """A command line, where and with which variables it runs, and the files that it writes to."""

    number: int
    arguments: list[str]
    env: dict[str, str]
    cwd: str
    out: str
    err: str


def _become(call: Call, *ours: int) -> None:
    """Make this process what `python -m chatserver` is as it begins; close what is the forking one's."""
    signal.set_wakeup_fd(-1)
    for number in ours:
        os.close(number)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.chdir(call["cwd"])
    for number, path in enumerate((os.devnull, call["out"], call["err"])):
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(call["env"])
    sys.argv[1:] = call["arguments"]


def _serve() -> None:
    """Fork a process for each line that comes."""
    numbers: dict[int, int] = {}
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    # The handler does nothing: a signal that comes while another is handled could not be handled in it.
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    asked = b""
    while True:
        ready, _, _ = select.select([0, told], [], [])
        if told in ready:
            os.read(told, 4096)
            for pid in [*numbers]:
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    code = os.waitstatus_to_exitcode(status)
                    os.write(1, f"{numbers.pop(pid)} {code}\n".encode())
        if 0 in ready:
            if not (read := os.read(0, 65536)):
                return
            *lines, asked = (asked + read).split(b"\n")
            for line in lines:
                call: Call = json.loads(line)
                pid = os.fork()
                if not pid:
                    _become(call, told, tell)
                    # What becomes of it, exceptions too, is the interpreter's matter.
                    main()
                    return
                numbers[pid] = call["number"]


if __name__ == "__main__":
    _serve()
