"""`report`: one HTML page for people, to look through: counts, histograms, timelines, the most doubtful hands.

Only written. See `handpose_cli/review/`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from handpose_cli.formats.fields import EVERYTHING
from handpose_cli.review.page import Writer, open_page
from handpose_cli.run_facts import RunFacts

KEEPS = EVERYTHING  # nothing is meant to come back


def open_writer(path: Path, images: Path | None = None, run: RunFacts | None = None) -> AbstractContextManager[Writer]:
    """Open a page for writing record by record; it appears when the block ends without an error.

    Args:
        images: the folder of the images; None: the pictures are left out, unless `run` knows them.
        run: what is known of the run that made the records.
    """
    return open_page(path, images, run)
