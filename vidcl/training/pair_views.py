"""From drawn pairs to batches of views."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from vidcl.errors import VidclError
from vidcl.methods.wanted import TIME, Key, ViewBatch, Wanted
from vidcl.training.config import TrainConfig
from vidcl.training.crops import CropBatch, Crops
from vidcl.training.pairs import PairBatch
from vidcl.views.distance import distant_boxes
from vidcl.views.jigsaw import Jigsaw, JigsawParams
from vidcl.views.split import split_view
from vidcl.views.views import ViewParams, Views


@dataclass(frozen=True)
class Batch:
    """All that one step needs.

    Attributes:
        crops: of N pairs, queries first, then keys.
        params: of the views, one for each: the query's, then the keys'.
        moments: which of its pair's two crops each view shows, 0 or 1.
        redraws: the query's parameters drawn anew, [R, N, ...] by name.
        generator: for what else the step draws.
        patches: how the patches are made that the method asks for, and their parameters.
    """

    crops: CropBatch
    params: tuple[ViewParams, ...]
    moments: tuple[int, ...]
    redraws: dict[str, Tensor]
    generator: torch.Generator
    patches: tuple[Jigsaw, JigsawParams] | None = None


class PairViews:
    """Reads crops and draws parameters ahead (``read``), and makes views of them (``make``)."""

    def __init__(self, config: TrainConfig, crops: Crops, dtype: torch.dtype | None = None) -> None:
        """``dtype``: of the resampling; None is float32."""
        self.views, self.crops = Views(config.views), crops
        self.seed, self.dtype = config.seed, dtype
        self.channels_last = config.training.channels_last
        scales = [stream.crop_scale or config.views.crop_scale for stream in config.pairs.streams]
        self.scales = torch.tensor(scales)  # [streams, 2]

    def read(self, pairs: PairBatch, step: int, wanted: Wanted | None = None) -> Batch:
        """What a thread can do ahead, as a function of seed and step alone.

        Of several processes each draws the parameters of all and takes those of its pairs, so that
        views do not depend on how many processes there are.

        Args:
            wanted: the views a method asks for; by default a query and one key.
        """
        wanted = wanted or Wanted()
        words = np.random.SeedSequence((self.seed, step, 0)).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(words[0] >> np.uint64(1)))
        crops = self.crops.read(pairs)
        whole = pairs.everyone or pairs
        sizes = crops.sizes if whole is pairs else self.crops.sizes_of(whole)
        scale = self.scales[torch.from_numpy(whole.stream)]
        moments = (0, *(_moment(key) for key in wanted.keys))
        params, redraws = self._draw(wanted, moments, sizes.chunk(2), scale, generator)
        jigsaw = Jigsaw(wanted.jigsaw, self.views.config) if wanted.jigsaw else None
        pieces = jigsaw.sample(len(scale), generator, sizes.chunk(2)[0]) if jigsaw else None
        if pairs.places is not None:
            places = torch.from_numpy(pairs.places)
            params = tuple(each[places] for each in params)
            redraws = {name: value[:, places] for name, value in redraws.items()}
            pieces = pieces[places] if pieces else None
        patches = (jigsaw, pieces) if jigsaw and pieces else None
        return Batch(crops, params, moments, redraws, generator, patches)

    def _draw(
        self,
        wanted: Wanted,
        moments: tuple[int, ...],
        sizes: tuple[Tensor, ...],
        scale: Tensor,
        generator: torch.Generator,
    ) -> tuple[tuple[ViewParams, ...], dict[str, Tensor]]:
        """Parameters of all views, and those of the query drawn anew.

        Args:
            sizes: [N, 2] of each of the two moments.
            scale: [N, 2], shares of the area that crops cover.
        """
        n, count = len(scale), len(moments)
        shown = [sizes[moment] for moment in moments]
        drawn = self.views.sample(count * n, generator, torch.cat(shown), scale.repeat(count, 1))
        query, *keys = (drawn[slice(n * i, n * (i + 1))] for i in range(count))
        for place, key in enumerate(wanted.keys):
            factors = [factor for factor in key.shares if factor != TIME]
            keys[place] = keys[place].share(query, factors)
            others = [factor for factor in key.differs if factor != TIME]
            if others:
                new = self.views.redraw(
                    query, others, generator, shown[place + 1], scale, distinct=True
                )
                keys[place] = keys[place].share(new, others)
            if key.only is not None:
                names = [name for name in key.only if name != TIME]
                again = self.views.vary(query, names, 1, generator, shown[0], scale)
                keys[place] = query.replace(**{name: value[0] for name, value in again.items()})
        redraws: dict[str, Tensor] = {}
        if wanted.along:
            names = [name for name in wanted.along if name != TIME]
            vary = partial(self.views.vary, sizes=shown[0], crop_scale=scale)
            redraws = vary(query, names, wanted.redraws, generator)
        if TIME in wanted.along:
            # one moment forwards or backwards: the other moment, or its mirror image in time
            sign = torch.randint(0, 2, (wanted.redraws, n), generator=generator)
            redraws[TIME] = 2.0 * sign - 1
        distance = self.views.config.distance
        if distance is not None:
            _check_one_key(wanted)
            boxes = distant_boxes(query.box, distance, generator)
            query, keys[0] = query.replace(box=boxes[0]), keys[0].replace(box=boxes[1])
        return (query, *keys), redraws

    def make(self, batch: Batch) -> ViewBatch:
        """The views and what they show, on the device."""
        images, pairs = self.crops.finish(batch.crops)
        moments, device = images.chunk(2), images.device
        params = [each.to(device) for each in batch.params]
        query, leaves = self._query(moments, params[0], batch.redraws)
        keys = [
            self.views.apply(moments[moment], each, self.dtype)
            for moment, each in zip(batch.moments[1:], params[1:], strict=True)
        ]
        config = self.views.config
        views = (split_view(query, 0, config), *(split_view(key, 1, config) for key in keys))
        if self.channels_last:
            views = tuple(x.contiguous(memory_format=torch.channels_last) for x in views)
        return ViewBatch(
            views,
            torch.from_numpy(pairs.rows).to(device),
            torch.from_numpy(pairs.gap).float().to(device),
            leaves,
            {name: value.to(device, non_blocking=True) for name, value in batch.redraws.items()},
            self._patches(moments[0], batch),
        )

    def _patches(self, images: Tensor, batch: Batch) -> Tensor | None:
        """[N, J, 3, P, P] of the queries' images, where they are asked for."""
        if batch.patches is None:
            return None
        jigsaw, params = batch.patches
        patches = jigsaw.apply(images, params.to(images.device), self.dtype)
        return patches if self.channels_last else patches.contiguous()

    def _query(
        self, moments: tuple[Tensor, ...], params: ViewParams, redraws: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The query's view, as a function of the parameters that are differentiated by.

        Along time an image is the straight line between the pair's two moments, seen with the
        query's other parameters: 0 is its own, 1 the other.
        """
        names = [name for name in redraws if name != TIME]
        leaves = {name: getattr(params, name).clone().requires_grad_() for name in names}
        view = self.views.apply(moments[0], replace(params, **leaves), self.dtype)
        if TIME in redraws:
            other = self.views.apply(moments[1], params, self.dtype)
            time = torch.zeros(len(view), device=view.device, requires_grad=True)
            view = view + time.view(-1, 1, 1, 1) * (other - view.detach())
            leaves[TIME] = time
        return view, leaves


def _moment(key: Key) -> int:
    """Which of a pair's two crops a key shows."""
    return int(TIME not in key.shares if key.only is None else TIME in key.only)


def _check_one_key(wanted: Wanted) -> None:
    """Whether the crops of a query and its key can be drawn together."""
    drawn = len(wanted.keys) == 1 and all(
        key.only is None and "crop" not in (*key.shares, *key.differs) for key in wanted.keys
    )
    if not drawn or wanted.along:
        raise VidclError(
            "views.distance needs a query and one key with a crop of its own and no penalty along "
            "parameters: use it with moco, simclr or generalized."
        )
