"""What there is at a URL, listed and not fetched."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from handpose_cli.media.folders import START, LeftOut, begins_text, is_of_system, may_be_text
from handpose_cli.media.inputs import Input, Version
from handpose_cli.media.remote import WEB, Store, StoreError, open_store, path_of, public, reason, scheme_of, version_of
from handpose_cli.media.suffixes import is_media


class Listed(NamedTuple):
    """Files at URLs, each with what it was if that is known, and the folder that names go from, as `path_of` has it."""

    files: list[tuple[str, Version | None]]
    root: str


def list_url(url: str, recursive: bool, but: str | None, left_out: LeftOut) -> Listed:
    """List what an argument names: a file, a folder, or a pattern.

    Args:
        recursive: look into folders' folders too.
        but: URL of a folder not to look into.
        left_out: counts what is passed over.

    Raises:
        StoreError: if there is nothing, or it cannot be listed.
    """
    store = open_store(url)
    try:
        if "*" in store.path or "[" in store.path:
            fixed = posixpath.dirname(store.path.split("*")[0].split("[")[0])
            root = _place(store, fixed)
            infos: Iterable[dict[str, Any]] = store.fs.glob(store.path, detail=True).values()
            return Listed(_media(store, infos, root, but, left_out), root)
        web = scheme_of(url) in WEB
        if web and is_media(posixpath.basename(path_of(url))):
            return one(url)
        info = {"type": "directory"} if web else store.fs.info(store.path)
        if info["type"] == "file":
            return Listed([(url, version_of(info))], posixpath.dirname(path_of(url)))
        infos = store.fs.find(store.path, detail=True).values() if recursive else store.fs.ls(store.path, detail=True)
        root = path_of(url)
        before = str(left_out)
        files = _media(store, infos, root, but, left_out)
        if web and not files and str(left_out) == before:  # a server does not say whether it is a folder
            raise StoreError(f"{public(url)}: no image or video by its name, and no page with links to any in it")
        return Listed(files, root)
    except Exception as error:  # stores raise whatever comes
        if isinstance(error, StoreError):
            raise
        words = "no such file or folder" if isinstance(error, FileNotFoundError) else reason(error)
        raise StoreError(f"{public(url)} cannot be listed: {words}") from error


def one(url: str) -> Listed:
    """Return a file that is named by itself; nobody is asked whether it is there."""
    return Listed([(url, None)], posixpath.dirname(path_of(url)))


def read_bytes(url: str) -> bytes:
    """Return a file's content; raise StoreError if it cannot be read."""
    fs, path = open_store(url)
    try:
        content: bytes = fs.cat_file(path)
        return content
    except Exception as error:
        raise StoreError(f"{public(url)} cannot be read: {reason(error)}") from error


def named(files: Iterable[tuple[str, Version | None]], roots: Iterable[str]) -> list[Input]:
    """Return files at URLs as inputs, sorted, with names below what the roots have in common.

    Raises:
        StoreError: if a name leads elsewhere, or two files would have one.
    """
    places = [(f"/{path_of(url)}", url, version) for url, version in files]
    # of some stores, files have other addresses than the folder that was named
    common = posixpath.commonpath([*(f"/{root}" for root in roots), *(posixpath.dirname(place[0]) for place in places)])
    known: dict[str, Input] = {}
    for place, url, version in places:
        name = posixpath.relpath(place, common)
        if name.startswith("../"):  # its annotated copy would be written elsewhere
            raise StoreError(f"{public(url)}: names with .. in them are not read")
        if name in known and len({_query(known[name].file), _query(url)} - {""}) > 1:
            raise StoreError(
                f"{public(url)} is named with two queries (behind the ?): both would be {name} in the results. "
                "Annotate each in a run by itself"
            )
        if name not in known or known[name].version is None:
            known[name] = Input(name, url, version)
    return [known[name] for name in sorted(known)]


def _media(
    store: Store, infos: Iterable[dict[str, Any]], root: str, but: str | None, left_out: LeftOut
) -> list[tuple[str, Version | None]]:
    files: list[tuple[str, Version | None]] = []
    doubtful: dict[str, str] = {}
    own = path_of(store.fs.unstrip_protocol(store.path))
    other = None if but is None else path_of(but) + "/"
    for info in infos:
        url = store.fs.unstrip_protocol(info["name"])
        place = path_of(url)
        parts = posixpath.relpath(f"/{place}", f"/{own}").split("/")
        if other is not None and place.startswith(other):
            continue
        if scheme_of(url) in WEB and not place.startswith(f"{root}/"):
            continue  # where a page's link leads to
        folders = parts if info["type"] == "directory" else parts[:-1]
        inside = ("/".join([own, *folders[:count]]) for count in range(1, len(folders) + 1))
        if (of_system := next(filter(is_of_system, inside), None)) is not None:
            left_out.of_systems.add(of_system)
        elif info["type"] == "directory":
            left_out.folders += not parts[-1].startswith(".")
        elif any(part.startswith(".") and part != ".." for part in parts[:-1]):
            continue  # in a hidden folder
        elif is_media(parts[-1]):
            size = info.get("size")
            files.append((url, None if size is None else version_of(info)))
            if may_be_text(parts[-1]) and scheme_of(url) not in WEB:  # a web server may send whole files
                doubtful[url] = info["name"]
        else:
            left_out.add(parts[-1])
    texts = _texts(store, doubtful)
    for url in texts:
        left_out.add(posixpath.basename(path_of(url)))
    return [(url, version) for url, version in files if url not in texts]


def _texts(store: Store, places: dict[str, str]) -> set[str]:
    """Return which files, given by URLs and places in the store, are texts by their first bytes; it is asked for all
    at once.
    """
    ends = [START] * len(places)
    starts = store.fs.cat_ranges(list(places.values()), [0] * len(ends), ends, on_error="return") if places else []
    return {url for url, start in zip(places, starts, strict=True) if isinstance(start, bytes) and begins_text(start)}


def _query(url: str) -> str:
    return urlsplit(url).query if scheme_of(url) in WEB else ""


def _place(store: Store, path: str) -> str:
    return path_of(store.fs.unstrip_protocol(path))
