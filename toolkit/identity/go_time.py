"""Go 1.4's ``time.Time`` in JSON: RFC 3339, parsed and written back.

The rule of this file: the same texts are accepted, the same wall time and offset are written, the same words refuse.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from toolkit.errors import GoJSONError
from toolkit.go_json.scan import decode_utf8

_LAYOUT: Final = '"2006-01-02T15:04:05Z07:00"'
_ATOI: Final = re.compile(r"[+-]?[0-9]*", re.ASCII)
_FRACTION: Final = re.compile(r"\.[0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class GoTime:
    """A wall time with an offset from UTC in minutes, and nanoseconds."""

    year: int = 1
    month: int = 1
    day: int = 1
    hour: int = 0
    minute: int = 0
    second: int = 0
    nanosecond: int = 0
    offset: int = 0

    def marshal(self) -> bytes:
        """Write the time as ``Time.MarshalJSON`` did.

        >>> GoTime().marshal()
        b'"0001-01-01T00:00:00Z"'
        """
        if not 0 <= self.year < 10_000:
            raise GoJSONError(
                "json: error calling MarshalJSON for type time.Time: Time.MarshalJSON: year outside of range [0,9999]",
                expected="a year from 0 to 9999",
                actual=self.year,
            )
        fraction = f".{self.nanosecond:09d}".rstrip("0").rstrip(".")
        if self.offset:
            hours, minutes = divmod(abs(self.offset), 60)
            zone = f"{'-' if self.offset < 0 else '+'}{hours:02d}:{minutes:02d}"
        else:
            zone = "Z"
        date = f"{self.year:04d}-{self.month:02d}-{self.day:02d}"
        return f'"{date}T{self.hour:02d}:{self.minute:02d}:{self.second:02d}{fraction}{zone}"'.encode()


def parse(raw: bytes) -> GoTime:
    """Read the raw JSON token of a time, quotes included and escapes not interpreted (``Time.UnmarshalJSON``).

    Raises
    ------
    GoJSONError
        With Go's text, e.g. ``parsing time ""x"" as ""2006-…"": cannot parse "x"" as "2006"``.

    Examples
    --------
    >>> parse(b'"2015-02-31T00:00:00Z"').marshal()
    b'"2015-03-03T00:00:00Z"'
    """
    return _Reader(decode_utf8(raw)).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.rest = text

    def read(self) -> GoTime:
        self._literal('"')
        year = self._year()
        self._literal("-")
        month = self._number("01", "month", 1, 12)
        self._literal("-")
        day = self._number("02", "day", 0, 31)
        self._literal("T")
        hour = self._number("15", "hour", 0, 23, one_digit=True)
        self._literal(":")
        minute = self._number("04", "minute", 0, 59)
        self._literal(":")
        # Go forgets that the seconds are missing when a fraction stands in their place.
        second = 0 if _FRACTION.match(self.rest) else self._number("05", "second", 0, 59)
        nanosecond = self._fraction()
        offset = self._zone()
        self._literal('"')
        if self.rest:
            raise GoJSONError(f'parsing time "{self.text}": extra text: {self.rest}')
        year, month, day = _normalised(year, month, day)
        return GoTime(year, month, day, hour, minute, second, nanosecond, offset)

    def _cannot(self, element: str) -> GoJSONError:
        return GoJSONError(
            f'parsing time "{self.text}" as "{_LAYOUT}": cannot parse "{self.rest}" as "{element}"',
            expected="RFC 3339, e.g. 2015-10-20T01:02:03.000000004Z",
            actual=self.text,
        )

    def _out_of_range(self, what: str) -> GoJSONError:
        return GoJSONError(f'parsing time "{self.text}": {what} out of range', actual=self.text)

    def _literal(self, char: str) -> None:
        if not self.rest.startswith(char):
            raise self._cannot(char)
        self.rest = self.rest[1:]

    def _year(self) -> int:
        if len(self.rest) < 4 or not _digit(self.rest[0]):
            raise self._cannot("2006")
        text, self.rest = self.rest[:4], self.rest[4:]
        if not text.isascii() or not text.isdigit():
            raise self._cannot("2006")
        return int(text)

    def _number(self, element: str, what: str, least: int, most: int, *, one_digit: bool = False) -> int:
        digits = 0
        while digits < 2 and digits < len(self.rest) and _digit(self.rest[digits]):
            digits += 1
        if digits == 2 or (digits == 1 and one_digit):
            value, self.rest = int(self.rest[:digits]), self.rest[digits:]
            if not least <= value <= most:
                raise self._out_of_range(what)
            return value
        # Go checks the range of the zero it fell back to before it looks at the error.
        raise self._out_of_range(what) if least > 0 else self._cannot(element)

    def _fraction(self) -> int:
        match = _FRACTION.match(self.rest)
        if match is None:
            return 0
        digits = match[0][1:]
        self.rest = self.rest[match.end() :]
        if len(digits.lstrip("0")) > 19 or int(digits[-40:] or "0") >= 2**63 - 8:
            raise self._cannot("05")
        value = int(digits.lstrip("0") or "0")
        if value >= 10**9:
            raise self._out_of_range("fractional second")
        return value * int(10 ** max(0, 9 - len(digits)))

    def _zone(self) -> int:
        if self.rest.startswith("Z"):
            self.rest = self.rest[1:]
            return 0
        if len(self.rest) < 6 or self.rest[3] != ":":
            raise self._cannot("Z07:00")
        sign, hours, minutes = self.rest[0], self.rest[1:3], self.rest[4:6]
        self.rest = self.rest[6:]
        if sign not in "+-" or not _ATOI.fullmatch(hours) or not _ATOI.fullmatch(minutes):
            raise self._cannot("Z07:00")
        offset = _atoi(hours) * 60 + _atoi(minutes)
        return -offset if sign == "-" else offset


def _digit(char: str) -> bool:
    return "0" <= char <= "9"


def _atoi(text: str) -> int:
    return int(text) if text.strip("+-") else 0


def _normalised(year: int, month: int, day: int) -> tuple[int, int, int]:
    """Carry a day 0 or a day past the month's end, as Go's ``time.Date`` does."""
    if day == 0:
        year, month = (year - 1, 12) if month == 1 else (year, month - 1)
        return year, month, _days(year, month)
    length = _days(year, month)
    if day <= length:
        return year, month, day
    return (year, month + 1, day - length)  # only months before December are shorter than 31 days


def _days(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31
