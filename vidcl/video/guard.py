"""What FFmpeg may open on our behalf, and how large a picture may be."""

from pathlib import Path

from vidcl.video.errors import VideoError

#: Largest picture in pixels: an 8K film (7680 x 4320) is half of it. One frame of this size takes
#: about 100 MB in the decoder, and it keeps several.
MAX_PIXELS = 8192 * 8192

#: Longest side in pixels.
MAX_SIDE = 32768

#: Demuxers that read one file and nothing beside it. FFmpeg also has some that follow names found
#: in a file to other files or hosts (hls, dash, concat, sdp, rtsp, image2, imf, ...): a text that
#: calls itself ``holiday.mp4`` must not read ``/etc/passwd`` or call a server, so what is not
#: listed here is not opened.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2",
    "matroska,webm",
    *("avi", "mpegts", "mpeg", "mpegvideo", "flv", "live_flv", "kux", "asf", "ogg", "gif", "apng"),
    *("h264", "hevc", "vvc", "m4v", "av1", "obu", "ivf", "vc1", "vc1test", "evc", "apv", "h261"),
    *("h263", "cavsvideo", "avs2", "avs3", "dirac", "mjpeg", "mjpeg_2000", "yuv4mpegpipe", "nut"),
    *("mxf", "mxg", "gxf", "dv", "rm", "wtv", "nsv", "nuv", "swf", "amv", "ivr", "pva", "ty"),
    *("dhav", "roq", "bink", "smk", "flic", "lxf", "cine", "rpl", "vivo", "rl2", "ea", "xmv"),
    *("webp_anim", "jpegxl_anim", "smjpeg", "moflex", "mlv", "pmp", "4xm", "vmd", "film_cpk"),
    # Sound, so that a song with its cover is told apart from a broken file.
    *("mp3", "flac", "wav", "w64", "aac", "aiff", "au", "caf", "ape", "ac3", "eac3", "dts", "amr"),
    *("tta", "wv", "mp2", "mpc", "mpc8", "tak"),
)

#: How a file begins that names other files.
_PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"v=0", b"[playlist]", b"[reference]", b"<asx", b"<smil")


def demuxer_options() -> dict[str, str]:
    """Options of a container: FFmpeg stays within its one file and leaves time stamps alone.

    It would take every backward jump of a 33-bit clock for an overflow, so that a recording that
    starts again would seem to last 26.5 hours; ``clock.Clock`` goes on from either.
    """
    return {
        "protocol_whitelist": "file",
        "format_whitelist": ",".join(FORMATS),
        "correct_ts_overflow": "0",
    }


def decoder_options(max_pixels: int) -> dict[str, str]:
    """Options of a decoder that make it refuse a larger picture before it allocates one."""
    return {"max_pixels": str(max_pixels)}


def local_url(path: Path) -> str:
    """The name under which FFmpeg takes a path as nothing but a path.

    Without it ``concat:a|b``, ``pipe:0`` or ``http:x`` would be a protocol.
    """
    return f"file:{path}"


def check_size(path: Path, width: int, height: int, max_pixels: int) -> None:
    """Refuse a declared picture that is too large.

    Raises:
        VideoError: it is; kind ``too_large``.
    """
    if width * height > max_pixels or max(width, height) > MAX_SIDE:
        raise VideoError(
            f"{path}: its picture is {width}x{height}, more than the {max_pixels:,} pixels that "
            f"are decoded (sides up to {MAX_SIDE:,}); shrink it with another program, or leave "
            "it out.",
            "too_large",
        )


def is_playlist(path: Path) -> bool:
    """Whether a file begins as a list of other files does (HLS, DASH, concat, SDP, ...).

    False where it cannot be read: what opened it says why.
    """
    try:
        with path.open("rb") as file:
            head = file.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n")
    except OSError:
        return False
    lower = head.lower()
    return head.startswith(_PLAYLISTS) or lower.startswith(_PLAYLISTS) or b"<mpd" in lower
