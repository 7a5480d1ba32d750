"""What a frame's colour tags mean for its conversion to RGB, and which cannot be honoured.

The numbers are those of ITU-T H.273 (coding-independent code points), the names FFmpeg's.
"""

from typing import Literal

from av.video.frame import VideoFrame

#: Matrix coefficients.
SPACES = {
    0: "gbr",
    1: "bt709",
    4: "fcc",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020nc",
    10: "bt2020c",
    11: "smpte2085",
    12: "chroma-derived-nc",
    13: "chroma-derived-c",
    14: "ictcp",
    15: "ipt-c2",
    16: "ycgco-re",
    17: "ycgco-ro",
}

RANGES = {1: "tv", 2: "pc"}

TRANSFERS = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    9: "log100",
    10: "log316",
    11: "iec61966-2-4",
    12: "bt1361e",
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    17: "smpte428",
    18: "arib-std-b67",
}

PRIMARIES = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "film",
    9: "bt2020",
    10: "smpte428",
    11: "smpte431",
    12: "smpte432",
    22: "ebu3213",
}

UNKNOWN = "unknown"

#: Matrices that swscale does not know; it would take them for BT.601 without a word.
_NOT_CONVERTED = {
    *("ycgco", "bt2020c", "smpte2085", "chroma-derived-nc", "chroma-derived-c"),
    *("ictcp", "ipt-c2", "ycgco-re", "ycgco-ro"),
}

#: Primaries from which high dynamic range is converted; untagged means BT.2020, the only ones of
#: ITU-R BT.2100.
_HDR_PRIMARIES = {"bt2020", "bt709", "smpte432", UNKNOWN}

#: Transfer functions of standard dynamic range with BT.2020 primaries.
_WIDE_TRANSFERS = {"bt709", "smpte170m", "iec61966-2-1", "bt2020-10", "bt2020-12", UNKNOWN}

Treatment = Literal["plain", "pq", "hlg", "wide"]


def colour_names(frame: VideoFrame) -> tuple[str, str, str, str]:
    """Matrix, range, transfer function and primaries of a frame, in FFmpeg's names."""
    full = frame.format.name.startswith("yuvj")
    return (
        SPACES.get(int(frame.colorspace), UNKNOWN),
        "pc" if full else RANGES.get(int(frame.color_range), UNKNOWN),
        TRANSFERS.get(int(frame.color_trc), UNKNOWN),
        PRIMARIES.get(int(frame.color_primaries), UNKNOWN),
    )


def treatment(frame: VideoFrame) -> Treatment:
    """How a frame becomes BT.709 pictures.

    Returns:
        ``plain``: matrix and range alone; ``pq``, ``hlg``: tone-mapped; ``wide``: standard range
        with the primaries of BT.2020.
    """
    space, _, transfer, primaries = colour_names(frame)
    if transfer == "smpte2084":
        return "pq"
    if transfer == "arib-std-b67":
        return "hlg"
    if primaries == "bt2020" and space in ("bt2020nc", UNKNOWN) and transfer in _WIDE_TRANSFERS:
        return "wide"
    return "plain"


def refusal(frame: VideoFrame) -> tuple[str, str] | None:
    """Why a frame's colours cannot be honoured, as a kind of error and words, or None."""
    space, _, transfer, primaries = colour_names(frame)
    hdr = transfer in ("smpte2084", "arib-std-b67")
    if space in _NOT_CONVERTED:
        return (
            "hdr" if hdr or space in ("ictcp", "ipt-c2") else "unsupported",
            f"its colours are coded as {space}, which is not converted",
        )
    if hdr and primaries not in _HDR_PRIMARIES:
        return "hdr", f"its high dynamic range has the primaries {primaries}, not BT.2020"
    return None


def hidden_hdr(frame: VideoFrame, codec_tag: str) -> str | None:
    """Why a frame without a transfer function is high dynamic range all the same, or None.

    Dolby Vision profile 5 stores IPTPQc2 and leaves the tags empty; shown as it is, it is green
    and violet. A film that carries mastering metadata and no transfer function has lost its tags.

    Args:
        codec_tag: four characters that name the coding in the container.
    """
    if TRANSFERS.get(int(frame.color_trc)) is not None:
        return None
    dolby = codec_tag in ("dvh1", "dvhe", "dva1", "dvav", "dav1")
    if dolby or _carries(frame, "DOVI_METADATA", "DOVI_RPU_BUFFER"):
        return "it is Dolby Vision without a base that other players can show (profile 5)"
    if _carries(frame, "MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"):
        return "it carries HDR mastering data but does not name its transfer function"
    return None


def _carries(frame: VideoFrame, *kinds: str) -> bool:
    extras = frame.side_data
    return bool(len(extras)) and any(extras.get(kind) is not None for kind in kinds)
