"""What is wrong with weights."""

from handpose_cli.errors import Remediable


class WeightsError(Remediable, ValueError):
    """No such weights, or not for this engine; the message says why, in one line."""
