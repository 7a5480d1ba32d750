"""Hold whole videos out of training, by a rule that a resumed or extended run repeats."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

#: Below this many videos, holding out whole ones would leave too little on either side.
FEW_VIDEOS = 10
TEST_SHARE = 0.2


@dataclass(frozen=True)
class SplitRule:
    """How a store divides into train and test; chosen once, when the store is planned.

    Attributes:
        rule: ``videos``: a video is 'test' when its hash is at most ``test_below``. ``thirds``:
            the last third of every video is 'test', and segments are cut there.
        test_below: between 0 and 1.
    """

    rule: Literal["videos", "thirds"]
    test_below: float

    def of_video(self, video_id: str) -> str:
        """``train`` or ``test``; under ``thirds`` the split of a video that cannot be cut."""
        if self.rule == "thirds":
            return "train"
        return "test" if hash_share(video_id) <= self.test_below else "train"

    def note(self, videos: int) -> str:
        """One sentence for the user."""
        if self.rule == "thirds":
            return (
                f"The store was planned with fewer than {FEW_VIDEOS} videos: the last third of "
                "each is held out as the test split, not whole videos."
            )
        return f"About {TEST_SHARE:.0%} of the {videos} files are held out as the test split."


def choose_rule(video_ids: Sequence[str], kind: str = "video") -> SplitRule:
    """The rule for these files: whole ones are held out, at least one, from ten videos on."""
    if kind == "image":
        return SplitRule("videos", TEST_SHARE)
    if len(video_ids) < FEW_VIDEOS:
        return SplitRule("thirds", 0.0)
    return SplitRule("videos", max(TEST_SHARE, min(map(hash_share, video_ids))))


def hash_share(video_id: str) -> float:
    """The video's place in [0, 1), independent of anything but its id."""
    digest = hashlib.blake2b(b"split:" + video_id.encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48
