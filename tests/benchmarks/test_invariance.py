"""``benchmarks/invariance.py``: the smoke run prints both tables with numbers in every cell."""

import re

from benchmarks import invariance


def test_the_smoke_run_prints_its_tables(tmp_path, capsys):
    assert invariance.main(["--smoke", "--work", str(tmp_path)]) == 0
    memory, timed = capsys.readouterr().out.split("### Speed\n\n3,000 x 96")
    rows = [line.split("|")[1:-1] for line in memory.splitlines() if line.startswith("| 20,000")]
    assert [row[3].strip() for row in rows] == list(invariance.MEASURES)
    assert all(20 < float(re.match(r" (\d+) MiB", row[5])[1]) < 400 for row in rows)
    rows = [line.split("|")[1:-1] for line in timed.splitlines() if re.match(r"\| \d", line)]
    assert [row[0].strip() for row in rows] == ["10", "600"]
    assert all(re.fullmatch(r" \d+\.\d \(\d+\.\d\dx\) ", cell) for row in rows for cell in row[2:5])
    assert list(tmp_path.iterdir()) == []
