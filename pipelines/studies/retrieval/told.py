"""What the benchmark prints, and says of its encoders in results.json."""

import textwrap
from collections.abc import Sequence
from typing import Any

from studies.retrieval.rows import Sets
from vidcl.evaluation.encoders import OpenEncoder
from vidcl.evaluation.results import aligned, gap_text, table_text

#: Headline metrics in reading order; those of the second list carry their interval.
METRICS = ("recall@1", "recall@5", "recall@10", "map", "map@r", "r_precision", "ris@10", "knn")
#: Letters in a line of prose.
WIDTH = 100
WITH_INTERVAL = ("recall@1", "map")


def opened_text(encoders: Sequence[OpenEncoder], sets: Sets) -> str:
    """What was opened, before anything is embedded: a line per encoder and per set."""
    rows = [["encoder", "kind", "network", "tensors", "features", "input"]]
    for one in encoders:
        network = one.module
        rows.append(
            [
                one.name,
                one.kind,
                network.architecture.name if network is not None else "-",
                str(len(network.state_dict())) if network is not None else "-",
                str(one.width or "-"),
                f"{one.preprocessing['crop']} px" if "crop" in one.preprocessing else "-",
            ]
        )
    lines = [aligned(rows), ""]
    for name, data in sets.all().items():
        role = ", distractors" if name in sets.distractors else ""
        lines.append(f"{name}: {len(data)} images{role}")
    return "\n".join(lines)


def encoder_facts(encoder: OpenEncoder) -> dict[str, Any]:
    """What moves a row's features: its fingerprint, its width and how images were prepared."""
    return {
        "fingerprint": encoder.fingerprint,
        "width": encoder.width,
        "preprocessing": dict(encoder.preprocessing),
    }


def set_text(results: dict[str, Any], set_name: str) -> str:
    """One set's results: the headline metrics, then Recall@1 by minimum gap; per cent."""
    text = table_text(results, set_name, METRICS, intervals=WITH_INTERVAL)
    rows = [system["sets"].get(set_name, {}) for system in results["systems"]]
    protocol = next((row["protocol"] for row in rows if row.get("protocol")), None)
    if protocol:
        text += "\n" + "\n".join(textwrap.wrap(protocol, WIDTH))
    by_gap = gap_text(results, set_name)
    return text if by_gap is None else f"{text}\n\n{by_gap}"
