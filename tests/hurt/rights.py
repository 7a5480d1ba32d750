"""Let the rights of files bind also the runs of a test that is root."""

import os
import subprocess

import pytest


def bound_by_rights() -> tuple[str, ...]:
    """Words before a command whom a file's rights hinder; the test is skipped where root cannot
    give up what lets it pass them."""
    if os.geteuid() != 0:
        return ()
    words = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
    try:
        tried = subprocess.run([*words, "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip(
            "the test is root, whom no rights hinder, and there is no setpriv to give it up"
        )
    if tried.returncode != 0:
        pytest.skip(f"root may not give up its rights here: {tried.stderr.strip()}")
    return words
