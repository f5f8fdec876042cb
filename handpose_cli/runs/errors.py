"""What stops a run before or while it annotates."""

from handpose_cli.errors import Remediable


class RunError(Remediable, ValueError):
    """The run cannot begin or go on; the message says why, in one line."""
