"""Names that look like protocols, texts that name other files, pictures of 30,000 pixels a side."""

import os
import resource
import socket
import struct
from pathlib import Path

import av
import numpy as np
import pytest

from tests.video.encode import bar_frames, bar_number, encode
from vidcl.video.errors import VideoError
from vidcl.video.guard import MAX_PIXELS, demuxer_options
from vidcl.video.probe import DECODE_ERRORS, open_stream, probe
from vidcl.video.reader import VideoReader

NAMES = [
    b"two words.mp4",
    b"quotes'\".mp4",
    b"line\nbreak.mp4",
    b"-dash.mp4",
    b"%d.mp4",
    b"*.mp4",
    b"concat:a|b.mp4",
    b"http:x",
    b"https:x.mp4",
    b"pipe:0",
    b"fd:0",
    b"data:x",
    b"file:x.mp4",
    b"subfile,,start,0,end,0,,:x.mp4",
    b"x.mp4?y=z#w",
    b"x.m3u8",
    b"x.jpg",
    b"no_utf8_\xff\xfe.mp4",
    "Käse 映画.mp4".encode(),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_path_is_only_a_path(
    tmp_path: Path, name: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = encode(tmp_path / "source.mp4", bar_frames(5)).read_bytes()
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(content)
    monkeypatch.chdir(tmp_path)
    for given in (path, str(path), os.fsdecode(name)):
        with VideoReader(given) as reader:
            assert [bar_number(frame.image) for frame in reader.frames()] == list(range(5))


def test_pictures_beside_a_pattern_are_not_read(tmp_path: Path) -> None:
    """FFmpeg would read 1.png, 2.png, ... for a name with %d, though it is not there."""
    for k in range(3):
        encode(
            tmp_path / f"{k}.png",
            bar_frames(1),
            codec="png",
            pixel_format="rgb24",
            container="image2",
        )
    with pytest.raises(VideoError, match="does not exist"):
        probe(tmp_path / "%d.png")
    film = encode(tmp_path / "film.mp4", bar_frames(3))
    film.rename(tmp_path / "%d.png")
    with pytest.raises(VideoError) as caught:  # a film in a picture's clothing
        probe(tmp_path / "%d.png")
    assert caught.value.kind == "not_video"


def playlists(clip: Path, port: int) -> dict[str, str]:
    """Texts that make FFmpeg open other files or hosts, by the name of the file they lie in."""
    inner = clip.with_suffix(".ts")
    web = f"http://127.0.0.1:{port}/x.ts"
    head = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n"
    return {
        "local.m3u8": f"{head}{inner}\n#EXT-X-ENDLIST\n",
        "web.m3u8": f"{head}{web}\n#EXT-X-ENDLIST\n",
        "web.mp4": f"{head}{web}\n#EXT-X-ENDLIST\n",
        "space.mp4": f"\n\n  {head}{web}\n#EXT-X-ENDLIST\n",
        "local.ffconcat": f"ffconcat version 1.0\nfile '{inner.name}'\n",
        "concat.mp4": f"ffconcat version 1.0\nfile '{inner.name}'\n",
        "web_concat.mp4": f"ffconcat version 1.0\nfile '{web}'\n",
        "call.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
        f"m=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        "dash.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" '
        'type="static" mediaPresentationDuration="PT1S"><Period><AdaptationSet '
        'mimeType="video/mp4"><Representation id="1" bandwidth="1">'
        f"<BaseURL>{web}</BaseURL></Representation></AdaptationSet></Period></MPD>",
        "script.avs": "Version()",
        "list.pls": f"[playlist]\nFile1={web}\n",
        "reference.mov": f"[Reference]\nRef1={web}\n",
        "stream.asx": f'<ASX version="3.0"><entry><ref href="{web}"/></entry></ASX>',
    }


def test_a_text_in_a_videos_clothing_opens_nothing(tmp_path: Path) -> None:
    clip = encode(tmp_path / "clip.mp4", bar_frames(5))
    encode(tmp_path / "clip.ts", bar_frames(5))
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.setblocking(False)
        for name, text in playlists(clip, server.getsockname()[1]).items():
            path = tmp_path / name
            path.write_text(text)
            with pytest.raises(VideoError) as caught:
                probe(path)
            assert caught.value.kind == "not_video", name
        with pytest.raises(BlockingIOError):
            server.accept()


def test_such_texts_are_opened_by_ffmpeg_alone(tmp_path: Path) -> None:
    """What the test above is about is real: without the options two of them are followed."""
    clip = encode(tmp_path / "clip.mp4", bar_frames(5))
    encode(tmp_path / "clip.ts", bar_frames(5))
    for name in ("local.m3u8", "concat.mp4"):
        path = tmp_path / name
        path.write_text(playlists(clip, 9)[name])
        with av.open(str(path)) as file:
            assert file.format.name in ("hls", "concat")
        # The list of demuxers holds without the look at the beginning of the file.
        with pytest.raises(av.error.FFmpegError):
            av.open(f"file:{path}", container_options=demuxer_options())


def test_devices_and_pipes_are_not_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(VideoError, match="device or a pipe") as caught:
            probe(path)
        assert caught.value.kind == "not_video"


def test_a_still_picture_is_not_a_video(tmp_path: Path) -> None:
    for name, codec, pixels in (("a.png", "png", "rgb24"), ("a.jpg", "mjpeg", "yuvj420p")):
        path = encode(
            tmp_path / name, bar_frames(1), codec=codec, pixel_format=pixels, container="image2"
        )
        with pytest.raises(VideoError) as caught:
            probe(path)
        assert caught.value.kind == "not_video"


def peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def declare(path: Path, codec: str) -> Path:
    """A file whose header says 30,000 x 30,000 pixels."""
    if codec == "rawvideo":
        encode(path, bar_frames(2), codec=codec, pixel_format="yuv420p")
        data = bytearray(path.read_bytes())
        for mark, offset, form in ((b"avih", 40, "<II"), (b"strf", 12, "<ii")):
            struct.pack_into(form, data, data.index(mark) + offset, 30_000, 30_000)
    elif codec == "gif":
        encode(path, bar_frames(2), codec=codec, pixel_format="rgb8")
        data = bytearray(path.read_bytes())
        struct.pack_into("<HH", data, 6, 30_000, 30_000)
    else:
        encode(path, bar_frames(2), codec=codec, pixel_format="yuvj420p")
        data = bytearray(path.read_bytes())
        place = data.find(b"\xff\xc0")
        while place >= 0:
            struct.pack_into(">HH", data, place + 5, 30_000, 30_000)
            place = data.find(b"\xff\xc0", place + 4)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("name", "codec", "kind"),
    [
        ("a.avi", "rawvideo", "too_large"),  # the container says so
        ("a.gif", "gif", "too_large"),
        ("a.avi", "mjpeg", "corrupt"),  # every frame, while the container says 64 x 48
    ],
)
def test_a_bomb_is_refused_before_it_is_allocated(
    tmp_path: Path, name: str, codec: str, kind: str
) -> None:
    path = declare(tmp_path / name, codec)
    before = peak_mib()
    with pytest.raises(VideoError) as caught:
        probe(path)
    assert caught.value.kind == kind
    assert peak_mib() - before < 200  # one such frame is 1,350 MB


def test_the_limit_binds_the_decoder_as_well(tmp_path: Path) -> None:
    """The container or the beginning say small, and the stream becomes large on the way."""
    small = encode(tmp_path / "small.h264", bar_frames(10, 48, 64), rate=25)
    large = encode(tmp_path / "large.h264", bar_frames(10, 96, 128), rate=25)
    both = tmp_path / "both.h264"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    assert (probe(both, max_pixels=5000).width, probe(both).width) == (64, 64)
    sizes = set()
    with open_stream(both, max_pixels=5000) as (container, stream):
        frames = container.decode(stream)
        with pytest.raises(DECODE_ERRORS):
            for frame in frames:
                sizes.add((frame.width, frame.height))
    assert sizes == {(64, 48)}
    with pytest.raises(VideoError, match="128x96, more than the 5,000 pixels") as caught:
        probe(large, max_pixels=5000)
    assert caught.value.kind == "too_large"


def test_memory_that_is_refused_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = encode(tmp_path / "a.mp4", bar_frames(2))

    def refuse(*_: object, **__: object) -> None:
        raise av.error.MemoryError(12, "Cannot allocate memory")

    monkeypatch.setattr(av, "open", refuse)
    with pytest.raises(VideoError, match="more memory") as caught:
        probe(path)
    assert caught.value.kind == "memory"


def test_a_side_is_limited_too(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    encode(path, [np.zeros((2, 33_000, 3), np.uint8)], codec="ffv1", pixel_format="bgra")
    assert MAX_PIXELS > 2 * 33_000
    with pytest.raises(VideoError, match="33000x2") as caught:
        probe(path)
    assert caught.value.kind == "too_large"
