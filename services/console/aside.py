"""Setting the state of earlier runs aside, so that a new one begins from nothing."""

import shutil
from pathlib import Path

from services.console.site import Site

KEPT = ("KILL",)


def set_aside(site: Site) -> Path | None:
    """Move the var folder to `<var>.previous` (the one before is removed); the kill latch stays where it is."""
    if not site.var.exists():
        return None
    aside = site.var.with_name(f"{site.var.name}.previous")
    shutil.rmtree(aside, ignore_errors=True)
    site.var.rename(aside)
    site.var.mkdir(mode=0o700)
    for name in KEPT:
        if (aside / name).exists():
            (aside / name).rename(site.var / name)
    return aside
