"""Jigsaw views (Misra & van der Maaten 2020, section 3): patches of an image in a random order.

A large crop of the image is laid out as a grid, and each of its cells shows one patch. No colour is
changed. As in the rest of ``views`` all that is random is drawn by ``sample``; ``apply`` repeats.
"""

from dataclasses import dataclass, fields
from typing import Annotated, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from vidcl.config import Config
from vidcl.views import color, fused, warp
from vidcl.views.boxes import ATTEMPTS, random_boxes
from vidcl.views.recipe import ViewConfig

#: The authors' sizes: side of the view, and of a cell and a patch of its jigsaw, in pixels.
_VIEW, _CELL, _PATCH = 224, 85, 64

#: Values of the images, or of their crops, that are worked on at once on a CPU.
_CHUNK = 16 * 3 * 256 * 256


class JigsawConfig(Config):
    """The patches of an image. Flip, shape of the crop and normalisation are those of ``views``."""

    crop_scale: tuple[float, float] = (0.6, 1.0)
    """Share of the image's area that the grid covers."""
    grid: Annotated[int, Field(ge=1, le=16)] = 3
    """Cells in a row and in a column."""
    size: Annotated[int, Field(ge=1)] | None = None
    """Side in pixels that the grid is resized to; None: as large beside the view as 255 beside
    224, in whole cells."""
    patch: Annotated[int, Field(ge=1)] | None = None
    """Side in pixels of the patch that is cut from each cell; None: 64 of a cell of 85."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        low, high = self.crop_scale
        if not 0 < low <= high <= 1:
            raise ValueError("crop_scale must be [low, high] with 0 < low <= high <= 1")
        if self.size is not None and self.size < self.grid:
            raise ValueError("size must be at least the number of cells in a row (grid)")
        if self.size is not None and self.patch is not None and self.patch > self.size // self.grid:
            raise ValueError(f"patch must fit its cell of {self.size // self.grid} pixels")
        return self

    def sides(self, view: int) -> tuple[int, int, int]:
        """Sides of the resized grid, of a cell and of a patch, in pixels, beside views of ``view``
        pixels.

        Raises:
            ValueError: the patch is larger than its cell.
        """
        cell = max(1, round(view * 3 * _CELL / (_VIEW * self.grid)))
        size = self.size or cell * self.grid
        cell = size // self.grid
        patch = self.patch or max(1, round(cell * _PATCH / _CELL))
        if patch > cell:
            raise ValueError(
                f"patches of {patch} pixels do not fit cells of {cell}: make jigsaw.patch smaller, "
                "or jigsaw.size larger"
            )
        return size, cell, patch

    def cost(self, view: int) -> float:
        """Pixels of all patches of an image over those of its view."""
        return self.grid**2 * self.sides(view)[2] ** 2 / view**2


@dataclass(frozen=True)
class JigsawParams:
    """Of N images, each as J = grid ** 2 patches.

    Attributes:
        box: float [N, 4], the crop: x0, y0, x1, y1 as shares of width and height.
        flip: bool [N], mirrored left and right, before it is cut up.
        offset: int64 [N, J, 2], x and y of each cell's patch within its cell, in pixels.
        order: int64 [N, J], the cell that each place of the result shows, counted along rows.
    """

    box: Tensor
    flip: Tensor
    offset: Tensor
    order: Tensor

    def __len__(self) -> int:
        return len(self.box)

    def __getitem__(self, index: slice | Tensor) -> "JigsawParams":
        """Parameters of some of the images."""
        return JigsawParams(**{name: value[index] for name, value in self.tensors().items()})

    def tensors(self) -> dict[str, Tensor]:
        """All fields by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def to(self, device: torch.device | str) -> "JigsawParams":
        """The same parameters on a device."""
        moved = {name: v.to(device, non_blocking=True) for name, v in self.tensors().items()}
        return JigsawParams(**moved)


class Jigsaw:
    """Patches for a recipe of views: ``jigsaw.apply(images, jigsaw.sample(n, generator))``.

    Attributes:
        size, cell, patch: sides of the resized grid, of a cell and of a patch, in pixels.
    """

    def __init__(self, config: JigsawConfig, views: ViewConfig) -> None:
        """Raises ValueError where the patches do not fit their cells."""
        self.config, self.views = config, views
        self.size, self.cell, self.patch = config.sides(views.size)

    def sample(
        self, n: int, generator: torch.Generator, sizes: Tensor | None = None
    ) -> JigsawParams:
        """Draw the parameters of ``n`` images, on the generator's device.

        Args:
            sizes: [N, 2], true width and height of each image before it was squared; None: the
                images are true squares.
        """
        device, count = generator.device, self.config.grid**2
        aspect = torch.ones(n, device=device)
        if sizes is not None:
            aspect = (sizes[:, 0] / sizes[:, 1]).to(device=device, dtype=torch.float32)
        scale = torch.tensor(self.config.crop_scale, device=device).expand(n, 2)
        draws = torch.rand(n, ATTEMPTS, 4, generator=generator, device=device)
        flip = torch.rand(n, generator=generator, device=device) < self.views.flip
        room = self.cell - self.patch + 1
        offset = torch.randint(room, (n, count, 2), generator=generator, device=device)
        order = torch.rand(n, count, generator=generator, device=device).argsort(1)
        box = random_boxes(draws, aspect, scale, self.views.crop_ratio)
        return JigsawParams(box, flip, offset, order)

    def apply(
        self, images: Tensor, params: JigsawParams, dtype: torch.dtype | None = None
    ) -> Tensor:
        """Images uint8 (0..255) or float (0..1) [N, 3, H, W] -> normalised float [N, J, 3, P, P].

        The crop is resized whole, antialiased, and then cut: on its own a patch would miss the
        pixels beyond its edges that its outermost ones are averaged with.

        Args:
            dtype: of the resampling's products, as in ``Views.apply``.
        """
        quick = images.device.type == "cpu" and not (
            torch.is_grad_enabled() and (images.requires_grad or params.box.requires_grad)
        )
        largest = 3 * max(images.shape[2] * images.shape[3], self.size**2)
        step = max(1, _CHUNK // largest) if quick else max(1, len(images))
        parts = (slice(start, start + step) for start in range(0, len(images), step))
        done = [self._some(images[part], params[part], dtype, quick) for part in parts]
        if not done:
            shape = (0, self.config.grid**2, 3, self.patch, self.patch)
            return images.new_empty(shape, dtype=params.box.dtype)
        return done[0] if len(done) == 1 else torch.cat(done)

    def _some(
        self, images: Tensor, params: JigsawParams, dtype: torch.dtype | None, quick: bool
    ) -> Tensor:
        """The patches of so many images as are worked on at once."""
        full = params.box.dtype
        scale = 1.0 if images.is_floating_point() else 255.0
        to_one = color.brightness(torch.full_like(params.box[:, 0], 1 / scale))
        total, bounds = color.normalisation(to_one, self.views.mean, self.views.std)
        if quick:
            box, flip = params.box, params.flip
            whole = fused.front(images, box, flip, total, bounds, None, 1, self.size)
        else:
            images, none = images.to(dtype or full), torch.zeros_like(params.flip)
            whole = warp.crop_resize(images, params.box, params.flip, none, self.size).to(full)
            whole = color.clamp_channels(color.apply_color(whole, total), bounds)
        # [N, R, R, 3]: a patch's pixels are fetched with their colours together
        whole = whole.permute(0, 2, 3, 1)
        grid, order = self.config.grid, params.order
        offset = params.offset.gather(1, order.unsqueeze(2).expand(-1, -1, 2))
        pixels = torch.arange(self.patch, device=order.device)
        columns = (order % grid * self.cell + offset[..., 0]).unsqueeze(2) + pixels  # [N, J, P]
        rows = (order // grid * self.cell + offset[..., 1]).unsqueeze(2) + pixels
        image = torch.arange(len(order), device=order.device).view(-1, 1, 1, 1)
        patches = whole[image, rows.unsqueeze(3), columns.unsqueeze(2)]  # [N, J, P, P, 3]
        return patches.permute(0, 1, 4, 2, 3)
