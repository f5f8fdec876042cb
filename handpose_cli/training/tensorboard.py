"""The log for TensorBoard: `RUN/tensorboard/events.out.tfevents...`, a scalar for each column.

Written byte by byte, since the `tensorboard` package is there neither with TensorFlow nor with Keras. A file is a
sequence of TFRecords, each with an `Event` message of Protocol Buffers (tensorflow/core/util/event.proto).
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras

from handpose_cli.files import atomic

FOLDER = "tensorboard"


class TensorBoardLog(keras.callbacks.Callback):
    """Writes each epoch of a log, of which a resumed run has no more and no fewer than one that was not stopped.

    At its beginning a run writes again, in another file, the epochs that were done, at the times at which they were.

    Args:
        run: the run's folder.
        log: what each epoch logged; another callback, before this one, adds to it.
    """

    def __init__(self, run: Path, log: list[dict[str, Any]]):
        super().__init__()
        self.folder, self.log = run / FOLDER, log

    def on_train_begin(self, logs: Any = None) -> None:
        earlier = list(self.folder.glob("events.out.tfevents.*"))
        times = {step: when for path in earlier for step, when in _steps(path.read_bytes())}
        now = time.time()
        self.path = self.folder / f"events.out.tfevents.{time.time_ns()}"
        with atomic(self.path, "wb") as file:
            file.write(_record(_time(times.get(0, now)) + _text(3, b"brain.Event:2")))
            for row in self.log:
                file.write(_record(_event(row, times.get(row["epoch"], now))))
        for path in earlier:
            path.unlink()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        with self.path.open("ab") as file:
            file.write(_record(_event(self.log[-1], time.time())))


def _event(row: Mapping[str, Any], when: float) -> bytes:
    """Return an `Event`: 1 its time, 2 the step, 5 a summary of values, each 1 a tag and 2 a number."""
    values = [
        _text(1, name.encode()) + b"\x15" + struct.pack("<f", value) for name, value in row.items() if name != "epoch"
    ]
    return _time(when) + b"\x10" + _varint(row["epoch"]) + _text(5, b"".join(_text(1, value) for value in values))


def _time(when: float) -> bytes:
    return b"\x09" + struct.pack("<d", when)


def _text(field: int, content: bytes) -> bytes:
    return bytes([field << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """Return a number seven bits a byte, the lowest first; all but the last byte have their highest bit set."""
    head = bytearray()
    while number > 127:
        head.append(number & 127 | 128)
        number >>= 7
    return bytes([*head, number])


def _steps(data: bytes) -> Iterator[tuple[int, float]]:
    """Yield the step and the time of each whole record in a file of this module; its head has step 0."""
    at = 0
    while at + 16 <= len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        event = data[at + 12 : at + 12 + length]
        at += 16 + length
        if at > len(data):
            return  # killed while it was written
        step = 0
        if event[9] == 0x10:
            for place, byte in enumerate(event[10:15]):
                step |= (byte & 127) << 7 * place
                if byte < 128:
                    break
        yield step, struct.unpack_from("<d", event, 1)[0]


def _record(data: bytes) -> bytes:
    """Return a TFRecord: the length, the data, and a checksum of each."""
    length = struct.pack("<Q", len(data))
    return length + _checksum(length) + data + _checksum(data)


def _checksum(data: bytes) -> bytes:
    """Return CRC-32C, turned and shifted as TFRecords ask for it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _crc_of(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    return byte


_CRC = [_crc_of(byte) for byte in range(256)]
