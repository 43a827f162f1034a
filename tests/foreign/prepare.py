"""Brings what the foreign stacks need, with the very commands that the pages for vendors give, and says clearly what is missing in the end.

Run once before the tests: `python tests/foreign/prepare.py`. Whoever may not install does so by hand; then it only looks.
"""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from steps import ROOT, steps

PAGES = sorted((ROOT / "docs" / "clients").glob("*.md"))
#: What must answer once all is installed, and what it belongs to.
NEEDED = {
    "php -r 'exit(class_exists(\"SoapServer\") ? 0 : 1);'": "PHP with its soap extension",
    "node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)'": "Node.js 18 or newer",
    "npm --version": "npm",
    "javac -version": "a JDK",
    "wsimport -version": "Metro's wsimport",
    "curl --version": "curl",
}


def run(command: str) -> bool:
    """Run a command; what it says is shown when it fails."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        sys.stderr.write(f"{command.strip()}\n{done.stdout}\n")
    return done.returncode == 0


def missing() -> list[str]:
    """What does not answer."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return [what for command, what in NEEDED.items() if subprocess.run(["bash", "-c", command], **quiet).returncode]


def main() -> int:
    """Install and look; 0 when everything is there."""
    if os.geteuid() == 0:
        installs = [step.text for page in PAGES for step in steps(page) if step.kind == "install"]
        assert len(installs) == len(PAGES)
        if not all(run(command) for command in ("apt-get update -q", *installs)):
            return 1
    lacking = missing()
    for what in lacking:
        sys.stderr.write(f"missing: {what}; see docs/clients\n")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
