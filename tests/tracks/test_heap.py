"""Freed memory goes back to the system, also from between blocks that still live."""

import subprocess
import sys

PROGRAM = """
from vidcl.tracks.extraction.heap import give_back

def resident():
    lines = dict(line.split(":") for line in open("/proc/self/status"))
    return int(lines["RssAnon"].split()[0]) // 1024

blocks = [bytes([1]) * 60_000 for _ in range(2000)]
full = resident()
kept = blocks[::20]
del blocks
between = resident()
give_back()
print(full, between, resident())
"""


def test_holes_between_living_blocks_are_given_back():
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    full, between, after = map(int, run.stdout.split())
    assert between > full - 20  # what is freed is not given back by itself
    assert after < full - 80
