"""Read still images as upright 8-bit RGB."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from handpose_cli.sources.errors import UnreadableError

cv2.utils.logging.setLogLevel(
    cv2.utils.logging.LOG_LEVEL_SILENT
)  # what goes wrong is reported by the exception below, not by OpenCV's own lines


def read_image(path: Path) -> np.ndarray:
    """Read an image file (JPEG, PNG, WebP, BMP, TIFF): uint8 [h, w, 3], RGB.

    The EXIF orientation is applied, so the image is upright. 16-bit images keep their upper 8 bits, grey and CMYK ones
    become RGB, and transparency is dropped.

    Raises:
        UnreadableError: if the file is missing, empty, cut short or not such an image.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}") from error
    if not data:
        raise UnreadableError("empty file (0 bytes)")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error as error:  # e.g. more pixels than OpenCV accepts
        raise UnreadableError(f"cannot be decoded: {' '.join(str(error.err).split())}") from error
    if image is None:
        known = cv2.haveImageReader(str(path))  # goes by the file's first bytes
        raise UnreadableError(
            "damaged or cut short, or of a kind that cannot be decoded"
            if known
            else "not an image (JPEG, PNG, WebP, BMP or TIFF)"
        )
    return image
