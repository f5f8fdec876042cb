"""A real S3 server on loopback, as this process's store."""

from __future__ import annotations

import logging
import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

SECRET = "hushhush"


def ask_server(what: str, content: str = "") -> None:
    """Tell the server, which is moto's, something that a store is not told: `reset`, or `reset-auth`."""
    url = f"{os.environ['AWS_ENDPOINT_URL']}/moto-api/{what}"
    request = urllib.request.Request(url, content.encode(), {"Content-Type": "text/plain"}, method="POST")
    urllib.request.urlopen(request).close()


@contextmanager
def s3_server() -> Iterator[Any]:
    """Give fsspec's file system of a server with the bucket `lab`; what is here takes it for its own by then."""
    pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server")
    import fsspec

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    ask_server("reset")  # what an earlier one in this process had
    fs = fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True)
    fs.mkdir("lab")
    try:
        yield fs
    finally:
        running.stop()
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
