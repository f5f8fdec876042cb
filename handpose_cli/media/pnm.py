"""PNM and PAM as OpenCV reads them right: it does not scale, wants a final newline, and takes PAM for other things."""

from __future__ import annotations

import re

import numpy as np

from handpose_cli.media.errors import UnreadableError

_HEAD = re.compile(rb"P[56](?:(?:\s|#.*\n)+\d+){2}(?:\s|#.*\n)+(\d{1,9})\s")
_PAM = re.compile(rb"P7\n(?:.*\n)*?ENDHDR\n")
_NUMBER = re.compile(rb"^(WIDTH|HEIGHT|DEPTH|MAXVAL)[ \t]+(\d{1,9})\s", re.MULTILINE)
_MEANING = re.compile(rb"^TUPLTYPE[ \t]+(\S+)", re.MULTILINE)
# by the number of channels, what they are; without a word, these are meant too
_CHANNELS = {
    1: (b"BLACKANDWHITE", b"GRAYSCALE"), 2: (b"BLACKANDWHITE_ALPHA", b"GRAYSCALE_ALPHA"), 3: (b"RGB",),
    4: (b"RGB_ALPHA",),
}  # fmt: skip


def for_opencv(data: bytes) -> tuple[bytes, int]:
    """Return the file that OpenCV is to decode, and which value is white in what it gives, at most 255.

    Raises:
        UnreadableError: if it is a PAM of other channels, or cut short.
    """
    if data.startswith(b"P7"):
        data = _pnm_of_pam(data)
    if data[:2] in (b"P2", b"P3"):
        return data + b"\n", 255
    head = _HEAD.match(data)
    return data, min(int(head[1]), 255) if head else 255


def scaled(image: np.ndarray, white: int) -> np.ndarray:
    """Return 8-bit pixels so that what is white becomes 255."""
    if not 0 < white < 255:
        return image
    table = np.rint(np.arange(256) * 255 / white).clip(0, 255).astype(np.uint8)
    return np.asarray(table[image])


def _pnm_of_pam(data: bytes) -> bytes:
    head = _PAM.match(data)
    numbers = dict(_NUMBER.findall(head[0])) if head else {}
    if head is None or len(numbers) < 4:
        raise UnreadableError("damaged or cut short")
    width, height, depth, most = (int(numbers[name]) for name in (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL"))
    meaning = b" ".join(_MEANING.findall(head[0]))
    if depth not in _CHANNELS or meaning not in (b"", *_CHANNELS[depth]):
        what = f"{depth} channels, {meaning.decode(errors='replace') or 'of no name'}"
        raise UnreadableError(f"a PAM of {what}, which is not decoded. Save it in RGB")
    kind = np.dtype(np.uint8 if most < 256 else ">u2")
    if len(data) < head.end() + width * height * depth * kind.itemsize:
        raise UnreadableError("damaged or cut short")
    values = np.frombuffer(data, kind, width * height * depth, head.end())
    colours = 1 if depth < 3 else 3
    pixels = values.reshape(-1, depth)[:, :colours].tobytes()
    return b"P%d\n%d %d\n%d\n" % (5 if colours == 1 else 6, width, height, most) + pixels
