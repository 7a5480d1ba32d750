"""Background against object: its clips, its labelled sets and the part from end to end."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "pipelines"))
from studies.suppression import background
from studies.suppression import background_measure as measuring
from studies.suppression.background_arms import ARMS, SMOKE, training_of, world_of
from vidcl.errors import VidclError
from vidcl.evaluation.images import image_source
from vidcl.synthetic.clip import render_clip
from vidcl.synthetic.objects import build_instances
from vidcl.tracks.store import open_store

SETTINGS = background.BackgroundConfig(**SMOKE)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    out = tmp_path_factory.mktemp("background")
    return out, background.run(out, background.BackgroundConfig(), (0,), 1, True)


def test_smoke_gives_a_section(smoke):
    _, section = smoke
    assert section.name == "background"
    assert section.plots["background.png"].startswith(b"\x89PNG")
    assert section.text.startswith("## ") and "](background.png)" in section.text
    assert list(section.results["arms"]) == list(background.SMOKE_ARMS)
    for numbers in section.results["arms"].values():
        assert all(0 <= numbers[metric][0] <= 1 for metric in background.HEADINGS)
    assert {claim["held"] for claim in section.results["claims"]} == {"one seed"}
    json.dumps(section.results)


def test_a_second_run_reuses_the_first(smoke):
    out, section = smoke
    files = [path for path in (out / "background").rglob("*") if path.suffix in (".arrow", ".pt")]
    before = {path: path.stat().st_mtime_ns for path in files}
    assert len(before) >= 4
    again = background.run(out, background.BackgroundConfig(), (0,), 1, True)
    assert again.results == section.results
    assert {path: path.stat().st_mtime_ns for path in files} == before
    with pytest.raises(VidclError, match="other settings"):
        background.run(out, background.BackgroundConfig(lr=0.1), (0,), 1, True)


def test_arms_differ_in_their_pairs_alone():
    first = training_of(ARMS["shared"], 3, SETTINGS)
    for name, arm in ARMS.items():
        config = training_of(arm, 3, SETTINGS)
        assert config.model_copy(update={"pairs": first.pairs}) == first
        (stream,) = config.pairs.streams
        assert stream.kind == (("region",) if name.startswith("region") else ("frame",))
        assert stream.gap == ((0.0, 0.0) if name == "one-frame" else SETTINGS.gap)


def test_all_worlds_of_a_seed_show_the_same_objects():
    worlds = {name: world_of(arm, 0, SETTINGS) for name, arm in ARMS.items()}
    instances = build_instances(worlds["shared"], "train")
    clips = {name: render_clip(world, 1, instances[:1]) for name, world in worlds.items()}
    for name, clip in clips.items():
        assert np.array_equal(clip.objects[0].boxes, clips["shared"].objects[0].boxes)
        first, last = clip.frames[0], clip.frames[-1]
        corners = np.array([first[0, 0], last[0, 0]], float)
        if "jitter" in name:
            assert np.abs(first.astype(int) - last).mean() > 10
        if "plain" in name:
            assert np.ptp(corners, 0).max() < 40


def test_stores_hold_frames_and_boxes(smoke):
    out, _ = smoke
    store = open_store(out / "background" / "data" / "seed-0" / "store-frame")
    kinds = store.column("kind")
    assert len(store) == 2 * SETTINGS.clips
    assert sorted(set(kinds)) == ["frame", "region"]
    assert store.canvas == SETTINGS.size
    world = world_of(ARMS["jitter"], 0, SETTINGS)
    instances = build_instances(world, "train")
    clip = render_clip(world, 3, [instances[3]])
    (row,) = (
        n for n in range(len(store))
        if store.column("video_id")[n] == "clip-00003" and kinds[n] == "region"
    )  # fmt: skip
    assert np.array_equal(store.boxes(row), clip.objects[0].boxes.astype(np.float32))


def test_every_object_stands_on_every_background(smoke):
    out, _ = smoke
    data = out / "background" / "data" / "seed-0"
    for half in ("fit", "test"):
        frames, crops = (
            image_source(data / f"{name}-{half}.parquet") for name in ("frame", "crop")
        )
        pairs = list(zip(frames.labels["object"], frames.labels["background"], strict=True))
        assert len(set(pairs)) == 12 * SETTINGS.canvases
        assert {pairs.count(pair) for pair in set(pairs)} == {2 * SETTINGS.takes}
        assert np.array_equal(crops.labels["object"], frames.labels["object"])
        assert frames.image(0).shape == crops.image(0).shape == (SETTINGS.size, SETTINGS.size, 3)
    fit, test = (image_source(data / f"frame-{half}.parquet") for half in ("fit", "test"))
    assert not any(np.array_equal(fit.image(n), test.image(n)) for n in range(8))


def test_the_backgrounds_that_are_asked_are_those_of_the_pictures():
    """Frames of one background share what differs from all others: told without a network."""
    settings = SETTINGS.model_copy(update={"canvases": 4, "takes": 1})
    out = {}
    for half in (0, 1):
        world = world_of(measuring.Arm("", (("canvases", 4), ("frames", 2))), 9, settings)
        instances = build_instances(world, "train")[:2]
        pictures, labels = measuring.labelled_clips(world, instances, settings, half)
        out[half] = pictures["frame"].astype(float), labels["background"]
    # the camera stands still here, so pictures of one canvas agree outside the object
    for image, label in zip(*out[1], strict=True):
        closest = np.median(np.abs(out[0][0] - image), (1, 2, 3)).argmin()
        assert out[0][1][closest] == label


def test_probes_read_what_is_there(smoke):
    out, _ = smoke
    data = out / "background" / "data" / "seed-0"
    sources = [image_source(data / f"frame-{half}.parquet") for half in ("fit", "test")]

    def told(images):
        """The label itself as the feature: the picture looked up among all."""
        known = {
            source.image(row).tobytes(): source.labels["background"][row]
            for source in sources
            for row in range(source.count)
        }
        return np.array([[known.get(image.tobytes(), 0)] for image in images], np.float32)

    numbers = measuring.probe(told, data)
    assert numbers["background frame"] == 1.0
    assert numbers["object frame"] <= 0.2
    assert numbers["background chance"] == pytest.approx(0.5)
    assert numbers["object chance"] == pytest.approx(1 / 12)
