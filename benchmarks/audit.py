"""Audits the installed packages for known vulnerabilities: make audit.

pip-audit asks a service on the network. This program fails, too, where the audit covered nothing, or left packages
out: what was not audited does not pass.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from typing import Any

SHOWN = 5
"""Packages that were not audited, of which a line each says why."""


def verdict(report: dict[str, Any]) -> tuple[bool, list[str]]:
    """Whether the audit passes, and lines that say why.

    Args:
        report: What pip-audit writes as JSON.
    """
    every = report.get("dependencies", [])
    skipped = [one for one in every if "skip_reason" in one]
    audited = len(every) - len(skipped)
    lines = [f"not audited: {one['skip_reason']}" for one in skipped[:SHOWN]]
    bad = 0
    for one in every:
        for found in one.get("vulns", []):
            bad += 1
            fixed = ", ".join(found.get("fix_versions", [])) or "no version yet"
            lines.append(f"{one['name']} {one['version']}: {found['id']}, fixed in {fixed}")
    lines.append(f"{audited} packages audited, {len(skipped)} not audited, {bad} vulnerabilities")
    return bool(audited) and not skipped and not bad, lines


def main(folder: str) -> int:
    """Audits the packages in a folder; returns the exit code."""
    command = [sys.executable, "-m", "pip_audit", "--path", folder, "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        print(f"error: nothing was audited: {done.stderr.strip().splitlines()[-1:] or 'pip-audit says nothing'}")
        return 2
    passes, lines = verdict(report)
    print("\n".join(lines))
    return 0 if passes and done.returncode == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else sysconfig.get_path("purelib")))
