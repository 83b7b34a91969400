"""How many examples a property test draws."""

from __future__ import annotations

import os

from hypothesis import settings


def examples(count: int) -> settings:
    """Settings of a property test: `count` examples, or those of the profile that explores."""
    explores = os.environ.get("HYPOTHESIS_PROFILE") == "explore"
    return settings(max_examples=max(count, settings().max_examples if explores else 0))
