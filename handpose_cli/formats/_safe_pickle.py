"""Data sets' pickles, read without what makes pickles dangerous: only NumPy arrays and plain values come out.

A pickle names the functions that rebuild its objects. Here each name leads to a stand-in or is refused, so nothing in a
file is ever called. Arrays are rebuilt from their bytes too, as NumPy believes what a pickle says of the memory layout.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from handpose_cli.formats.errors import FormatError

KINDS = "biufcSUO"  # numbers, texts and lists of objects that were themselves read safely; no records


def load(path: Path) -> Any:
    """Return a pickle's content, of Python 2 or 3; arrays come as `Array`.

    Raises:
        FormatError: if it is damaged, or if it holds anything but arrays and plain values.
    """
    try:
        with path.open("rb") as file:
            return _Unpickler(file, path).load()
    except FormatError:
        raise
    except Exception as error:  # a damaged pickle can fail in any way
        reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise FormatError(f"{path}: cannot be read as a pickle: {reason or type(error).__name__}") from error


class Array:
    """A pickled array; `np.asarray` returns it."""

    def __init__(self, *_: Any):
        self._array = np.empty(0)

    def __setstate__(self, state: Any) -> None:
        _version, shape, dtype, is_fortran, data = state
        self._array = _rebuild(data, dtype, shape, "F" if is_fortran else "C")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self._array, dtype)


class _DType:
    def __init__(self, name: str, *_: Any):
        self.dtype = np.dtype(str(name))
        if self.dtype.kind not in KINDS:
            raise pickle.UnpicklingError(f"an array of type {name}")

    def __setstate__(self, state: Any) -> None:
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


def _rebuild(data: Any, dtype: _DType, shape: Any, order: Any = "C") -> np.ndarray:
    if dtype.dtype.kind == "O":
        flat = np.empty(len(data), object)
        for index, value in enumerate(data):
            flat[index] = value
    else:
        # Python 2's bytes come as text
        flat = np.frombuffer(data.encode("latin1") if isinstance(data, str) else data, dtype.dtype)
    return flat.reshape(shape, order=order)


def _array(*_: Any) -> Array:
    return Array()


def _array_of_buffer(data: Any, dtype: _DType, shape: Any, order: Any, *_: Any) -> Array:
    array = Array()
    array.__setstate__((1, shape, dtype, order == "F", data))
    return array


def _scalar(dtype: _DType, data: Any) -> Any:
    return _rebuild(data, dtype, ())[()]


def _encode(text: str, _encoding: str) -> bytes:
    return text.encode("latin1")  # how Python 3 puts bytes into the old protocols


def _no_bytes() -> bytes:
    return b""


STAND_INS: dict[str, Any] = {
    "numpy.ndarray": Array,
    "numpy.dtype": _DType,
    "_codecs.encode": _encode,
    "collections.OrderedDict": OrderedDict,
}
for _builtins in ("__builtin__", "builtins"):  # Python 2 and 3
    STAND_INS |= {f"{_builtins}.set": set, f"{_builtins}.frozenset": frozenset, f"{_builtins}.bytes": _no_bytes}
for _core in ("numpy.core", "numpy._core"):  # NumPy 1 and 2
    STAND_INS[f"{_core}.multiarray._reconstruct"] = _array
    STAND_INS[f"{_core}.multiarray.scalar"] = _scalar
    STAND_INS[f"{_core}.numeric._frombuffer"] = _array_of_buffer


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, path: Path):
        super().__init__(file, encoding="latin1")  # which Python 2's arrays need
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        if f"{module}.{name}" not in STAND_INS:
            raise FormatError(f"{self._path}: refused to load {module}.{name}: only arrays and plain values are read")
        return STAND_INS[f"{module}.{name}"]
