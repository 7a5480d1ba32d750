"""The study of feature suppression runs from end to end, goes on, and judges what it measured."""

import dataclasses
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2] / "pipelines"))
import study_suppression

from studies.suppression import digits as part_digits
from studies.suppression import (
    digits_shown,
    knob,
    learning,
    pictures,
    randbit,
    randbit_arms,
    randbit_page,
    sizes,
)
from studies.suppression.curves import Curve, curves_plot
from studies.suppression.randbit_source import Bits, PictureSource
from vidcl.errors import VidclError
from vidcl.methods.wanted import Key, Wanted
from vidcl.report.claims import judge
from vidcl.synthetic.rand_bits import image_codes
from vidcl.training.processes import Process

SCRIPT = Path(__file__).parents[2] / "pipelines" / "study_suppression.py"
OURS = ("randbit", "digits", "sizes")
DIGITS, SIZES = digits_shown.DigitsConfig(), sizes.SizesConfig()
CPU = Process(0, 1, torch.device("cpu"))


def main(monkeypatch, *arguments):
    """The program in this process: its exit status."""
    monkeypatch.setattr(sys, "argv", ["study_suppression.py", *map(str, arguments)])
    return study_suppression.main()


def write_mnist(folder, count=300):
    """Digits in MNIST's format: a bright square at a place of each class."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, count).astype(np.uint8)
    images = rng.integers(0, 60, (count, 28, 28)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        x, y = 6 + 4 * (label % 5), 6 + 14 * (label // 5)
        image[y : y + 6, x : x + 3] = 255
    folder.mkdir()
    for name, values in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels)):
        head = b"\0\0\x08" + bytes([values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
        (folder / name).write_bytes(head + values.tobytes())
    return folder


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    out = tmp_path_factory.mktemp("suppression")
    command = [sys.executable, str(SCRIPT), "--smoke", "--out", str(out), "--workers", "2"]
    command += ["--parts", *OURS]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert run.returncode == 0, run.stderr[-2000:]
    return out


def test_smoke_writes_results_plots_and_page(smoke):
    results = json.loads((smoke / "results.json").read_text())
    assert list(results) == list(OURS)
    rows = results["randbit"]["sets"]["glyphs"]["rows"]
    for row in ("T=0.1", "supervised", "random"):
        assert 0 <= rows[row]["digit 0"][0] <= 1
    for row in ("T=0.1", "blank", "redrawn", "supervised", "random"):
        assert 0 <= rows[row]["digit 2"][0] <= 1
    assert rows["T=0.1"]["i_nce 0"][0] <= np.log(31) and "bit 2" in rows["T=0.1"]
    for part, metrics in (("digits", ("image", "digit")), ("sizes", ("fixed", "other"))):
        values = {"digits": (1, 4), "sizes": (14, 30)}[part]
        for kind in knob.KINDS:
            for metric in metrics:
                for value in values:
                    assert 0 <= results[part]["rows"][kind][f"{metric} {value}"][0] <= 1
    for name in ("randbit-glyphs", "digits", "sizes"):
        assert (smoke / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert f"({name}.png)" in (smoke / "page.md").read_text()
    assert (smoke / "page.md").read_text().count("nothing is judged") == 3


def test_a_second_run_reuses_the_first(smoke, monkeypatch):
    # a number that no run would give stays: nothing was run again
    kept = smoke / "randbit" / "glyphs" / "runs" / "redrawn-2" / "seed-0.json"
    numbers = json.loads(kept.read_text()) | {"digit": 0.12345}
    kept.write_text(json.dumps(numbers))
    assert main(monkeypatch, "--smoke", "--out", smoke, "--parts", *OURS) == 0
    results = json.loads((smoke / "results.json").read_text())
    assert results["randbit"]["sets"]["glyphs"]["rows"]["redrawn"]["digit 2"] == [0.12345]


def test_other_settings_in_the_same_folder_are_an_error(smoke, monkeypatch, capsys):
    for option in ("--randbit.steps", "--digits.steps", "--sizes.steps"):
        part = option[2:].split(".")[0]
        arguments = ("--smoke", "--out", smoke, "--parts", part, option, 5)
        assert main(monkeypatch, *arguments) == 1
        assert "other settings" in capsys.readouterr().err


def test_help_names_settings_and_examples(monkeypatch, capsys):
    with pytest.raises(SystemExit) as ended:
        main(monkeypatch, "--help")
    assert ended.value.code == 0
    told = capsys.readouterr().out
    for word in ("--seeds", "--parts", "--mnist", "--images", "--smoke", "--randbit.steps",
                 "--digits.unique", "--sizes.others", "study_suppression.py --out"):  # fmt: skip
        assert word in told


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--parts", "bits"), "There is no part 'bits'"),
        (("--parts", "sizes", "sizes"), "every part once"),
        (("--seeds", "-1"), "no seed below 0"),
        (("--seeds", "1", "1"), "every seed once"),
        (("--workers", "0"), "at least one worker"),
        (("--mnist", "nowhere"), "no folder nowhere"),
        (("--images", "nowhere"), "no image set at nowhere"),
        (("--randbit.device", "nowhere"), "no device 'nowhere'"),
    ],
)
def test_wrong_settings_are_a_sentence(tmp_path, capsys, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    assert main(monkeypatch, "--out", tmp_path / "out", *arguments) == 1
    told = capsys.readouterr().err
    assert says in told and told.startswith("error: ") and told.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--randbit.steps", "0"), "greater than or equal to 1"),
        (("--randbit.bits", "5", "0"), "bits must rise from 0"),
        (("--randbit.control-bits", "3"), "control_bits among bits"),
        (("--digits.unique", "4", "1"), "unique must rise"),
        (("--sizes.others", "14", "40"), "beside each other"),
        (("--sizes.batch-size", "5000"), "at most images"),
    ],
)
def test_wrong_settings_of_a_part_are_told(tmp_path, capsys, monkeypatch, arguments, says):
    with pytest.raises(SystemExit) as ended:
        main(monkeypatch, "--out", tmp_path / "out", *arguments)
    assert ended.value.code == 2
    assert says in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.iterdir())


def config(channels=3, **changes):
    own = {"size": 16, "crop": (0.5, 1.0), "T": 0.1, "steps": 3, "batch_size": 8, "lr": 1e-3}
    return learning.training_of(
        **own | {"seed": 0, "device": "cpu", "channels": channels} | changes
    )


def test_shared_bits_are_alike_in_both_views_and_redrawn_ones_are_not():
    images = torch.randint(256, (20, 1, 16, 16), dtype=torch.uint8)
    codes = image_codes(images)
    for redrawn in (False, True):
        source = PictureSource(images, Bits(codes, 12, redrawn), config(13), CPU)
        seen = []
        for step in (1, 2):
            batch = source.read(step, Wanted())
            query, key = source.make(batch).views
            assert query.shape == (8, 13, 16, 16)
            assert not torch.equal(query[:, 0], key[:, 0])  # another crop
            bits = query[:, 1:], key[:, 1:]
            for each in bits:
                assert ((each == 0) | (each == 1)).all()
                assert torch.equal(each, each[:, :, :1, :1].expand_as(each))  # constant
            assert torch.equal(*bits) != redrawn
            own = torch.stack([codes[batch.rows] >> place & 1 for place in range(12)], 1)
            assert torch.equal(bits[0][:, :, 0, 0].long(), own) != redrawn
            seen.append(bits[0][:, :, 0, 0])
            again = source.make(source.read(step, Wanted())).views
            assert torch.equal(again[0], query) and torch.equal(again[1], key)
        assert not torch.equal(*seen)


def test_a_batch_shows_no_picture_twice_and_a_process_its_own():
    images = torch.randint(256, (20, 3, 16, 16), dtype=torch.uint8)
    source = PictureSource(images, None, config(), CPU)
    whole = source.read(5, Wanted())
    assert len(set(whole.rows.tolist())) == 8
    parts = [
        PictureSource(images, None, config(), Process(rank, 2, torch.device("cpu")))
        for rank in (0, 1)
    ]
    halves = [part.make(part.read(5, Wanted())) for part in parts]
    assert torch.equal(torch.cat([half.tracks for half in halves]), whole.rows)
    for number, view in enumerate(source.make(whole).views):
        torch.testing.assert_close(torch.cat([half.views[number] for half in halves]), view)


def test_a_source_refuses_what_does_not_fit():
    images = torch.zeros(20, 1, 16, 16, dtype=torch.uint8)
    with pytest.raises(VidclError, match="have 6 channels"):
        PictureSource(images, Bits(image_codes(images), 5), config(5), CPU)
    with pytest.raises(VidclError, match="A batch shows each of 4"):
        PictureSource(images[:4], None, config(1), CPU)
    source = PictureSource(images, None, config(1), CPU)
    with pytest.raises(VidclError, match="independent views"):
        source.read(1, Wanted(keys=(Key(shares=("crop",)),)))


def test_arms_of_randbit_differ_in_bits_and_temperature_alone():
    settings = randbit_arms.RandBitConfig(device="cpu")
    arms = randbit_arms.arms_of(settings)
    assert len({arm.name for arm in arms}) == len(arms) == 15 + 5
    shape = (6000, 1, 28, 28)
    plain = randbit_arms.config_of(randbit_arms.Arm("shared", 0, 0.1), shape, 0, settings)
    for arm in arms:
        other = randbit_arms.config_of(arm, shape, 0, settings)
        assert other.model.channels == 1 + arm.bits
        temperature = arm.T or 0.1
        assert temperature == other.method.T
        model = other.model.model_copy(update={"channels": 1})
        steps = 450 if arm.kind in ("longer", "redrawn") else 150
        assert other.training.steps == steps
        training = other.training.model_copy(update={"steps": 150})
        same = {"model": model, "method": plain.method, "training": training}
        assert other.model_copy(update=same) == plain
    views = plain.views
    assert (views.flip, views.jitter, views.greyscale, views.blur) == (0, 0, 0, 0)


def test_arms_of_the_others_differ_in_what_is_shown_alone():
    own = digits_shown.DigitsConfig(
        device="cpu", images=60, test=30, unique=(0, 1, 8), size=16, batch_size=8
    )
    run = digits_shown.DigitsRun(settings=own, images=None, mnist=None)
    bases = digits_shown.gratings((60, 30), 16, 0)
    inks = pictures.digit_set("glyphs", None, (2 * 30, 30), 28, 0)
    sets = {n: digits_shown.stamped(bases, inks, n, 0, run.settings) for n in own.unique}
    assert torch.equal(sets[0]["train"][0], bases["train"][0])
    assert not sets[0]["train"][2].any() and len(set(sets[1]["train"][2].tolist())) == 1
    for one in sets.values():
        assert torch.equal(one["train"][1], bases["train"][1])
        for split in ("unseen train", "unseen test"):  # the same digits whatever N is
            assert torch.equal(one[split][0], sets[0][split][0])
    few, many = (
        sizes.canvases(inks, other, 0, sizes.SizesConfig(images=60, test=30, batch_size=8))["train"]
        for other in (14, 30)
    )
    assert few.images.shape == many.images.shape == (60, 48, 48)


def test_the_probes_read_what_features_hold(tmp_path):
    """A supervised network tells digits; blank bits leave what does not depend on them."""
    settings = randbit_arms.RandBitConfig(
        images=300, test=100, bits=(0, 3), control_bits=3, size=16, steps=60, batch_size=64,
        lr=0.004, device="cpu",
    )  # fmt: skip
    config = randbit.SetConfig(kind="mnist", path=write_mnist(tmp_path / "mnist", 400),
                               settings=settings)  # fmt: skip
    pictures.keep(tmp_path / "pictures" / "0.pt", randbit.pictures(config, 0))
    folder = tmp_path / "runs" / "arm" / "seed-0"
    seen = []
    told = randbit.measure("supervised-3", 0, config, folder, lambda *at: seen.append(at))
    assert seen[-1] == (60, 60)
    assert told["digit"] > 0.9 and told["blank"] > 0.9
    assert told == randbit.measure("supervised-3", 0, config, folder)
    plain = randbit.measure("random", 0, config, folder)
    assert plain["bit 3"] > 0.95  # a constant channel is easy to read
    assert "bit 0" not in plain and {"digit 0", "digit 3", "blank 3"} <= set(plain)
    assert plain["chance"] == pytest.approx(
        np.bincount(randbit.pictures(config, 0)["test"][1]).max() / 100
    )


def test_sets_are_a_function_of_the_seed_and_do_not_share_pictures(tmp_path):
    folder = write_mnist(tmp_path / "mnist")
    for kind, path in (("glyphs", None), ("mnist", folder)):
        first = pictures.digit_set(kind, path, (100, 50), 16, 0)
        again = pictures.digit_set(kind, path, (100, 50), 16, 0)
        other = pictures.digit_set(kind, path, (100, 50), 16, 1)
        assert first["train"][0].shape == (100, 1, 16, 16) and len(first["test"][1]) == 50
        assert torch.equal(first["train"][0], again["train"][0])
        assert not torch.equal(first["train"][0], other["train"][0])
        known, asked = ({image.numpy().tobytes() for image in first[name][0]} for name in first)
        assert not known & asked


def test_a_folder_of_images_is_a_set(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(40):
        name = ("dark", "light")[number % 2]
        (tmp_path / name).mkdir(exist_ok=True)
        pixels = rng.integers(0, 100, (20 + number, 30, 3)) + 100 * (number % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / name / f"{number}.png")
    splits = pictures.image_set(tmp_path, (60, 20), 16, 0)
    assert splits["train"][0].shape == (30, 3, 16, 16) and len(splits["test"][1]) == 10
    for images, labels in splits.values():
        assert ((images.float().mean((1, 2, 3)) > 100).long() == labels).all()
    with pytest.raises(VidclError, match="one class alone"):
        pictures.image_set(tmp_path / "dark", (10, 10), 16, 0)


def rows(**changes):
    """RandBit as the paper says it is, on three seeds."""

    def values(middle):
        return [middle - 0.01, middle, middle + 0.01]

    curve = {0: 0.95, 5: 0.7, 10: 0.3, 15: 0.09, 20: 0.08}
    found = {
        "T=0.1": {f"digit {bits}": values(value) for bits, value in curve.items()},
        "blank": {"digit 15": values(0.2)},
        "redrawn": {"digit 15": values(0.94)},
        "supervised": {"digit 0": values(0.99), "digit 15": values(0.98)},
        "random": {"digit 15": values(0.4)},
        "chance": {"chance": [0.11] * 3, "tested": [1000.0] * 3},
    }
    for place, value in changes.items():
        row, name = place.split("__")
        found[row.replace("T", "T=0.1")][name.replace("_", " ")] = values(value)
    return found


def held(found):
    settings = randbit_arms.RandBitConfig()
    lines = randbit_page.with_lines(found, settings)
    answers = judge(randbit_page.claims_of(settings), lines)
    assert len(answers) == 12
    return {answer["says"].partition(" (")[0]: answer["held"] for answer in answers}


def test_randbit_is_judged_by_its_intervals():
    line = randbit_page.with_lines(rows(), randbit_arms.RandBitConfig())["chance line"]["digit"][0]
    assert line == pytest.approx(0.11 + 2 * (0.11 * 0.89 / 1000) ** 0.5)
    asked = held(rows())
    blank = asked.pop("blanking the bits gives the digit back")
    assert blank == "no" and set(asked.values()) == {"yes"}
    for changes, says, expected in (
        ({"T__digit_0": 0.8}, "at least 85 % without bits", "no"),
        ({"T__digit_10": 0.8}, "falls from 5 to 10 bits", "no"),
        ({"T__digit_20": 0.3}, "and does not rise by 2 points to 20", "no"),
        ({"T__digit_15": 0.3}, "chance at 15 bits", "no"),
        ({"T__digit_15": 0.125}, "chance at 15 bits", "open"),
        ({"redrawn__digit_15": 0.6}, "drawn anew for each view, bits suppress nothing", "no"),
        ({"supervised__digit_15": 0.8}, "with labels the digit is learned all the same", "no"),
        ({"random__digit_15": 0.02}, "shared bits leave less than a random network has", "no"),
        ({"blank__digit_15": 0.94}, "blanking the bits gives the digit back", "yes"),
    ):
        assert held(rows(**changes))[says] == expected, says


def test_the_order_of_temperatures_is_said():
    settings = randbit_arms.RandBitConfig()
    found = rows()
    assert randbit_page.temperatures(found, settings, 20) == ""
    for T, factor in ((0.05, 1.2), (0.2, 0.5)):
        found[f"T={T:g}"] = {name: [v[0] * factor] for name, v in found["T=0.1"].items()}
    assert "falls later: yes" in randbit_page.temperatures(found, settings, 20)
    assert randbit_page.temperatures(found, settings, 20).endswith("1 seed.")
    found["T=0.2"], found["T=0.05"] = found["T=0.05"], found["T=0.2"]
    assert "falls later: no" in randbit_page.temperatures(found, settings, 20)


def test_the_table_shows_the_notebook_beside_ours():
    settings = randbit_arms.RandBitConfig()
    text = randbit_page.table(rows(), settings)
    assert "| bits shared, T = 0.1 | 95.0 ± 1.0 | 70.0 ± 1.0 |" in text
    assert "T = 0.2 | 90.0 | 33.0 | 10.4 | 10.0 | 9.9 |" in text
    few = settings.model_copy(update={"bits": (0, 5), "control_bits": 5})
    assert "notebook" not in randbit_page.table(rows(), few)


def test_claims_of_the_others_name_what_was_measured():
    """Every claim finds its numbers among the rows that a run leaves."""
    for claims, values, metrics in (
        (part_digits.claims_of(DIGITS), DIGITS.unique, ("image", "digit")),
        (sizes.claims_of(SIZES), SIZES.others, ("fixed", "other")),
    ):
        measured = {"goal": {metric: [0.6] for metric in metrics}}
        for arm in knob.arms_of(values):
            for value in values if arm.kind == "random" else (arm.value,):
                row = measured.setdefault(arm.kind, {})
                row |= {f"{metric} {value}": [0.5] for metric in metrics}
        assert len(judge(claims, measured)) == len(claims) >= 4


def test_curves_are_drawn_with_and_without_a_logarithm():
    curves = [Curve("a", {0: [0.5, 0.6], 4: [0.1]}), Curve("b", {4: [0.2]}, control=True)]
    for log in (False, True):
        png = curves_plot([("one", curves), ("two", curves)], "knob", chance=10.0, log=log)
        assert png.startswith(b"\x89PNG")


def test_options_keep_the_settings_that_are_reported():
    options = study_suppression.parse(["--out", "x"])
    assert options.seeds == (0, 1, 2) and set(OURS) <= set(options.parts)
    fields = {field.name for field in dataclasses.fields(options)}
    assert {"randbit", "digits", "sizes"} <= fields
    assert options.randbit == randbit_arms.RandBitConfig()
    assert options.randbit.temperatures == (0.05, 0.1, 0.2)
    assert options.randbit.bits == (0, 5, 10, 15, 20)
