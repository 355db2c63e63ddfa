"""Programs of Debian's that tests want and the product does not."""

from __future__ import annotations

import os
import shutil

import pytest


def needed(program: str) -> str:
    """Where it is; its package has its name or is given by ``.ci/run``. Where it is missing the
    test is skipped, but not in CI."""
    found = shutil.which(program)
    if found is None:
        tell = pytest.fail if os.environ.get("CI") else pytest.skip
        tell(f"{program} is not on this machine: see the packages in .ci/run")
    return str(found)
