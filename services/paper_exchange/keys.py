"""The key of the paper account: made at the first start, read ever after, for its owner's eyes only."""

import os
import secrets
from pathlib import Path

from common.venues.credentials import Credentials, read_credentials


def ensure_credentials(path: Path) -> Credentials:
    """The key in a file; a missing file is created with random values, whole or not at all, mode 0600.

    Raises ConfigInvalid for a file that exists and cannot be used.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f'key = "{secrets.token_hex(32)}"\nsecret = "{secrets.token_hex(32)}"\n')
        draft.rename(path)
    return read_credentials(path)
