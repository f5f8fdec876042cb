"""The URLs that Label Studio's tasks have for images."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, quote, unquote, urlsplit

LOCAL = "/data/local-files/?d="
# other texts are names of files, which may have # and ? in them
_URL = re.compile(r"[a-z][a-z0-9+.-]*://|(?:/[^?#]*)?/data/(?:local-files|upload)/", re.IGNORECASE)
_BUCKET = re.compile(r"(?:s3|s3s|gs|azure-blob)://[^/]+/(.+)", re.DOTALL)  # keys as they are, nothing is quoted


def url_of(name: str, prefix: str = LOCAL) -> str:
    """Return the URL of an image below a prefix."""
    joint = "" if prefix.endswith(("/", "=")) else "/"
    in_bucket = re.match(r"(?:s3|s3s|gs|azure-blob)://", prefix)
    return f"{prefix}{joint}{name if in_bucket else quote(name)}"


def path_of(url: str) -> str:
    """Return the path of the image that a task's URL means."""
    if bucket := _BUCKET.fullmatch(url):
        return bucket[1]
    if not _URL.match(url):
        return unquote(url).lstrip("/")
    parts = urlsplit(url)
    if parts.path.rstrip("/").endswith("/data/local-files"):
        return parse_qs(parts.query)["d"][0]
    uploaded = re.search(r"/data/upload/(?:\d+/)?(?:[0-9a-f]{8}-)?(.+)$", unquote(parts.path))
    return uploaded[1] if uploaded else unquote(parts.path).lstrip("/")
