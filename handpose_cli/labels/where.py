"""`score < 0.8 and (handedness = left or flags = jump)`: a condition on hands, read without running any code.

Comparisons `field operator value` with `= != < <= > >=`, joined by `and`, `or`, `not` and parentheses. Values are
numbers, words or texts in quotes, `true`, `false` and `null` (not known). Of the fields that are lists (`flags`) one at
least must fit. What is not known is neither less nor more than anything.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from handpose_cli.formats.errors import FormatError
from handpose_cli.records import Hand, ImageRecord

Condition = Callable[[ImageRecord, Hand | None], bool]

FIELDS: dict[str, Callable[[ImageRecord, Hand | None], Any]] = {
    "score": lambda record, hand: hand and hand.score,
    "joint_score": lambda record, hand: (
        None if hand is None or hand.keypoint_scores is None else float(hand.keypoint_scores.min())
    ),
    "handedness": lambda record, hand: hand and hand.handedness,
    "track_id": lambda record, hand: hand and hand.track_id,
    "interpolated": lambda record, hand: hand and hand.interpolated,
    "flags": lambda record, hand: list(hand.flags) if hand else [],
    "size": lambda record, hand: hand and hand.size,
    "hands": lambda record, hand: len(record.hands),
    "file": lambda record, hand: record.file,
    "frame": lambda record, hand: record.frame,
    "time": lambda record, hand: record.time,
    "width": lambda record, hand: record.width,
    "height": lambda record, hand: record.height,
    "corrected": lambda record, hand: record.corrected,
}
_COMPARE = {"=": operator.eq, "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
            ">": operator.gt, ">=": operator.ge}  # fmt: skip
_TEXTS, _TRUTHS = ("handedness", "flags", "file"), ("interpolated", "corrected")  # the others are numbers
_TOKEN = re.compile(r"""\s*(?:([()])|(<=|>=|!=|==|[<>=])|'([^']*)'|"([^"]*)"|([^\s()<>=!'"]+))""")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
DEEPEST = 50

Token = tuple[str, Any]  # "(", ")", "operator", "text" or "word", and what it is


def parse_where(text: str) -> Condition:
    """Return the condition that a text says; it is asked with a record and one of its hands, None if it has none.

    Raises:
        FormatError: if the text is no condition; the message says where.
    """
    tokens: list[Token] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise FormatError(f"{text!r}: {text[at:].strip()!r} is not understood")
        bracket, compare, single, double, word = match.groups()
        quoted = single if single is not None else double
        tokens.append(
            (bracket, bracket)
            if bracket
            else ("operator", compare)
            if compare
            else ("word", word)
            if word
            else ("text", quoted)
        )
        at = match.end()
    parser = _Parser(text, tokens)
    condition = parser.any_of(0)
    if parser.left:
        raise FormatError(f"{text!r}: {parser.left[0][1]!r} is one too many: and, or or nothing is expected")
    return condition


class _Parser:
    """Takes tokens from the front."""

    def __init__(self, text: str, tokens: list[Token]):
        self._text, self.left = text, tokens

    def any_of(self, depth: int) -> Condition:
        parts = [self._all_of(depth)]
        while self._take_word("or"):
            parts.append(self._all_of(depth))
        return lambda record, hand: any(part(record, hand) for part in parts)

    def _all_of(self, depth: int) -> Condition:
        parts = [self._one(depth)]
        while self._take_word("and"):
            parts.append(self._one(depth))
        return lambda record, hand: all(part(record, hand) for part in parts)

    def _one(self, depth: int) -> Condition:
        if depth > DEEPEST:
            raise FormatError(f"the condition has more than {DEEPEST} parentheses in each other")
        if self._take_word("not"):
            inner = self._one(depth + 1)
            return lambda record, hand: not inner(record, hand)
        kind, name = self._take("a field")
        if kind == "(":
            inner = self.any_of(depth + 1)
            if self._take(")")[0] != ")":
                raise FormatError(f"{self._text!r}: a ) is missing")
            return inner
        if kind != "word" or name not in FIELDS:
            raise FormatError(f"{self._text!r}: {name!r} is no field. There are: {', '.join(FIELDS)}")
        kind, sign = self._take(f"one of {' '.join(_COMPARE)} after {name}")
        if kind != "operator":
            raise FormatError(f"{self._text!r}: one of {' '.join(_COMPARE)} is expected after {name}, not {sign!r}")
        kind, value = self._take(f"a value after {name} {sign}")
        if kind not in ("word", "text"):
            raise FormatError(f"{self._text!r}: a value is expected after {name} {sign}, not {value!r}")
        return _comparison(FIELDS[name], sign, self._value(name, sign, value, kind == "word"))

    def _value(self, name: str, sign: str, value: str, bare: bool) -> Any:
        """Return a value as the field has it: nothing would ever fit one of another kind."""
        if bare and value.lower() == "null":
            return None
        if name in _TEXTS:
            if name == "handedness" and value.lower() not in ("left", "right"):
                raise FormatError(f"{self._text!r}: left, right or null is expected after {name} {sign}, not {value!r}")
            return value.lower() if name == "handedness" else value
        if name in _TRUTHS and value.lower() in ("true", "false", "1", "0"):
            return value.lower() in ("true", "1")
        if name not in _TRUTHS and _NUMBER.fullmatch(value):
            return float(value)
        expected = "true or false" if name in _TRUTHS else "a number"
        raise FormatError(f"{self._text!r}: {expected} is expected after {name} {sign}, not {value!r}")

    def _take(self, what: str) -> Token:
        if not self.left:
            raise FormatError(f"{self._text!r}: ends where {what} is expected")
        return self.left.pop(0)

    def _take_word(self, word: str) -> bool:
        if self.left and self.left[0][0] == "word" and self.left[0][1].lower() == word:
            self.left.pop(0)
            return True
        return False


def _comparison(field: Callable[[ImageRecord, Hand | None], Any], sign: str, value: Any) -> Condition:
    compare, equality = _COMPARE[sign], sign in ("=", "==", "!=")

    def fits(found: Any) -> bool:
        if not equality and (found is None or isinstance(found, str) != isinstance(value, str) or value is None):
            return False
        return bool(compare(found, value))

    def condition(record: ImageRecord, hand: Hand | None) -> bool:
        found = field(record, hand)
        if not isinstance(found, list):
            return fits(found)
        return value not in found if sign == "!=" else any(fits(one) for one in found)

    return condition
