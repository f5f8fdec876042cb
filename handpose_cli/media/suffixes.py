"""What a name says: whether it is that of an image, of a video, or of something that is no file."""

from __future__ import annotations

import re
from pathlib import Path

IMAGE_SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".mpo", ".png", ".apng", ".webp", ".gif", ".bmp", ".dib"),
        *(".tif", ".tiff", ".avif", ".heic", ".heif", ".hif", ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
        *(".ppm", ".pgm", ".pbm", ".pnm", ".pam", ".pfm", ".ras", ".sr", ".hdr"),
    }
)
# of images that may have pages or frames
PAGED_SUFFIXES = frozenset(
    {".tif", ".tiff", ".gif", ".webp", ".png", ".apng", ".avif", ".heic", ".heif", ".hif", ".mpo"}
)
VIDEO_SUFFIXES = frozenset(
    {
        *(".mp4", ".m4v", ".mov", ".qt", ".f4v", ".3gp", ".3g2", ".mj2", ".lrv", ".insv"),
        *(".avi", ".divx", ".mkv", ".mk3d", ".webm", ".flv", ".ogv", ".ogm", ".nut", ".ivf", ".y4m"),
        *(".mpg", ".mpeg", ".mpe", ".m1v", ".m2v", ".vob", ".mod", ".tod", ".ts", ".mts", ".m2ts", ".m2t", ".trp"),
        *(".wmv", ".asf", ".wtv", ".rm", ".rmvb", ".swf", ".mxf", ".gxf", ".dv"),
        *(".mjpeg", ".mjpg", ".h264", ".264", ".h265", ".265", ".hevc", ".obu"),
    }
)
CAMERA = "camera:"  # begins what names a camera, as camera:0
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_url(text: str) -> bool:
    """Return whether a text names something that is not in the file system, such as s3://bucket/folder."""
    return _URL.match(text) is not None


def is_video(path: Path) -> bool:
    """Return whether a file is taken for a video, by its suffix."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def is_media(name: str) -> bool:
    """Return whether a file is taken for an image or a video, by its name; hidden files are not."""
    return Path(name).suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES and not name.startswith(".")
