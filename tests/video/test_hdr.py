"""Tone mapping against slow float references of BT.2100, BT.2390, BT.2087 and BT.1886."""

import numpy as np
import pytest

from tests.video.hdr_reference import (
    CHROMATICITIES,
    HLG,
    PQ,
    WIDE,
    flat,
    grey_code,
    slow_eetf,
    slow_hlg_to_scene,
    slow_light_to_pq,
    slow_map,
    slow_pq_to_light,
)
from vidcl.video.convert import Converter
from vidcl.video.hdr import WHITE, ToneMap, eetf, hlg_to_scene, light_to_pq, pq_to_light


def test_transfer_functions_are_those_of_the_recommendations() -> None:
    for code in np.linspace(0, 1, 101):
        assert pq_to_light(np.array(code)) == pytest.approx(slow_pq_to_light(code), rel=1e-9)
        assert hlg_to_scene(np.array(code)) == pytest.approx(slow_hlg_to_scene(code), rel=1e-6)
    for light in (0.0, 0.005, 1.0, 100.0, 203.0, 1000.0, 10_000.0):
        code = light_to_pq(np.array(light))
        assert code == pytest.approx(slow_light_to_pq(light), rel=1e-9)
        assert pq_to_light(code) == pytest.approx(light, rel=1e-6, abs=1e-9)
    # Values that BT.2408 prints: HDR reference white, 203 cd/m2, is 58 % PQ and 75 % HLG.
    assert light_to_pq(np.array(203.0)) == pytest.approx(0.58, abs=0.002)
    scene = float(hlg_to_scene(np.array(0.75)))
    assert 1000 * scene**1.2 == pytest.approx(203, abs=1.0)


def test_the_tone_curve_is_that_of_bt_2390() -> None:
    light = np.concatenate([np.linspace(0, 1200, 400), [5000.0, 10_000.0]])
    curve = eetf(light)
    assert curve == pytest.approx([slow_eetf(v) for v in light], rel=1e-6, abs=1e-6)
    assert (np.diff(curve) >= -1e-9).all()
    assert curve[0] == pytest.approx(0.0, abs=1e-6)
    assert curve[light <= 80] == pytest.approx(light[light <= 80], rel=1e-6, abs=1e-6)
    assert curve[-1] == pytest.approx(WHITE, rel=1e-6)


@pytest.mark.parametrize("transfer", ["pq", "hlg", "wide"])
@pytest.mark.parametrize("primaries", sorted(CHROMATICITIES))
def test_the_tables_agree_with_floats(transfer: str, primaries: str) -> None:
    generator = np.random.default_rng(0)
    colours = generator.random((300, 3))
    colours[:100] = colours[:100, :1]  # greys
    colours[100:120] *= 0.1
    codes = np.round(colours * 65535).astype(np.uint16)[None]
    image = ToneMap(transfer, primaries)(codes)[0]  # type: ignore[arg-type]
    expected = np.array([slow_map(rgb, transfer, primaries) for rgb in codes[0] / 65535])
    assert image.dtype == np.uint8
    assert np.abs(image - expected).max() <= 1.5
    assert np.abs(image - expected).mean() <= 0.3
    # Grey stays grey.
    assert np.ptp(image[:100].astype(int), axis=1).max() <= 1


@pytest.mark.parametrize("transfer", ["pq", "hlg", "wide"])
def test_more_light_is_never_darker(transfer: str) -> None:
    codes = np.arange(0, 65536, 16, dtype=np.uint16)
    greys = np.repeat(codes[None, :, None], 3, axis=2)
    levels = ToneMap(transfer, "bt2020")(greys)[0].astype(int)  # type: ignore[arg-type]
    assert (np.diff(levels, axis=0) >= 0).all()
    assert (levels[0].max(), levels[-1].min()) == (0, 255)


def test_reference_white_is_near_white_and_middle_grey_is_in_the_middle() -> None:
    """203 cd/m2 as it is stored is level 148: washed out."""
    for tags, white, grey in ((PQ, 0.5807, 0.38), (HLG, 0.75, 0.38)):
        shown = Converter()(flat(grey_code(white), tags))
        assert 225 <= shown.min() <= shown.max() <= 245
        middle = Converter()(flat(grey_code(grey), tags))
        assert 90 <= middle.min() <= middle.max() <= 140
        unmapped = Converter()(
            flat(grey_code(white), tags | {"color_trc": 1, "color_primaries": 1})
        )
        assert unmapped.max() < (150 if tags is PQ else 195)


@pytest.mark.parametrize("tags", [PQ, HLG, WIDE])
@pytest.mark.parametrize("side", [None, 16])
def test_frames_are_mapped_as_the_reference_does(tags: dict[str, int], side: int | None) -> None:
    """From Y'CbCr of 10 bits to BT.709, resized on the way."""
    transfer = {16: "pq", 18: "hlg", 14: "wide"}[tags["color_trc"]]
    generator = np.random.default_rng(1)
    for _ in range(10):
        rgb = generator.uniform(0.25, 0.7, 3)
        y = rgb @ np.array([0.2627, 0.6780, 0.0593])
        code = (
            round(64 + 876 * y),
            round(512 + 896 * (rgb[2] - y) / 1.8814),
            round(512 + 896 * (rgb[0] - y) / 1.4746),
        )
        image = Converter(side)(flat(code, tags))
        # The code's own colour: rounding to 10 bits moves it by up to a level.
        luma, blue, red = (code[0] - 64) / 876, (code[1] - 512) / 896, (code[2] - 512) / 896
        r, b = luma + 1.4746 * red, luma + 1.8814 * blue
        g = (luma - 0.2627 * r - 0.0593 * b) / 0.6780
        expected = slow_map(np.clip([r, g, b], 0, 1), transfer)
        assert np.abs(image.reshape(-1, 3) - expected).max() <= 2.5


def test_untagged_primaries_of_hdr_are_those_of_bt_2020() -> None:
    code = (500, 480, 560)
    tagged = Converter()(flat(code, PQ))
    for missing in ("color_primaries", "colorspace"):
        assert np.array_equal(Converter()(flat(code, PQ | {missing: 2})), tagged)
