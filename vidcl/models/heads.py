"""Projection heads: from a backbone's feature to the space of the loss."""

from typing import Literal

from torch import Tensor, nn

from vidcl.models.spaces import Spaces

HeadKind = Literal["linear", "mlp"]

#: Where the heads of several spaces stand.
_SPACES = "heads."


def build_head(
    kind: HeadKind,
    width: int,
    dim: int,
    *,
    hidden: int | None = None,
    batch_norm: bool = False,
    layers: int = 2,
) -> nn.Module:
    """[N, width] -> [N, dim].

    Args:
        kind: ``linear`` (MoCo v1) or ``mlp`` (MoCo v2: one hidden layer with ReLU).
        hidden: width of the hidden layers; by default ``width``.
        batch_norm: BatchNorm between a hidden layer and its ReLU.
        layers: of an ``mlp``, the last included (Chen, Luo, Li 2021 compare depths).
    """
    if kind == "linear":
        return nn.Linear(width, dim)
    hidden = hidden or width
    parts: list[nn.Module] = []
    for _ in range(layers - 1):
        parts.append(nn.Linear(width, hidden, bias=not batch_norm))
        if batch_norm:
            parts.append(nn.BatchNorm1d(hidden))
        parts.append(nn.ReLU(inplace=True))
        width = hidden
    return nn.Sequential(*parts, nn.Linear(width, dim))


def head_of(state: dict[str, Tensor], width: int) -> nn.Module | None:
    """The trained head whose tensors these are, in evaluation mode; None where they are no head's.

    Args:
        state: tensors by their names in the head: ``weight`` and ``bias``, or ``0.weight``, ...; of
            several spaces ``heads.0.weight``, ...
        width: of the backbone's feature.
    """
    if any(name.startswith(_SPACES) for name in state):
        return _spaces_of(state, width)
    weights = [value for name, value in state.items() if name.endswith("weight")]
    matrices = [value for value in weights if value.dim() == 2]
    if not matrices:
        return None
    kind: HeadKind = "linear" if "weight" in state else "mlp"
    head = build_head(
        kind,
        width,
        len(matrices[-1]),
        hidden=len(matrices[0]),
        batch_norm="1.running_mean" in state,
        layers=max(2, len(matrices)),
    )
    shapes = {name: value.shape for name, value in head.state_dict().items()}
    if shapes != {name: value.shape for name, value in state.items()}:
        return None
    head.load_state_dict(state)
    return head.eval()


def _spaces_of(state: dict[str, Tensor], width: int) -> nn.Module | None:
    """``head_of`` for the heads of several spaces."""
    grouped: dict[int, dict[str, Tensor]] = {}
    for name, value in state.items():
        prefix, number, rest = [*name.split(".", 2), "", ""][:3]
        if prefix + "." != _SPACES or not number.isdigit():
            return None
        grouped.setdefault(int(number), {})[rest] = value
    if sorted(grouped) != list(range(len(grouped))):
        return None
    matrices = [value for value in grouped[0].values() if value.dim() == 2]
    seen = matrices[0].shape[1] if matrices else width
    private = seen * len(grouped) == width
    heads = [head_of(grouped[number], seen) for number in range(len(grouped))]
    found = [head for head in heads if head is not None]
    if len(found) < len(heads) or not (private or seen == width):
        return None
    return Spaces(found, private=private).eval()
