"""Parent chains, duplicate layers, digest mismatches, the ages of identity: a picture for each.

The rule of this file: a plot takes a report, a ledger or a frame, and ``ax=``; it returns the Axes and touches no
global state of matplotlib. Colour never speaks alone: a glyph and a word say the same. ``picture(ax)`` shows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from toolkit.analysis.digest_mismatches import digest_mismatches as find_mismatches
from toolkit.analysis.duplicate_layers import sharing
from toolkit.analysis.identity_ages import identity_ages as find_ages
from toolkit.analysis.parent_chains import parent_chain as find_chain
from toolkit.cards.escaping import middle_cut, short
from toolkit.views.picture import Picture
from toolkit.views.progress import human

if TYPE_CHECKING:
    import pandas as pd

INK: Final = "#1b1f24"
GREY: Final = "#6a737d"
BAND: Final = "#f6f7f9"
ALARM: Final = "#b24a00"
_MONO: Final = "DejaVu Sans Mono"

_DECISIONS: Final = {
    "new strong ID": ("□", "#56b4e9"),
    "strong ID in the graph": ("■", "#0072b2"),
    "legacy ID reused": ("●", "#009e73"),
    "probed ID": ("▲", "#d55e00"),
    "not decided": ("·", "#999999"),
}
_FATES: Final = {
    "downloaded": ("●", "#0072b2"),
    "present": ("○", "#56b4e9"),
    "duplicate-removed": ("✕", "#d55e00"),
    "failed": ("✘", "#cc79a7"),
    "foreign": ("◇", "#8c6d1f"),
    "not-needed": ("·", "#999999"),
}
_SHOWN_MISMATCHES: Final = 6

_WORDS: WeakKeyDictionary[Axes, str] = WeakKeyDictionary()


def parent_chain(of: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the images of one chain: what each was called, what it is called now, and why.

    Parameters
    ----------
    of : Report or DataFrame
        A report of one image, or the frame ``analysis.parent_chain`` makes.
    ax : Axes, optional
        Where to draw; a new figure when absent.

    Returns
    -------
    Axes
        Base at the bottom, arrows from child to parent; a broken line where the reuse of IDs stops.
    """
    chain = find_chain(of.strong_ids, of.reuse) if hasattr(of, "strong_ids") else of
    rows = chain.sort_values("position", ignore_index=True)
    axes = _axes(ax, width=10.0, height=0.9 + 0.62 * max(len(rows), 1))
    used = [decision for decision in _DECISIONS if decision in set(rows["decision"])]
    counts = ", ".join(f"{int((rows['decision'] == one).sum())} {one}" for one in used)
    _headline(axes, _chain_title(rows), f"{len(rows)} images: {counts}", rows=len(rows))
    for x, text in ((0.6, "compatibility ID"), (3.6, "strong ID"), (6.6, "ID used"), (9.4, "why")):
        axes.text(x, len(rows) - 0.42, text, color=GREY, weight="bold", fontsize=9)
    for index, row in rows.iterrows():
        y = float(index)  # type: ignore[arg-type]  # the index was reset
        glyph, colour = _DECISIONS[row["decision"]]
        if int(y) % 2:
            axes.add_patch(Rectangle((0, y - 0.5), 14.0, 1, color=BAND, zorder=0))
        axes.text(0.1, y, str(row["position"]), va="center", color=GREY, fontsize=9)
        _identity(axes, 0.6, y, row["compatibility_id"], GREY)
        _identity(axes, 3.6, y, row["strong_id"], INK)
        axes.text(6.3, y, glyph, va="center", ha="center", color=colour, fontsize=13)
        _identity(axes, 6.6, y, row["final_id"], INK, bold=True)
        axes.text(9.4, y, _why(row), va="center", fontsize=8, color=INK)
        if y:
            axes.add_patch(
                FancyArrowPatch((7.6, y - 0.24), (7.6, y - 0.76), arrowstyle="-|>", mutation_scale=9, color=GREY, linewidth=0.8)
            )
    stop = _stop(rows)
    if stop is not None:
        axes.plot([0, 14.0], [stop - 0.5, stop - 0.5], color=ALARM, linestyle="--", linewidth=1)
        axes.text(14.0, stop - 0.46, "reuse stops here", color=ALARM, fontsize=8, ha="right", va="bottom")
    _bare(axes, width=14.0, height=len(rows))
    stops = "" if stop is None else f" Reuse stops at layer {int(stop)}."
    _WORDS[axes] = f"Parent chain of {len(rows)} images: {counts}.{stops}"
    return axes


def duplicate_layers(of: Any, *, ax: Axes | None = None) -> Axes:
    """Draw which layers stand more than once: blobs by images.

    Parameters
    ----------
    of : Report, Ledger or DataFrame
        Something with the frame ``layers``, or that frame, of one or several images.
    ax : Axes, optional

    Returns
    -------
    Axes
        One line per blob, one column per image; a glyph for each slot, the size at the right.
    """
    layers = of.layers if hasattr(of, "layers") else of
    blobs = list(dict.fromkeys(layers.sort_values(["image", "position"])["blob_digest"]))
    images = list(dict.fromkeys(layers["image"]))
    shared = sharing(layers).set_index("blob_digest")
    saved, listed = int(shared["saved"].fillna(0).sum()), int((shared["size"].fillna(0) * shared["slots"]).sum())
    axes = _axes(ax, width=max(6.4, 4.2 + 1.5 * len(images)), height=1.1 + 0.42 * max(len(blobs), 1))
    more = int((shared["slots"] > 1).sum())
    dropped = int((layers["disposition"] == "duplicate-removed").sum())
    title = f"{more} of {len(blobs)} blobs are named more than once"
    fates = [fate for fate in _FATES if fate in set(layers["disposition"])]
    legend = "   ".join(f"{_FATES[fate][0]} {fate}" for fate in fates)
    _headline(axes, title, f"{human(listed)} listed, {human(listed - saved)} stored      {legend}", rows=len(blobs))
    for column, image in enumerate(images):
        axes.text(
            3.4 + 1.5 * column, len(blobs) - 0.42, middle_cut(image, 18), fontsize=8, ha="center", color=GREY, weight="bold"
        )
    for y, digest in enumerate(blobs):
        if y % 2:
            axes.add_patch(Rectangle((0, y - 0.5), 4.6 + 1.5 * len(images), 1, color=BAND, zorder=0))
        axes.text(
            0.1, y, short(digest), va="center", family=_MONO, fontsize=9, color=INK if shared.loc[digest, "slots"] > 1 else GREY
        )
        for column, image in enumerate(images):
            slots = layers[(layers["image"] == image) & (layers["blob_digest"] == digest)].sort_values("position")
            for place, fate in enumerate(slots["disposition"]):
                glyph, colour = _FATES[fate]
                x = 3.4 + 1.5 * column + 0.22 * (place - (len(slots) - 1) / 2)
                axes.text(x, y, glyph, va="center", ha="center", color=colour, fontsize=12, family="DejaVu Sans")
        size = shared.loc[digest, "size"]
        text = "size unknown" if _missing(size) else human(int(size))
        axes.text(4.5 + 1.5 * len(images), y, text, va="center", ha="right", fontsize=8, color=GREY)
    _bare(axes, width=4.6 + 1.5 * len(images), height=len(blobs))
    _WORDS[axes] = (
        f"{len(layers)} layer slots of {len(images)} images name {len(blobs)} blobs, {more} of them more than once; "
        f"{dropped} slots are dropped as duplicates; {human(listed)} listed, {human(listed - saved)} stored once."
    )
    return axes


def digest_mismatches(of: Any, *, ax: Axes | None = None) -> Axes:
    """Draw digests that are not what was claimed, digit under digit.

    Parameters
    ----------
    of : Report, Ledger or DataFrame
        Something with the frame ``checks``, or that frame, or the one ``analysis.digest_mismatches`` makes.
    ax : Axes, optional

    Returns
    -------
    Axes
        For each mismatch the expected digest over the actual one; digits that differ are marked.
    """
    checks = of.checks if hasattr(of, "checks") else of
    found = checks if "first_difference" in checks.columns else find_mismatches(checks)
    shown = found.head(_SHOWN_MISMATCHES)
    axes = _axes(ax, width=10.4, height=1.0 + 1.05 * max(len(shown), 1))
    title = f"{len(found)} digests are not what was claimed" if len(found) else "Every digest is what was claimed"
    _headline(axes, title, "each digit of the expected digest over the actual one; ▒ where they differ", rows=max(len(shown), 1))
    for line, row in enumerate(shown.itertuples(index=False)):
        y = len(shown) - 1 - line
        word = "refuses" if row.refuses else "recorded"
        label = f"{row.rule} ({word})   {middle_cut(str(row.subject), 40)}   {row.bits} of {row.of_bits} bits differ"
        axes.text(0, y + 0.36, label, fontsize=9, color=ALARM if row.refuses else INK, va="center", weight="bold")
        expected, actual = (str(text).rpartition(":")[2][:64] for text in (row.expected, row.actual))
        axes.text(0, y + 0.1, "expected", fontsize=8, color=GREY, va="center")
        axes.text(0, y - 0.18, "actual", fontsize=8, color=GREY, va="center")
        for index, (left, right) in enumerate(zip(expected, actual, strict=True)):
            x = 6.2 + index * 0.72
            if left != right:
                axes.add_patch(Rectangle((x - 0.36, y - 0.31), 0.72, 0.55, color="#f3d9c9", linewidth=0, zorder=0))
            axes.text(x, y + 0.1, left, family=_MONO, fontsize=8, ha="center", va="center", color=INK)
            axes.text(
                x, y - 0.18, right, family=_MONO, fontsize=8, ha="center", va="center",
                color=INK if left == right else ALARM, weight="normal" if left == right else "bold",
            )  # fmt: skip
    _bare(axes, width=6.2 + 64 * 0.72, height=max(len(shown), 1))
    parts = [_mismatch_words(row.rule, row.subject, row.bits, row.of_bits) for row in shown.itertuples(index=False)]
    _WORDS[axes] = f"{title}. {'; '.join(parts)}".rstrip(". ") + "."
    return axes


def identity_ages(of: Any, *, ax: Axes | None = None) -> Axes:
    """Draw what each step of an image was called in three ages of Docker.

    Parameters
    ----------
    of : Report or DataFrame
        A report of one image, or the frame ``analysis.identity_ages`` makes.
    ax : Axes, optional

    Returns
    -------
    Axes
        Base at the bottom. A step that left no layer has no name today: its place is empty.
    """
    ages = of if hasattr(of, "columns") else find_ages(of)
    rows = ages.sort_values("position", ignore_index=True)
    axes = _axes(ax, width=11.0, height=0.9 + 0.5 * max(len(rows), 1))
    layers = int(rows["chain_id"].notna().sum())
    line = f"{len(rows)} steps have {len(rows)} names in the first two ages, and {layers} in the third"
    _headline(axes, "Three ages of one image's identity", line, rows=len(rows))
    heads = ("name until Docker 1.8", "strong ID, Docker 1.9", "chain ID, today")
    for x, text in zip((0.6, 4.4, 8.2), heads, strict=True):
        axes.text(x, len(rows) - 0.42, text, color=GREY, weight="bold", fontsize=8)
    for index, row in rows.iterrows():
        y = float(index)  # type: ignore[arg-type]  # the index was reset
        if int(y) % 2:
            axes.add_patch(Rectangle((0, y - 0.5), 16.0, 1, color=BAND, zorder=0))
        axes.text(0.1, y, str(row["position"]), va="center", color=GREY, fontsize=9)
        _identity(axes, 0.6, y, row["v1_id"], GREY)
        _identity(axes, 4.4, y, row["strong_id"], INK)
        if _missing(row["chain_id"]):
            axes.text(8.2, y, "no layer, no name", va="center", color=GREY, fontsize=8, style="italic")
        else:
            _identity(axes, 8.2, y, row["chain_id"], "#0072b2", bold=True)
        command = "" if _missing(row["created_by"]) else middle_cut(str(row["created_by"]), 40)
        axes.text(10.9, y, command, va="center", fontsize=8, color=INK)
    _bare(axes, width=16.0, height=len(rows))
    _WORDS[axes] = f"Three ages of identity: {line}."
    return axes


def picture(ax: Axes) -> Picture:
    """Show a plot of this file in a notebook: PNG where pictures are shown, words everywhere else.

    >>> import toolkit as tk
    >>> source = tk.open_source(tk.simulator.teaching_registry())
    >>> tk.plots.picture(tk.plots.parent_chain(tk.inspect("teach/clean:1", source=source)))
    Parent chain of 3 images: 3 new strong ID.
    """
    figure = ax.get_figure(root=True)
    if not isinstance(figure, Figure):
        raise TypeError("the Axes belong to no figure")
    return Picture(figure, _WORDS.get(ax, "A figure without words."))


def _axes(ax: Axes | None, *, width: float, height: float) -> Axes:
    if ax is not None:
        return ax
    with mpl.rc_context({"text.parse_math": False}):
        return Figure(figsize=(width, height)).add_subplot()


def _headline(axes: Axes, title: str, line: str, *, rows: int) -> None:
    above: dict[str, Any] = {"xy": (0, rows - 0.4), "textcoords": "offset points", "va": "bottom"}
    axes.annotate(title, xytext=(0, 40), fontsize=12, color=INK, weight="bold", **above)
    axes.annotate(line, xytext=(0, 24), fontsize=8.5, color=GREY, **above)


def _bare(axes: Axes, *, width: float, height: int) -> None:
    axes.set_xlim(0, width)
    axes.set_ylim(-0.6, height - 0.1)
    axes.axis("off")
    for text in axes.texts:
        text.set_parse_math(False)


def _identity(axes: Axes, x: float, y: float, identity: object, colour: str, *, bold: bool = False) -> None:
    text = short(identity) if isinstance(identity, str) and identity else "-"
    axes.text(x, y, text, va="center", family=_MONO, fontsize=10, color=colour, weight="bold" if bold else "normal")


def _chain_title(rows: pd.DataFrame) -> str:
    if (rows["decision"] == "probed ID").any():
        return "An ID was taken: the next one is probed for"
    if (rows["decision"] == "legacy ID reused").any():
        return "Legacy IDs are reused as far as they deserve it"
    if len(rows) and (rows["decision"] == "strong ID in the graph").all():
        return "Every image is in the graph already"
    return "Every image gets the name its content gives"


def _mismatch_words(rule: object, subject: object, bits: object, of_bits: object) -> str:
    return f"{rule!s} at {middle_cut(str(subject), 40)}: {bits!s} of {of_bits!s} bits"


def _why(row: Any) -> str:
    """Say in a few words why; the frame has Docker's own."""
    decision, reason = str(row["decision"]), str(row["reason"])
    if decision == "probed ID":
        return f"the place is taken: hashed again, {row['rounds']} time{'s' if row['rounds'] > 1 else ''}"
    if decision != "new strong ID" or not reason:
        return decision
    if reason.startswith("reuse has stopped"):
        return "new: reuse has stopped below"
    if reason.startswith("missing"):
        return "new: nothing here to reuse"
    return middle_cut(f"new: {reason}", 44)


def _stop(rows: pd.DataFrame) -> float | None:
    """The lowest image above a reused or kept one for which nothing could be reused any more."""
    taken = [decision in ("legacy ID reused", "strong ID in the graph") for decision in rows["decision"]]
    return next((float(index) for index, reused in enumerate(taken) if not reused and index and taken[index - 1]), None)


def _missing(value: Any) -> bool:
    return value is None or value != value or str(value) == "<NA>"  # noqa: PLR0124  # NaN differs from itself
