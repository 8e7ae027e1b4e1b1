"""The chain of IDs of one image as a picture inside the page.

The rule of this file: a picture stands in the page as data, with the words that say the same; where there is none to draw, the
tables say it all.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from toolkit.cases.markup import Markup, alone, element
from toolkit.pulling.report import Report

if TYPE_CHECKING:
    from toolkit.views.picture import Picture


def figure(report: Report, image: str) -> Markup:
    """Draw the chain of one image of a report, one that has strong IDs."""
    picture = _picture(report, image)
    data = base64.b64encode(picture.png()).decode("ascii")
    drawing = alone("img", src=f"data:image/png;base64,{data}", alt=picture.words)
    return element("figure", drawing, element("figcaption", picture.words, " The table below has every ID in full."))


def _picture(report: Report, image: str) -> Picture:
    strong, reuse = report.strong_ids, report.reuse
    mine = strong[strong["image"] == image]
    from toolkit.analysis.parent_chains import parent_chain
    from toolkit.views import plots

    return plots.picture(plots.parent_chain(parent_chain(mine, reuse[reuse["image"] == image])))
