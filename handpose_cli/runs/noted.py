"""What a run says of its inputs at the end, which their results do not: of an earlier run's, too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from handpose_cli.doubt.flags import DAMAGED_PICTURE
from handpose_cli.media.damaged import damaged_line
from handpose_cli.runs.journal import Journal


def noted(journal: Journal, files: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield lines, each with what would help, see `Remediable`.

    Args:
        files: names of the inputs whose results are written.
    """
    entries = [(file, journal.entries[file]) for file in files]
    with_more = [entry.pages_left_out for _, entry in entries if entry.pages_left_out]
    if with_more:
        yield f"{sum(with_more)} pages beyond the first, in {len(with_more)} files, were left out", "pages"
    damaged = [file for file, entry in entries if entry.is_damaged]
    if damaged:
        yield f"{damaged_line(damaged)}, and their hands are flagged {DAMAGED_PICTURE}", ""
