"""`chatserver` in processes forked from one that has loaded it already: loading it takes half a second.

A line of JSON on the standard input asks for one; a line on the standard output says that it has ended.
"""

import json
import os
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


def _become(call: Call) -> None:
    """Make this process what `python -m chatserver` is as it begins."""
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

    def tell(*_: object) -> None:
        for pid in [*numbers]:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                os.write(1, f"{numbers.pop(pid)} {code}\n".encode())

    signal.signal(signal.SIGCHLD, tell)
    for line in sys.stdin:
        call: Call = json.loads(line)
        # Its end is not told of before its number is known.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        pid = os.fork()
        if pid:
            numbers[pid] = call["number"]
        else:
            _become(call)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        if not pid:
            # What becomes of it, exceptions too, is the interpreter's matter.
            main()
            return


if __name__ == "__main__":
    _serve()
