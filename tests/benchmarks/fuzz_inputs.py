"""Damage images and videos at random and read them; run by hand, it takes some minutes:

    python tests/benchmarks/fuzz_inputs.py [FILES] [SEED]

Each file is read, and if it is a video its annotated copy written, in another process. Prints what went wrong: anything
but an UnreadableError, a file without a single record, a crash, a file that takes too long or too much memory.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.own_memory import peak_megabytes

SAMPLES = Path(__file__).parents[2] / "samples"
LONGEST = 60.0  # seconds for a file
MOST_MEMORY = 3000  # MB for a process; a still image of the most pixels takes 800, and twice that while it is decoded
IMAGES = (".jpg", ".png", ".webp", ".bmp", ".tiff", ".jp2", ".ppm", ".hdr")
PAGES = (".gif", ".tif", ".webp", ".png", ".avif", ".mpo")  # by Pillow, of two pictures, to be turned upright
# suffix: format and codec; .mpg stands for transport streams too, as libavformat looks at the content
VIDEOS = {
    "b.mp4": ("mp4", "libx264", {}),
    "front.mp4": ("mp4", "libx264", {"movflags": "faststart"}),
    "pieces.mp4": ("mp4", "libx264", {"movflags": "frag_keyframe+empty_moov"}),
    "a.mov": ("mov", "mjpeg", {}),
    "a.mkv": ("matroska", "libx264", {}),
    "a.webm": ("webm", "libvpx-vp9", {}),
    "a.avi": ("avi", "mpeg4", {}),
    "ts.mpg": ("mpegts", "libx264", {}),
    "ps.mpg": ("mpeg", "mpeg2video", {}),
    "a.flv": ("flv", "flv", {}),
    "a.wmv": ("asf", "wmv2", {}),
}


def healthy(folder: Path) -> dict[str, bytes]:
    """Write small images and videos of each kind into a folder; return their contents by name."""
    import av
    import cv2
    from PIL import Image

    picture = cv2.resize(cv2.imread(str(SAMPLES / "two_hands.jpg")), (160, 120), interpolation=cv2.INTER_AREA)
    for suffix in IMAGES:
        cv2.imwrite(str(folder / f"a{suffix}"), picture)
    cv2.imwrite(str(folder / "deep.png"), picture.astype("uint16") * 257)
    exif = Image.Exif()
    exif[0x0112] = 6
    for suffix in PAGES:
        pages = [Image.fromarray(picture[..., ::-1]), Image.fromarray(picture)]
        turned = {} if suffix == ".avif" else {"exif": exif}  # with which Pillow 13 crashes as it writes
        pages[0].save(folder / f"pages{suffix}", save_all=True, append_images=pages[1:], **turned)
    for name, (container_format, codec, options) in VIDEOS.items():
        with av.open(str(folder / name), "w", format=container_format, options=options) as container:
            stream = container.add_stream(codec, rate=Fraction(25))
            stream.width, stream.height, stream.gop_size = 160, 120, 12
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            for i in range(30):
                frame = av.VideoFrame.from_ndarray(picture[:, range(i - 160, i)], format="bgr24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def flip_bits(data: bytearray, rng: random.Random) -> bytearray:
    for _ in range(rng.choice((1, 3, 30, 300))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data


def damage_head(data: bytearray, rng: random.Random) -> bytearray:
    for _ in range(rng.choice((1, 4, 16))):
        data[rng.randrange(min(len(data), 600))] = rng.randrange(256)
    return data


def cut(data: bytearray, rng: random.Random) -> bytearray:
    return data[: rng.randrange(len(data)) + 1]


def cut_front(data: bytearray, rng: random.Random) -> bytearray:
    return data[rng.randrange(len(data)) :]


def _stretch(data: bytearray, rng: random.Random) -> slice:
    start = rng.randrange(len(data))
    return slice(start, start + rng.choice((1, 4, 50, 1000, len(data) // 3)))


def insert(data: bytearray, rng: random.Random) -> bytearray:
    at = rng.randrange(len(data))
    return data[:at] + rng.randbytes(rng.choice((1, 4, 50, 1000))) + data[at:]


def delete(data: bytearray, rng: random.Random) -> bytearray:
    del data[_stretch(data, rng)]
    return data or bytearray(b"\0")


def zero(data: bytearray, rng: random.Random) -> bytearray:
    stretch = _stretch(data, rng)
    data[stretch] = bytes(len(data[stretch]))
    return data


def repeat(data: bytearray, rng: random.Random) -> bytearray:
    stretch = data[_stretch(data, rng)]
    at = rng.randrange(len(data))
    return data[:at] + stretch * rng.choice((1, 2, 5)) + data[at:]


def claim(data: bytearray, rng: random.Random) -> bytearray:
    """Write a huge number somewhere, more often near the front, where sizes are told; or behind a known name."""
    names = [b"stsz", b"stts", b"stco", b"avc1", b"tkhd", b"mdat", b"moov", b"elst", b"trun", b"IHDR", b"VP8 ", b"strh"]
    places = [at + 4 for name in names if (at := data.find(name)) >= 0]
    at = rng.choice([*places, rng.randrange(len(data)), rng.randrange(min(len(data), 300))]) + rng.randrange(8)
    value = rng.choice((0xFFFFFFFF, 0x7FFFFFFF, 0x00FFFFFF, 0x0000FFFF, 0x80000000, 30_000, 0))
    data[at : at + 4] = value.to_bytes(4, rng.choice(("big", "little")))
    return data


MUTATIONS: tuple[Callable[[bytearray, random.Random], bytearray], ...] = (
    flip_bits, damage_head, cut, cut_front, insert, delete, zero, repeat, claim,
)  # fmt: skip


def damaged(kinds: dict[str, bytes], count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield names (which say what was done) and contents of so many damaged files, the same ones for a seed."""
    rng = random.Random(seed)
    names = sorted(kinds)
    for number in range(count):
        name = names[number % len(names)]
        data, done = bytearray(kinds[name]), []
        if rng.random() < 0.05:  # the head of another kind
            other, length = kinds[rng.choice(names)], rng.choice((12, 64, 1000))
            data, done = bytearray(other[:length]) + data[length:], ["other_head"]
        for mutation in rng.choices(MUTATIONS, k=rng.choice((1, 1, 2, 4))):
            data = mutation(data, rng)
            done.append(mutation.__name__)
        yield f"{number:05d}-{'-'.join(done)}-{name}", bytes(data)


def read(path: Path) -> Counter:
    """Read all frames of a file and write the copy of a video; return how many there are, and how many failures."""
    import numpy as np

    from handpose_cli.media.annotated_copies import copy_path, write_video
    from handpose_cli.media.errors import UnreadableError
    from handpose_cli.media.frames import frames
    from handpose_cli.media.images import image_size
    from handpose_cli.media.inputs import Input

    counts: Counter = Counter()
    entry = Input(path.name, str(path))

    def pictures() -> Iterator[tuple[float, np.ndarray]]:
        for frame in frames([entry], pages=True):
            counts["records"] += 1
            try:
                pixels = frame.read().pixels
            except UnreadableError as error:
                assert str(error), "a failure without a word"
                assert "\n" not in str(error), "a failure of several lines"
                counts["failures"] += 1
                continue
            assert pixels.dtype == np.uint8, pixels.dtype
            assert pixels.ndim == 3, pixels.shape
            assert pixels.shape[2] == 3, pixels.shape
            assert min(pixels.shape) > 0, pixels.shape
            if not entry.is_video and frame.index is None:
                assert image_size(path) == pixels.shape[1::-1], "the head says another size"
            yield frame.time or 0.0, pixels

    if entry.is_video:
        write_video(copy_path(path.parent / "copies", path.name), pictures(), 25.0)
    else:
        list(pictures())
    return counts


def _work(connection: Connection) -> None:
    while (path := connection.recv()) is not None:
        try:
            answer = read(path)
        except BaseException:
            answer = traceback.format_exc()
        connection.send((answer, peak_megabytes()))


def read_apart(paths: Iterable[Path], longest: float = LONGEST) -> Iterator[tuple[Path, Counter | str, int, float]]:
    """Read files in a process of its own.

    Yields:
        path; counts, or what went wrong; the process's memory so far in MB; seconds.
    """
    context = get_context("spawn")
    process = connection = None
    for path in paths:
        if process is None:
            connection, other = context.Pipe()
            process = context.Process(target=_work, args=(other,), daemon=True)
            process.start()
            other.close()
        started, memory = time.monotonic(), 0
        answer: Counter | str
        connection.send(path)
        try:
            answer, memory = connection.recv() if connection.poll(longest) else (f"longer than {longest} s", 0)
        except EOFError:
            process.join()
            answer = f"crash: exit status {process.exitcode}"
        if memory > MOST_MEMORY:
            answer = f"{memory} MB"
        if isinstance(answer, str):
            process.kill()
            process = None
        yield path, answer, memory, time.monotonic() - started
    if process is not None:
        connection.send(None)
        process.join()


def problems(folder: Path, count: int, seed: int, longest: float = LONGEST) -> tuple[list[str], Counter]:
    """Write damaged files into a folder and read them; return what went wrong, and counts over all files."""
    kinds = healthy(folder)
    paths = []
    for name, data in damaged(kinds, count, seed):
        paths.append(folder / name)
        paths[-1].write_bytes(data)
    found, totals = [], Counter()
    for path, answer, memory, seconds in read_apart(paths, longest):
        totals["files"] += 1
        totals["slowest, ms"] = max(totals["slowest, ms"], round(seconds * 1000))
        totals["memory, MB"] = max(totals["memory, MB"], memory)
        if isinstance(answer, str):
            found.append(f"{path.name}: {answer}")
        elif not answer["records"]:
            found.append(f"{path.name}: no record")
        else:
            totals.update(answer)
    return found, totals


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    arguments = [int(argument) for argument in sys.argv[1:]] + [1000, 0][len(sys.argv) - 1 :]
    with tempfile.TemporaryDirectory() as temporary:
        bad, counts = problems(Path(temporary), *arguments)
        for line in bad:
            print(line)
            kept = Path(tempfile.gettempdir()) / "fuzz_inputs"
            kept.mkdir(exist_ok=True)
            (kept / line.partition(": ")[0]).write_bytes((Path(temporary) / line.partition(": ")[0]).read_bytes())
    print(", ".join(f"{name}: {count}" for name, count in counts.items()), f"problems: {len(bad)}", sep=", ")
    sys.exit(bool(bad))
