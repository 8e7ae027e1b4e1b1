"""Every exception this package raises on purpose.

The rule of this room: one family, split by whose fault it is; a name ends in ``Error``; a message says
what, where, expected, actual and the next step. For bad input nothing else leaves the public functions.

ToolkitError
├── UsageError                   the caller: exit status 2
│   ├── ReferenceSyntaxError     not "name:tag" or "name@digest"
│   ├── DigestSyntaxError        not "sha256:<64 hex>" or "sha512:<128 hex>"
│   ├── PolicyError              no policy or rule of that name
│   └── MemberError              no such path in an image, or nothing to read at it
├── SourceError                  the other side, or the way to it: exit status 3
│   ├── UnreachableError         no connection, a reset, a cut body
│   │   └── DeadlineError        too slow: no head in time, or a drip
│   ├── AddressError             a host that must not be contacted
│   ├── RateLimitError           the registry, or the user's own budget, allows no further request
│   ├── CredentialHelperError    a docker configuration or credential helper that cannot be used
│   ├── UnauthorizedError        credentials missing, refused, or not to be sent there
│   ├── NotFoundError            no such repository, tag, manifest or blob
│   ├── NotKeptError             the source has it in no form that can be verified
│   ├── RegistryResponseError    an answer that is not what the protocol says
│   └── LimitError               more bytes or items than a limit allows
├── ContentError                 the bytes received
│   ├── GoJSONError              not JSON, or JSON of another shape, as Go's encoding/json would say
│   ├── SignatureFormatError     a signatures block that cannot be read
│   ├── SeedPanicError           input on which Docker 1.9 crashed
│   ├── ImageConfigError         a v1Compatibility text that gives no image configuration
│   ├── LayerError               a layer that cannot be decompressed or walked
│   └── CaseError                a case file that is not what it says, or cannot be made
├── VerificationError            a rule refuses: exit status 1; carries .check and .report
├── GraphError                   the local graph
│   ├── ImageNotFoundError       no image of that ID, or one that cannot be loaded
│   ├── TagError                 a tag or digest reference that cannot be set
│   ├── GraphLockedError         another process holds an ID for too long
│   ├── UnsafeGraphError         a directory that others may change while we rely on it
│   ├── StillReferencedError     what is to be purged is reached by a reference
│   └── GraphIOError             the disk says no
├── LedgerError                  a ledger that cannot be read or written
└── InterruptedPullError         stopped by the user: exit status 3
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol


class RefusingRow(Protocol):
    """The row of a failed rule, as far as an error needs to know it."""

    @property
    def rule(self) -> str:
        """Slug of the rule."""

    @property
    def undecided(self) -> bool:
        """Whether the failure only says that nobody can tell."""


class ToolkitError(Exception):
    """The root of the family; never raised itself.

    Parameters
    ----------
    message : str
        What happened, in one sentence.
    where : str, optional
        The place: a path inside a document, a URL, a file.
    expected, actual : object, optional
        Both sides of a disagreement.
    next_step : str, optional
        What the reader can do now.
    code : str, optional
        A stable machine-readable name; the class's own when absent.
    """

    code: ClassVar[str] = "toolkit-error"
    exit_status: ClassVar[int] = 3

    def __init__(
        self,
        message: str,
        *,
        where: str = "",
        expected: object = None,
        actual: object = None,
        next_step: str = "",
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.expected = expected
        self.actual = actual
        self.next_step = next_step
        if code is not None:
            self.code = code  # type: ignore[misc]  # one class, several stable codes (rules)
        self.report: Any = None  # set by the room that did the work: nothing is lost on failure

    def __str__(self) -> str:
        lines = [self.message]
        if self.where:
            lines.append(f"  where:    {self.where}")
        if self.expected is not None:
            lines.append(f"  expected: {self.expected}")
        if self.actual is not None:
            lines.append(f"  actual:   {self.actual}")
        if self.next_step:
            lines.append(f"  next:     {self.next_step}")
        return "\n".join(lines)


class UsageError(ToolkitError, ValueError):
    """The call itself is wrong."""

    code = "usage"
    exit_status = 2


class ReferenceSyntaxError(UsageError):
    """A text that is not a reference to an image."""

    code = "reference-syntax"


class DigestSyntaxError(UsageError):
    """A text that is not a digest."""

    code = "digest-syntax"


class PolicyError(UsageError):
    """No policy or rule of that name."""

    code = "policy"


class MemberError(UsageError):
    """A path that is not in an image, or at which there is nothing to read."""

    code = "member"


class SourceError(ToolkitError):
    """The source of images, or the way to it.

    ``fallback`` is whether Docker 1.9 tried the next endpoint after such an error.
    """

    code = "source"
    fallback: bool = True


class UnreachableError(SourceError):
    """No connection, a reset, or a body cut short."""

    code = "unreachable"


class DeadlineError(UnreachableError):
    """The other side took too long, or sent too little at a time."""

    code = "deadline"


class AddressError(SourceError):
    """A host that an answer names and that must not be contacted."""

    code = "address"


class RateLimitError(SourceError):
    """No further request is allowed: by the registry, or by the budget the user gave."""

    code = "rate-limit"


class CredentialHelperError(SourceError):
    """A docker configuration or a credential helper that cannot be used; no other way is tried instead."""

    code = "credential-helper"


class UnauthorizedError(SourceError):
    """Credentials are missing, refused, or must not be sent to that host."""

    code = "unauthorized"


class NotFoundError(SourceError):
    """The source does not have it."""

    code = "not-found"


class NotKeptError(SourceError):
    """The source keeps this in no form that anybody could verify; it says nothing about the image."""

    code = "not-kept"


class RegistryResponseError(SourceError):
    """The registry answered with something the protocol does not provide for."""

    code = "registry-response"


class LimitError(SourceError):
    """More bytes or items than a limit allows; never a silent cut."""

    code = "limit"


class ContentError(ToolkitError):
    """Bytes that were received, and are not what they should be."""

    code = "content"
    exit_status = 1


class GoJSONError(ContentError):
    """JSON that Go's ``encoding/json`` refuses; the message is Go's own text."""

    code = "json"


class SignatureFormatError(ContentError):
    """A ``signatures`` block that cannot be read; the message is libtrust's own text."""

    code = "signature-format"


class SeedPanicError(ContentError):
    """Input on which Docker 1.9 itself crashed instead of deciding."""

    code = "seed-panic"


class ImageConfigError(ContentError):
    """A v1Compatibility text from which no image configuration can be made."""

    code = "image-config"


class LayerError(ContentError):
    """A layer that cannot be decompressed or walked to its end."""

    code = "layer"


class CaseError(ContentError):
    """A case file that is not what it says it is, or that cannot be made from what is at hand."""

    code = "case"


class VerificationError(ToolkitError):
    """A rule of the policy refuses the image.

    ``check`` is the row that refuses; ``report`` holds every frame of the work done so far.
    """

    code = "verification"
    exit_status = 1

    def __init__(
        self,
        message: str,
        *,
        check: RefusingRow | None = None,
        where: str = "",
        expected: object = None,
        actual: object = None,
        next_step: str = "",
        code: str | None = None,
    ) -> None:
        super().__init__(message, where=where, expected=expected, actual=actual, next_step=next_step, code=code)
        self.check = check


class GraphError(ToolkitError):
    """The local graph cannot do what was asked."""

    code = "graph"


class ImageNotFoundError(GraphError):
    """No image of that ID in the graph, or one that cannot be loaded."""

    code = "image-not-found"


class TagError(GraphError):
    """A tag or digest reference that cannot be set."""

    code = "tag"
    exit_status = 1


class GraphLockedError(GraphError):
    """Another process holds the lock of an ID for longer than we wait."""

    code = "graph-locked"


class UnsafeGraphError(GraphError):
    """The directory of a graph belongs to somebody else, or everybody may write into it."""

    code = "graph-unsafe"


class StillReferencedError(GraphError):
    """A reference reaches what is to be purged."""

    code = "still-referenced"
    exit_status = 1


class GraphIOError(GraphError):
    """The operating system refused a read or a write of the graph."""

    code = "graph-io"


class LedgerError(ToolkitError):
    """A ledger that cannot be read or written."""

    code = "ledger"


class InterruptedPullError(ToolkitError):
    """The user stopped the work; partial downloads are kept."""

    code = "interrupted"
