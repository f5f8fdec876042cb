"""What the errors of bad input have in common: they say facts, and what kind of thing would help."""

from __future__ import annotations


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, or its type's name if it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


class Remediable(Exception):
    """An error that a caller may be able to mend; the message is a fact, in one line.

    Attributes:
        remedy: a name for what would help; empty if nothing would. A command adds its option to the message, see
            `commands.remedies`.
        facts: what the option needs, by name.
        wrong_call: whether the call is at fault, as where what it names is not there: commands have a code for it.
    """

    wrong_call = False

    def __init__(self, message: str, remedy: str = "", **facts: object):
        super().__init__(message)
        self.remedy, self.facts = remedy, facts
