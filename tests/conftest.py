"""Settings that every test shares."""

from __future__ import annotations

import os

from hypothesis import settings

# The same examples on every run, so that a failure is always somebody's change. Look for new ones
# with HYPOTHESIS_PROFILE=explore.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
