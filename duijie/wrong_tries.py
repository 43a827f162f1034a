"""How often a wrong password was tried at a service lately, so that looking at a system never locks the suite out of it.

Services lock an address out after some wrong passwords within some time (`security` in the integration profile). Each run tries one; a person who
runs a check again and again would be shut out by that. The count outlives the process in the user's cache folder.
"""

import json
import os
import time
from pathlib import Path

_NAME = "wrong-passwords.json"


def may_try(service: str, *, lock_after: int, window_seconds: int) -> bool:
    """Whether one more wrong password is safe: half of what locks is never passed. Notes the try when it is; False when it cannot be noted."""
    try:
        file = _folder() / _NAME
    except RuntimeError:
        # This user has no home.
        return False
    now = time.time()
    tries = {
        name: [moment for moment in moments if now - window_seconds < moment <= now]
        for name, moments in _read(file).items()
    }
    lately = tries.get(service, [])
    if len(lately) + 1 > lock_after // 2:
        return False
    tries[service] = [*lately, now]
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({name: moments for name, moments in tries.items() if moments}), encoding="utf-8")
    except OSError:
        return False
    return True


def _folder() -> Path:
    given = os.environ.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path.home() / ".cache") / "duijie"


def _read(file: Path) -> dict[str, list[float]]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {str(name): [float(moment) for moment in moments] for name, moments in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
