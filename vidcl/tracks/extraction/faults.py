"""Kinds of fault of a segment, beyond those of ``vidcl.video.errors.VideoError``.

``timeout``: it took longer than its budget. ``crash``: the decoder died in native code. ``killed``:
something outside ended the worker, most often for want of memory. ``memory``: the worker's own
limit was reached. ``changed``: the file was not what it was when it was planned. ``input``: a file
beside the video (boxes, an encoder) does not fit. ``internal``: a fault of vidcl's own.
"""

#: Faults that lie outside the file: the same command tries them again without ``--retry-failed``.
TRANSIENT = frozenset({"killed", "changed", "missing"})
