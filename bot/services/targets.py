"""Whether a file may be put under a name: a device, a pipe, a folder there is not ours to replace.

Knows not what is written.
"""

from __future__ import annotations

import stat
from pathlib import Path


def obstacle(path: Path) -> str | None:
    """Why no file may be put there, in a few words; None if nothing or a regular file is there.

    A symbolic link stands for itself: replacing it would not write what it points to. Raise OSError
    if the place cannot be looked at.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        return "is a folder"
    return None if stat.S_ISREG(mode) else "is not a regular file"
