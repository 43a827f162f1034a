"""Brings a browser and Chinese fonts, and says clearly what is missing in the end.

Run once before the tests: `python tests/browser/prepare.py`. Whoever may not install does so by hand; then it only looks.
"""

import os
import shutil
import subprocess
import sys

PACKAGES = ("chromium", "fonts-noto-cjk")


def install() -> bool:
    """Install what Debian has; False, with what was said, when that fails."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    wait = ["-o", "DPkg::Lock::Timeout=300"]
    for command in (["apt-get", *wait, "update", "-q"], ["apt-get", *wait, "install", "-y", "-q", *PACKAGES]):
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            sys.stderr.write(f"{' '.join(command)}\n{done.stdout}\n")
            return False
    return True


def missing() -> list[str]:
    """What is not there."""
    found = [] if shutil.which("chromium") else ["chromium"]
    fonts = (
        subprocess.run(["fc-list", ":lang=zh"], stdout=subprocess.PIPE, text=True) if shutil.which("fc-list") else None
    )
    return found if fonts is not None and fonts.stdout.strip() else [*found, "a Chinese font (fonts-noto-cjk)"]


def main() -> int:
    """Install what is missing and look again; 0 when everything is there."""
    if missing() and os.geteuid() == 0 and not install():
        return 1
    for what in missing():
        sys.stderr.write(f"missing: {what}\n")
    return 1 if missing() else 0


if __name__ == "__main__":
    sys.exit(main())
