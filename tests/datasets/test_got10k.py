"""GOT-10k's occlusion sets against the authors' rule, written out again with one global stream."""

import numpy as np
import pytest

from tests.datasets.trees import picture, touch
from vidcl.datasets import got10k
from vidcl.datasets.registry import open_dataset
from vidcl.errors import VidclError
from vidcl.evaluation.images import image_source

KIND = "got10k-occlusion"


def video(folder, number, cover, boxes=None, object_class="giant schnauzer", size="(40, 30)"):
    """A video in the published layout; frames are names only."""
    child = folder / f"GOT-10k_Train_{number:06d}"
    count = len(cover)
    if boxes is None:
        boxes = [(2 + k % 5, 3, 10 + k % 7, 8.5) for k in range(count)]
    touch(
        child / "meta_info.ini",
        f"[METAINFO]\nurl: https://example.org/x\nanno_fps: 10Hz\nobject_class: {object_class}\n"
        f"motion_class: trotting\nresolution: {size}\n",
    )
    touch(child / "cover.label", "".join(f"{level}\n" for level in cover))
    touch(child / "absence.label", "".join(f"{int(level == 0)}\n" for level in cover))
    lines = [",".join(f"{value:.4f}" for value in box) for box in boxes]
    touch(child / "groundtruth.txt", "\n".join(lines) + "\n")
    for k in range(count):
        touch(child / f"{k + 1:08d}.jpg")
    return child


@pytest.fixture
def covers(tmp_path):
    """Levels of 12 videos, some of them too alike to be kept."""
    rng = np.random.default_rng(3)
    lows = rng.integers(0, 6, 12)
    covers = {k + 1: rng.integers(lows[k], min(lows[k] + 7, 9), 20 + k).tolist() for k in range(12)}
    covers[4] = [8] * 10
    covers[5] = [8, 5, 6, 8]
    covers[6] = [8, 4, 8]
    for number, cover in covers.items():
        video(tmp_path / "train", number, cover, object_class=f"class {number % 3}")
    return covers


def drawn(covers, order):
    """(video, frame from 1, level) as one global stream gives them."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(1992)  # noqa: NPY002
    rows = []
    for number in order:
        cover = np.array(covers[number])
        if cover.max() - cover.min() < 4:
            continue
        for level in sorted(set(covers[number])):
            candidates = [k for k in range(len(cover)) if cover[k] == level]
            rows.append((number, int(np.random.choice(candidates)) + 1, level))  # noqa: NPY002
    np.random.set_state(state)  # noqa: NPY002
    return rows


def test_sets_are_the_authors(tmp_path, covers):
    data = open_dataset(f"{KIND}-part:{tmp_path}")
    wanted = drawn(covers, sorted(covers))
    assert {4, 5}.isdisjoint(number for number, _, _ in wanted) and len(wanted) > 20
    assert 6 in {number for number, _, _ in wanted}
    paths = [f"GOT-10k_Train_{number:06d}/{frame:08d}.jpg" for number, frame, _ in wanted]
    assert data.labels["path"].tolist() == paths
    assert data.labels["factor_value"].tolist() == [level for _, _, level in wanted]
    assert data.labels["set"].tolist() == [path.split("/")[0] for path in paths]
    assert data.labels["instance"].tolist() == data.labels["set"].tolist()
    assert data.labels["class"].tolist() == [f"class_{number % 3}" for number, _, _ in wanted]
    assert data.labels["absent"].tolist() == [int(level == 0) for _, _, level in wanted]
    boxes = [(2 + (f - 1) % 5, 3, 12 + (f - 1) % 5 + (f - 1) % 7, 11.5) for _, f, _ in wanted]
    assert data.boxes is not None and data.boxes.tolist() == [list(map(float, b)) for b in boxes]


def test_the_generator_of_others_is_left_alone(tmp_path, covers):
    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = open_dataset(f"{KIND}-part:{tmp_path}")
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert open_dataset(f"{KIND}-part:{tmp_path}").fingerprint() == first.fingerprint()


def test_videos_come_in_the_order_of_the_list(tmp_path, covers):
    order = [9, 2, 1, 12, 11, 10, 3, 4, 5, 6, 7, 8]
    listing = tmp_path / "train" / "list.txt"
    listing.write_text("".join(f"GOT-10k_Train_{k:06d}\n" for k in order))
    data = open_dataset(f"{KIND}-part:{tmp_path / 'train'}")
    numbers = [int(name[-6:]) for name in data.labels["set"]]
    assert numbers == [number for number, _, _ in drawn(covers, order)]
    listing.write_text("GOT-10k_Train_000001\n")
    with pytest.raises(VidclError, match=r"list\.txt does not name GOT-10k_Train_000002"):
        open_dataset(f"{KIND}-part:{tmp_path / 'train'}")


def test_a_box_outside_the_picture_leaves_the_other_draws(tmp_path, covers):
    wanted = drawn(covers, sorted(covers))
    number, frame, _ = wanted[2]
    for box in ((60, 3, 5, 5), (5, 3, 0, 5), (float("nan"), 3, 5, 5), (-9, 3, 5, 5)):
        boxes = [(2, 3, 10, 8)] * len(covers[number])
        boxes[frame - 1] = box
        video(tmp_path / "train", number, covers[number], boxes)
        data = open_dataset(f"{KIND}-part:{tmp_path}")
        paths = [f"GOT-10k_Train_{n:06d}/{f:08d}.jpg" for n, f, _ in wanted]
        assert data.labels["path"].tolist() == paths[:2] + paths[3:]


def test_a_frame_is_cropped_to_its_box(tmp_path):
    child = video(tmp_path, 1, [0, 4], boxes=[(2.5, 3, 4, 5), (30, 20, 99, 99)])
    picture(child / "00000001.jpg", size=(40, 30))
    picture(child / "00000002.jpg", size=(40, 30))
    source = image_source(open_dataset(f"{KIND}-part:{tmp_path}"))
    assert [source.image(k).shape for k in range(2)] == [(5, 5, 3), (10, 10, 3)]


def test_the_whole_set_is_counted(tmp_path, covers, monkeypatch):
    with pytest.raises(VidclError, match=f"12 of the 9335 videos .* {KIND}-part:"):
        open_dataset(f"{KIND}:{tmp_path}")
    monkeypatch.setattr(got10k, "VIDEOS", 12)
    whole = open_dataset(f"{KIND}:{tmp_path}")
    (tmp_path / "train" / "GOT-10k_Train_000012" / "cover.label").unlink()
    with pytest.raises(VidclError, match=r"_000012 lacks cover\.label: unpack it again"):
        open_dataset(f"{KIND}:{tmp_path}")
    part = open_dataset(f"{KIND}-part:{tmp_path}")
    kept = whole.labels["set"] != "GOT-10k_Train_000012"
    assert part.labels["path"].tolist() == whole.labels["path"][kept].tolist()


def test_a_drawn_frame_that_is_missing_is_named(tmp_path, covers):
    path = open_dataset(f"{KIND}-part:{tmp_path}").labels["path"][0]
    (tmp_path / "train" / path).unlink()
    with pytest.raises(VidclError, match=f"lacks the frame {path}"):
        open_dataset(f"{KIND}-part:{tmp_path}")


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("cover.label", "1\n8\n", "3 boxes, 2 levels of visibility and 3 marks"),
        ("cover.label", "1\n8\nx\n", r"cover\.label must hold 1 whole numbers"),
        ("cover.label", "1\n8\n2.5\n", r"cover\.label must hold 1 whole numbers"),
        ("cover.label", "", r"cover\.label must hold 1 whole numbers"),
        ("groundtruth.txt", "1,2,3\n" * 3, r"groundtruth\.txt must hold 4 numbers"),
        ("groundtruth.txt", "1,2,3,4\n1,2\n1,2,3,4\n", r"groundtruth\.txt must hold 4 numbers"),
        ("meta_info.ini", "[METAINFO]\n", "names no object_class"),
        ("meta_info.ini", "\0", "names no object_class"),
    ],
)
def test_broken_files_are_named(tmp_path, file, text, said):
    child = video(tmp_path, 1, [1, 8, 8])
    (child / file).write_text(text)
    with pytest.raises(VidclError, match=said):
        open_dataset(f"{KIND}-part:{tmp_path}")


def test_a_set_without_occlusion_says_so(tmp_path):
    with pytest.raises(VidclError, match="holds no video of GOT-10k: put the folders"):
        open_dataset(f"{KIND}-part:{tmp_path}")
    video(tmp_path, 1, [6, 8, 7])
    with pytest.raises(VidclError, match="levels of visibility that lie 4 apart"):
        open_dataset(f"{KIND}-part:{tmp_path}")
