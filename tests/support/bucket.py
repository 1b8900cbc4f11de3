"""An S3 server of the tests' own (moto's), with a bucket."""

import logging
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def bucket(name: str = "chat") -> Iterator[str]:
    """A server with one bucket; gives what FILES_URL takes."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    made = urllib.request.Request(f"{endpoint}/{name}", method="PUT")
    with urllib.request.urlopen(made):
        pass
    try:
        yield f"s3://key:secret@{name}/files?region=us-east-1&endpoint={endpoint}"
    finally:
        server.stop()
