"""What a template of a campaign holds."""

from dataclasses import dataclass, field
from typing import Any


def criterion(key: str, label: str, meaning: str) -> dict[str, str]:
    """A criterion of a response schema."""
    return {"key": key, "label": label, "help": meaning}


def example(  # noqa: PLR0917  # read as a row
    clause: str, prompt: str, a: str, b: str, verdict: str, why: str, strength: int | None = None
) -> dict[str, Any]:
    """A worked example, as labeling.clauses reads it."""
    found: dict[str, Any] = {
        "clause": clause,
        "prompt": prompt,
        "a": a,
        "b": b,
        "preference": verdict,
        "why": why,
    }
    return found if strength is None else found | {"strength": strength}


@dataclass(frozen=True)
class Template:
    """Settings and guidelines that a new campaign can start with."""

    key: str
    name: str
    summary: str
    schema: dict[str, Any]
    guidelines: str
    examples: tuple[dict[str, Any], ...]
    # The paper it is modelled on; empty for our own.
    source: str = ""
    overlap: int = 3
    presentation: dict[str, Any] = field(default_factory=dict)
    requirements: dict[str, Any] = field(default_factory=dict)
    policy: dict[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        """What a new campaign is given of it."""
        return {
            "overlap": self.overlap,
            "schema": self.schema,
            "presentation": self.presentation,
            "requirements": self.requirements,
            "policy": self.policy,
        }
