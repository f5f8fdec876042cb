"""What is wrong with weights."""

from handpose_cli.errors import Remediable


class WeightsError(Remediable, ValueError):
    """No such weights, or not for this engine; the message says why, in one line."""


class AbsentWeightsError(WeightsError):
    """What names weights names nothing that is there."""

    wrong_call = True
