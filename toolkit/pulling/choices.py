"""What a user may choose of what a registry has: formats and platforms.

The rule of this file: it reads the words a user wrote; nothing is asked of anybody.
"""

from __future__ import annotations

from toolkit.errors import UsageError
from toolkit.manifests.descriptor import PLATFORM, Platform
from toolkit.manifests.media_types import ACCEPTED, SCHEMA1_ONLY


def accepted_types(formats: str) -> str:
    """Make the Accept header for a choice of formats."""
    choices = {"all": ACCEPTED, "schema1": SCHEMA1_ONLY}
    if formats not in choices:
        raise UsageError(
            f"no formats are called {formats!r}", expected="all or schema1", actual=formats, next_step="leave it out"
        )
    return ", ".join(choices[formats])


def asked_platform(text: str | None) -> Platform | None:
    """Read the platform a user asks for; None for ``all``."""
    if text == "all":
        return None
    platform = Platform.parse(text or PLATFORM)
    if not (platform.os and platform.architecture):
        raise UsageError(
            f"{text!r} is not a platform",
            expected="os/architecture[/variant], or all",
            actual=text,
            next_step=f"write for example {PLATFORM}",
        )
    return platform
