"""Policies: who refuses what, and how a manifest is read.

The rule of this file: a policy switches whole rules; it never changes what a rule says. Every rule is evaluated under
every policy, so that one pull shows both what Docker 1.9 let through and what it should have said.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, get_args

from toolkit.errors import PolicyError
from toolkit.records import PolicyName
from toolkit.verification.rules import RULES

NAMES: Final[tuple[str, ...]] = get_args(PolicyName)


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy and the exceptions the user made to it.

    Parameters
    ----------
    name : str
        ``strict`` (the seed's rules and every further one) or ``docker-1.9`` (exactly the seed's verdicts).
    accept : collection of str
        Slugs of rules that shall not refuse; each exception stands in every row it touches.
    trusted_keys : collection of str
        libtrust key IDs; a valid signature by one of them is called ``valid-trusted``.

    Raises
    ------
    PolicyError
        No such policy or rule, or a rule without which the rest has no meaning.

    Examples
    --------
    >>> Policy("strict", accept=["manifest-name"]).enforces("manifest-name", by_digest=False)
    False
    """

    name: PolicyName = "strict"
    accept: Collection[str] = ()
    trusted_keys: Collection[str] = field(default=())

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise PolicyError(
                f"there is no policy {self.name!r}",
                expected=" or ".join(NAMES),
                actual=self.name,
                next_step=_suggestion(self.name, NAMES),
            )
        for slug in self.accept:
            if slug not in RULES:
                raise PolicyError(
                    f"there is no rule {slug!r}",
                    expected="the slug of a rule",
                    actual=slug,
                    next_step=_suggestion(slug, RULES) + "; `layerproof rules` lists them",
                )
            if not RULES[slug].exceptable:
                raise PolicyError(
                    f"the rule {slug!r} cannot be excepted: {RULES[slug].sentence}",
                    next_step="what follows has no meaning without it; `layerproof inspect` judges all the same",
                )
        object.__setattr__(self, "accept", frozenset(self.accept))
        object.__setattr__(self, "trusted_keys", frozenset(self.trusted_keys))

    @classmethod
    def of(cls, policy: Policy | str) -> Policy:
        """Take a policy or the name of one."""
        return policy if isinstance(policy, Policy) else cls(policy)  # type: ignore[arg-type]  # checked above

    @property
    def is_seed(self) -> bool:
        """Whether verdicts, IDs and files must be Docker 1.9's own."""
        return self.name == "docker-1.9"

    def enforces(self, slug: str, *, by_digest: bool) -> bool:
        """Tell whether a failure of the rule refuses the image."""
        rule = RULES[slug]
        if slug in self.accept:
            return False
        if self.is_seed:
            return rule.seed
        return rule.strict == "always" or (rule.strict == "by-tag" and not by_digest)

    def excepts(self, slug: str, *, by_digest: bool) -> bool:
        """Tell whether the rule would refuse, had the user not taken it out."""
        return slug in self.accept and Policy(self.name).enforces(slug, by_digest=by_digest)


def _suggestion(word: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(str(word), list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else "see the list of names"
