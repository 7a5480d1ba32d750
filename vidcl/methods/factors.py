"""The factors that a user names, in terms of what a view is made of."""

from typing import Literal

from vidcl.methods.wanted import TIME, Key

#: Factors that can own a space of LooC; ``time`` is which moment of its track a view shows.
Factor = Literal["color", "rotation", "texture", "time"]

#: Factor -> what two views share that share it.
SHARED: dict[str, tuple[str, ...]] = {
    "color": ("color", "grey"),
    "rotation": ("turn",),
    "texture": ("texture",),
    "time": (TIME,),
}
#: Factor -> what is drawn again until it differs, in views that shall differ in it. Two grey views
#: still differ in brightness and contrast; the pair's two moments differ by themselves.
DIFFERS: dict[str, tuple[str, ...]] = {
    "color": ("color",),
    "rotation": ("turn",),
    "texture": ("texture",),
    "time": (),
}

#: Factor -> the setting of the views that must be above 0 for two views to differ in it.
NEEDS: dict[str, str] = {"color": "jitter", "rotation": "turn", "texture": "texture"}


def shared(factors: tuple[str, ...]) -> tuple[str, ...]:
    """What views share that share all of these factors."""
    return tuple(name for factor in factors for name in SHARED[factor])


def leave_one_out(factors: tuple[str, ...]) -> tuple[Key, ...]:
    """The keys of LooC: k_0 differs from the query in every factor, k_i in every one but the i-th,
    which it has from the query (Xiao et al. 2021, section 3.1)."""

    def key(kept: str | None) -> Key:
        differing = (DIFFERS[factor] for factor in factors if factor != kept)
        names = tuple(name for each in differing for name in each)
        return Key(shared((kept,)) if kept else (), names)

    return tuple(key(kept) for kept in (None, *factors))
