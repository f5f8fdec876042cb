"""Everything that a detector's run reads: photographs to train and to validate on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from handpose_cli import weights
from handpose_cli.formats.errors import FormatError
from handpose_cli.training.data.digest import TEACHER, Known, digest, image_facts
from handpose_cli.training.data.samples import choose_held_back, shared_images
from handpose_cli.training.detection.photos import Photo, Photos, read_photos, say_contrary
from handpose_cli.training.settings import Settings


@dataclass(frozen=True)
class DetectionData:
    """A run's data, see `task.TaskData`; `held_back` are the photographs to validate on."""

    photos: Photos
    held_back: list[Photo]
    known: Known
    shared: tuple[int, int]

    @property
    def trained(self) -> int:
        """How many photographs are trained on."""
        return len(self.photos)

    @property
    def held(self) -> int:
        """How many are validated on."""
        return len(self.held_back)

    def described(self) -> str:
        """Return what there is, in a line."""
        whole, hands = len(self.photos.whole), len(self.photos.hands)
        return f"{whole} photographs and {hands} hands to paste to train on, {self.held} photographs to validate on"


def read_data(settings: Settings) -> DetectionData:
    """Read a run's data; `--negatives` are further photographs, in which every hand has a box.

    Raises:
        FormatError: if labels or images cannot be read, or there is no hand to train or to validate on.
        WeightsError: if there is no such teacher.
    """
    read: dict[str, Photos] = {}

    def of(sources: Iterable[str]) -> Photos:
        for source in sources:
            if source not in read:
                read[source] = read_photos([source], settings.read_options)
        return Photos.joined(read[source] for source in sources)

    data, negatives, val = of(settings.data), of(settings.negatives), of(settings.val)
    photos = Photos.joined([data, negatives])
    if not settings.val:
        held = choose_held_back((photo.sample for photo in data), settings.val_split, settings.seed)
        photos, val = (
            photos.where(lambda photo: photo.sample not in held),
            data.where(lambda photo: photo.sample in held),
        )
    for what, some in (("train", photos), ("validate", val)):
        if not any(len(photo.boxes) for photo in some):
            raise FormatError(f"there is no hand with a box to {what} on")
    if not any(len(photo.boxes) and photo.exhaustive for photo in val):
        raise FormatError("no photograph to validate on has hands and is known to show no others", "val")
    say_contrary(photos.whole)
    say_contrary(val)
    options: dict[str, Sequence[str]] = {"data": settings.data, "val": settings.val, "negatives": settings.negatives}
    known = {
        option: {source: (len(read[source]), digest(map(_labelled, read[source]))) for source in sources}
        for option, sources in options.items()
    }
    if settings.teacher is not None:
        network = weights.find(settings.teacher, "litert", "detector", remedy="teacher")
        known[TEACHER] = {settings.teacher: (1, weights.sha256(network))}
    shared = shared_images((photo.image for photo in photos), (photo.image for photo in val))
    return DetectionData(photos, list(val), known, shared)


def _labelled(photo: Photo) -> tuple[object, ...]:
    about = photo.exhaustive, photo.group, photo.sample, photo.size
    return image_facts(photo.image), photo.boxes, *about, photo.keypoints
