"""What can be wrong with a video file, as one sentence and a kind that a table can count."""

from vidcl.errors import VidclError


class VideoError(VidclError):
    """A video that cannot be opened, or that stopped before its end.

    Attributes:
        kind: ``missing`` (no such file), ``not_video`` (a folder, an empty file, a picture, a
            playlist, or bytes that no demuxer knows), ``no_video_stream``, ``unsupported`` (no
            decoder for it, or a colour coding that cannot be undone), ``hdr`` (a high dynamic
            range that cannot be brought to BT.709), ``too_large`` (its picture is beyond the
            limit), ``corrupt`` (bad packets), ``truncated`` (ends before its header says),
            ``timeout``, ``memory`` or ``refused`` (a backend does not read it as the reference
            does).
    """

    kind: str

    def __init__(self, text: str, kind: str = "corrupt") -> None:
        super().__init__(text)
        self.kind = kind
