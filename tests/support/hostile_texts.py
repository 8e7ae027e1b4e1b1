"""Texts that would act if anything obeyed them, and rows that are full of them."""

from __future__ import annotations

import dataclasses
import typing
from datetime import UTC, datetime
from typing import Any, Final, Literal

import toolkit as tk
from toolkit.ledger.lines import columns, is_optional
from toolkit.records import TABLES, Check, Pull, Record

PAYLOADS: Final = (
    "<script>alert(1)</script>", "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>",
    "<svg><a xlink:href='javascript:alert(1)'><text y=20>x</text></a></svg>", "<iframe src=//evil.example></iframe>",
    "<object data=//evil.example>", "<embed src=//evil.example>", "<link rel=stylesheet href=//evil.example>",
    "<base href=//evil.example>", "<meta http-equiv=refresh content='0;url=//evil.example'>", "<form action=//evil.example>",
    "<a href='javascript:alert(1)'>x</a>", "<a href=data:text/html;base64,PHNjcmlwdD4=>x</a>", '" onmouseover="alert(1)',
    "' onfocus='alert(1)' autofocus='", "`onload=alert(1)`", "<!--", "-->", "<![CDATA[x]]>", "</pre><script>x</script>",
    "</style><script>x</script>", "</title><script>x</script>", "<style>*{background:url(//evil.example)}</style>",
    "<details open ontoggle=alert(1)>", "<video><source onerror=alert(1)>", "<math><mi//xlink:href='data:x,<script>'>",
    "&lt;script&gt;", "&#60;script&#62;", "&amp;lt;b&amp;gt;", "%3Cscript%3E", "{{7*7}}", "${7*7}", "<%= 7*7 %>", "{% raw %}",
    "=1+1", '=HYPERLINK("http://evil.example","x")', "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1", "=cmd|'/c calc'!A0",
    "\uff1d1+1", "\uff0b1", "\x00=1+1", "$\\frac{1}{0}$", "$x$", "\\(x\\)", "_hidden", "\x1b[31mred\x1b[0m",
    "\x1b]8;;http://evil.example\x07x\x1b]8;;\x07", "\x1b]52;c;eA==\x07", "\x9b31m", "a\rb", "a\nb", "a\x08b", "\u202eevil\u202c",
    "\u2066x\u2069", "a\u200bb", "a\u200db", "\ufeffx", "x\ufe0f", "\u2028x\u2029", "\U000e0041", "'; rm -rf / #",
    "$(rm -rf /)", "`rm -rf /`", "| rm -rf /", '"; DROP TABLE x; --', "../../../etc/passwd", "a,b;c\td", '"quoted"', '""', "'",
)  # fmt: skip
"""No lone surrogates: no reader of ours lets one in, and no frame can hold one."""


def value(annotation: Any, text: str) -> Any:
    """A value of a column's type that holds the text wherever a text can stand."""
    plain, _ = is_optional(annotation)
    if typing.get_origin(plain) is Literal:
        return typing.get_args(plain)[0]
    return {str: text, bytes: text.encode("utf-8", "surrogatepass"), int: 0, bool: False, float: 0.5}[plain]


def filled(table: type[Record], text: str) -> Record:
    """A row of a table with the text in every column that takes one."""
    hints = columns(table)
    made: Record = table(**{field.name: value(hints[field.name], text) for field in dataclasses.fields(table)})
    return made


def hostile_report() -> tk.Report:
    """A report every text of which is hostile, its findings included."""
    ledger = tk.Ledger(clock=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    call = ledger.open_call()
    for number, text in enumerate(PAYLOADS):
        call.image = text
        for name, table in TABLES.items():
            row = filled(table, text)
            if isinstance(row, Check):
                call.note(dataclasses.replace(row, outcome="failed"))
            elif name != "pulls" and not (name == "strong_ids" and number % 32):
                call.note(row)
    call.note(filled(Pull, PAYLOADS[0]))
    return tk.Report(ledger, call.name)
