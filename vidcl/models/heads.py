"""Projection heads: from a backbone's feature to the space of the loss."""

from typing import Literal

from torch import Tensor, nn

HeadKind = Literal["linear", "mlp"]


def build_head(
    kind: HeadKind, width: int, dim: int, *, hidden: int | None = None, batch_norm: bool = False
) -> nn.Module:
    """[N, width] -> [N, dim].

    Args:
        kind: ``linear`` (MoCo v1) or ``mlp`` (MoCo v2: one hidden layer with ReLU).
        hidden: width of the hidden layer; by default ``width``.
        batch_norm: BatchNorm between the hidden layer and its ReLU.
    """
    if kind == "linear":
        return nn.Linear(width, dim)
    hidden = hidden or width
    if batch_norm:
        return nn.Sequential(
            nn.Linear(width, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, dim),
        )
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, dim))


def head_of(state: dict[str, Tensor], width: int) -> nn.Module | None:
    """The trained head whose tensors these are, in evaluation mode; None where they are no head's.

    Args:
        state: tensors by their names in the head: ``weight`` and ``bias``, or ``0.weight``, ...
        width: of the backbone's feature.
    """
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
    )
    shapes = {name: value.shape for name, value in head.state_dict().items()}
    if shapes != {name: value.shape for name, value in state.items()}:
        return None
    head.load_state_dict(state)
    return head.eval()
