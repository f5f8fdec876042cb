"""Results at a URL, such as s3://bucket/run: made in a folder here, and uploaded when they are whole.

In the folder at the URL lie the results of the last run that ended, and the journal, for one that is stopped:

    journal.jsonl               of the last run that ended, or was interrupted
    journal.parts/000000001234  what the journal has had since, from that many bytes on; some every half minute
    run.lock                    who writes here, renewed with each part, so that two runs do not

Only stores where an object appears whole or not at all, and that can refuse to create one that is there, are
written to.
"""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from handpose_cli.media.remote import Store, StoreError, open_store, public, reason, scheme_of, scratch
from handpose_cli.runs import journal as journals
from handpose_cli.runs.earlier import RESULTS
from handpose_cli.runs.errors import RunError
from handpose_cli.runs.stored import LOCK, PARTS, fetch, is_ours, names, outdated, refuse, remove_at, size

EVERY = 30.0  # seconds between parts
STALE = 4 * EVERY  # without a sign of life, whoever has the lock is taken for killed
SAFE = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "memory")


@contextmanager
def staged(url: str, earlier: str, look_only: bool = False) -> Iterator[Path]:
    """Give a folder here for a run's output, and put what is in it at a URL when the run ends, whichever way.

    A run that ends puts all there, the result file last; one that is interrupted its journal and annotated copies. Of
    one that is killed, the journal is there but for its last half minute.

    Args:
        earlier: as of `predict`: with "resume" what is at the URL is fetched first.
        look_only: nothing is to be written.

    Raises:
        RunError: if that cannot be done there, another run writes there, or an earlier one has written.
    """
    try:
        store = open_store(url)
    except StoreError as error:
        raise RunError(f"Cannot write to {public(url)}: {error}") from error
    if scheme_of(url) not in SAFE:
        raise RunError(
            f"Cannot write to {public(url)}: of {scheme_of(url)}:// it is not known that files appear only when they "
            "are whole. Choose a folder here, or s3://, gs:// or az://."
        )
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=scratch()))
    try:
        upload = _Upload(store, public(url), folder)
        with upload.errors():
            there = [name for name in names(store) if is_ours(name)]
            if earlier == "refuse":
                refuse(folder, public(url), there)
            elif earlier == "resume":
                fetch(store, folder, there)
            else:
                there = outdated(store, folder, there)
        if look_only:
            yield folder
            return
        with upload.errors():
            upload.lock()
        try:
            upload.done = size(folder / journals.NAME)
            upload.outdated = there if earlier == "overwrite" else []
            upload.fetched = set(there) if earlier == "resume" else set()
            with upload.now_and_then():
                yield folder
            upload.all()
        except BaseException:
            with suppress(RunError):
                upload.all()
            raise
        finally:
            upload.unlock()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Upload:
    """Puts a run's folder at its URL, and its journal's new lines now and then.

    Attributes:
        done: bytes of the journal that are there.
        fetched: names of what is there and was in the folder at first.
        outdated: names of what is there and goes before anything new comes.
    """

    def __init__(self, store: Store, url: str, folder: Path):
        self.done = 0
        self.fetched: set[str] = set()
        self.outdated: list[str] = []
        self._store, self._url, self._folder = store, url, folder
        self._token = secrets.token_hex(8)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn whatever a store raises into a RunError."""
        try:
            yield
        except RunError:
            raise
        except Exception as error:  # stores raise whatever comes
            words = "no such bucket or folder" if isinstance(error, FileNotFoundError) else reason(error)
            raise RunError(f"Cannot write to {self._url}: {words}") from error

    @contextmanager
    def now_and_then(self) -> Iterator[None]:
        """Put the journal's new lines there in the background, and renew the lock."""
        stop = threading.Event()

        def work() -> None:
            while not stop.wait(EVERY):
                with suppress(Exception):  # a store that is away for a while; the next part has it all
                    self._check_lock()
                    self.part()
                    self._store.fs.pipe_file(self._at(LOCK), self._lock_text())

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def part(self) -> None:
        """Put the journal's new lines there."""
        path = self._folder / journals.NAME
        if size(path) <= self.done:
            return
        with path.open("rb") as file:
            file.seek(self.done)
            data = file.read()
        data = data[: data.rfind(b"\n") + 1]
        if data:
            self._remove_outdated()
            self._store.fs.pipe_file(self._at(f"{PARTS}/{self.done:012d}"), data)
            self.done += len(data)

    def all(self) -> None:
        """Put all files there, the result file last, and remove what is not in the folder any more.

        Raises:
            RunError: if that fails; the folder is kept then, and the message says where it is.
        """
        if not (self._folder / journals.NAME).exists():
            return
        try:
            with self.errors():
                self._check_lock()
                self._remove_outdated()
                files = {p.relative_to(self._folder).as_posix(): p for p in self._folder.rglob("*") if p.is_file()}
                before = [name for name in names(self._store) if name in self.fetched or name.startswith(f"{PARTS}/")]
                for name in sorted(files, key=lambda name: (name == RESULTS, name)):
                    self._store.fs.put_file(str(files[name]), self._at(name))
                remove_at(self._store, [name for name in before if name not in files])
        except RunError as error:
            kept = Path(tempfile.mkdtemp(prefix="handpose-kept-"))
            self._folder.replace(kept)
            raise RunError(f"{str(error).rstrip('.')}. What was done is kept in {kept}.") from error

    def _remove_outdated(self) -> None:
        remove_at(self._store, self.outdated)
        self.outdated = []

    def lock(self) -> None:
        """Take the lock; raise RunError if another run has it."""
        for number in range(2):
            try:
                self._store.fs.pipe_file(self._at(LOCK), self._lock_text(), mode="create")
            except FileExistsError:
                pass
            else:
                if number:  # somebody else may have found the old lock stale as well
                    time.sleep(2)
                    self._check_lock()
                return
            other = _read_lock(self._store)
            since = self._age_of_lock()
            if since < STALE:
                raise RunError(
                    f"Another run is writing to {self._url} (on {other.get('host', 'another host')}, last seen "
                    f"{since:.0f} s ago; if it was killed, this one may begin in {STALE - since:.0f} s)",
                    "output",
                )
            with suppress(FileNotFoundError):
                self._store.fs.rm_file(self._at(LOCK))
        raise RunError(f"Another run is writing to {self._url}", "output")

    def _age_of_lock(self) -> float:
        """Return for how many seconds the lock was not renewed, by the store's clock: each host has its own."""
        fs, trial = self._store.fs, self._at(f"{LOCK}.{self._token}")
        fs.pipe_file(trial, b"")
        try:
            now = _written(fs, trial)
        finally:
            fs.rm_file(trial)
        try:
            return max(0.0, (now - _written(fs, self._at(LOCK))).total_seconds())
        except FileNotFoundError:  # it was given back meanwhile
            return STALE

    def unlock(self) -> None:
        """Give the lock back, if it is still ours."""
        with suppress(Exception):
            self._check_lock()
            self._store.fs.rm_file(self._at(LOCK))

    def _check_lock(self) -> None:
        if _read_lock(self._store).get("run") != self._token:
            raise RunError(f"Another run has begun to write to {self._url}, since this one was not seen for long")

    def _lock_text(self) -> bytes:
        return json.dumps({"run": self._token, "host": socket.gethostname(), "time": time.time()}).encode()

    def _at(self, name: str) -> str:
        return f"{self._store.path}/{name}"


def _written(fs: Any, path: str) -> datetime:
    """Return when an object was written, by its store's clock."""
    info = fs.info(path)
    for name in ("LastModified", "last_modified", "mtime"):
        if isinstance(time := info.get(name), datetime):
            return time
    written: datetime = fs.modified(path)  # not every store's file system has this
    return written


def _read_lock(store: Store) -> dict[str, Any]:
    """Return what the lock says; nothing if there is none."""
    try:
        lock: dict[str, Any] = json.loads(store.fs.cat_file(f"{store.path}/{LOCK}"))
        return lock
    except (FileNotFoundError, ValueError):
        return {}
