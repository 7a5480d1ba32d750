"""What a method asks of the views of its pairs, and the batch that it then gets."""

from dataclasses import dataclass, field

from torch import Tensor

from vidcl.views.jigsaw import JigsawConfig

#: The factor that is no transformation of an image: which of the track's two moments is shown.
TIME = "time"


@dataclass(frozen=True)
class Key:
    """One view that a query is compared with. The query shows the pair's first moment.

    Attributes:
        shares: factors whose parameters are the query's (``views.params.FACTORS``); with ``time``
            the key shows the first moment too, otherwise the second.
        differs: factors drawn so that they do not repeat the query's. All others are drawn without
            regard to it.
        only: if given, the key has everything from the query but these parameters, named as in
            ``Wanted.along``; with ``time`` it shows the second moment.
    """

    shares: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Wanted:
    """What a method asks for.

    Attributes:
        keys: the views beside the query.
        along: parameters of the query's view that the loss differentiates by: fields of
            ``ViewParams``, and ``time``.
        redraws: how often these are drawn anew for every image.
        jigsaw: the patches to make of the query's image; None: none.
    """

    keys: tuple[Key, ...] = (Key(),)
    along: tuple[str, ...] = ()
    redraws: int = 0
    jigsaw: JigsawConfig | None = None


@dataclass(frozen=True)
class ViewBatch:
    """N pairs as a method sees them.

    Attributes:
        views: float [N, 3, S, S] each: the query's and the keys', in the order of ``Wanted``.
        tracks: int64 [N], which track each pair shows.
        gap: float [N], seconds between the pair's two moments, 0 or more; None where there is no
            time.
        leaves: the parameters asked for as ``along``, [N, ...]; ``views[0]`` is a function of them
            that has a gradient.
        redraws: the same parameters drawn anew, [R, N, ...].
        patches: float [N, J, 3, P, P], of the query's image in a random order; None where the
            method asks for none.
    """

    views: tuple[Tensor, ...]
    tracks: Tensor
    gap: Tensor | None = None
    leaves: dict[str, Tensor] = field(default_factory=dict)
    redraws: dict[str, Tensor] = field(default_factory=dict)
    patches: Tensor | None = None

    def __len__(self) -> int:
        return len(self.tracks)

    def chunk(self, parts: int) -> "list[ViewBatch]":
        """The batch in parts of equal size; only of a batch without ``leaves``.

        Raises:
            ValueError: the batch has leaves, which belong to all of it.
        """
        if parts == 1:
            return [self]
        if self.leaves:
            raise ValueError("a batch that is differentiated by its views cannot be taken apart")
        views = zip(*(view.chunk(parts) for view in self.views), strict=True)
        tracks = self.tracks.chunk(parts)
        gaps = [None] * parts if self.gap is None else self.gap.chunk(parts)
        patches = [None] * parts if self.patches is None else self.patches.chunk(parts)
        return [
            ViewBatch(view, track, gap, patches=patch)
            for view, track, gap, patch in zip(views, tracks, gaps, patches, strict=True)
        ]
