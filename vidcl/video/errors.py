"""What can be wrong with a video file, as one sentence and a kind that a table can count."""

from vidcl.errors import VidclError


class VideoError(VidclError):
    """A video that cannot be opened, or that stopped before its end.

    Attributes:
        kind: ``missing`` (no such file), ``not_video`` (a folder, an empty file, or bytes that no
            demuxer knows), ``no_video_stream``, ``unsupported`` (no decoder for it), ``corrupt``
            (bad packets), ``truncated`` (ends before its header says) or ``timeout``.
    """

    kind: str

    def __init__(self, text: str, kind: str = "corrupt") -> None:
        super().__init__(text)
        self.kind = kind
