"""Watch the child process that makes the rows of one shard."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from vidcl.errors import VidclError
from vidcl.guarded.shared import current_guard
from vidcl.guarded.watched import Child, ChildDied, ChildSlow
from vidcl.tracks.extraction.faults import Fault, SegmentLost, out_of_memory
from vidcl.tracks.extraction.job import ShardJob
from vidcl.tracks.extraction.outcome import Outcome
from vidcl.video.messages import clean_messages

#: A child that dies between two segments is replaced so many times.
_TRIES = 3


class Desk(Protocol):
    """Who gives out the files of a shard, see ``rows.Desk``."""

    def begin(self, index: int) -> Path: ...

    def end(self, index: int) -> None: ...


def run_in_child(job: ShardJob, lost: Mapping[int, Fault], desk: Desk) -> list[Outcome]:
    """``rows.write_rows`` in a child process; gives back the outcomes, in order.

    Raises:
        SegmentLost: the child hung or died over a segment, or its file changed meanwhile.
        VidclError: the store cannot be written, or no child lives long enough.
    """
    for _ in range(_TRIES):
        with current_guard().child(
            f"{__package__}.rows:write_rows_in_child",
            job,
            dict(lost),
            memory=job.limits.memory,
            modules=job.packed().modules,
        ) as child:
            try:
                return _Watch(job, desk, child).run()
            except ChildDied as death:
                last = death
                if not death.from_outside:
                    break
    raise VidclError(
        f"The process that extracts shard {job.number} of {job.store} {last.how} while it worked "
        f"on no file: run the same command again, with fewer --workers if memory was short. "
        f"{clean_messages(last.messages) or ''}".rstrip()
    )


class _Watch:
    """One attempt at a shard: what the child is at, and how long it may be."""

    def __init__(self, job: ShardJob, desk: Desk, child: Child) -> None:
        self._job = job
        self._desk = desk
        self._child = child
        self._hand: int | None = None
        self._until = 0.0
        self._local = self._path_of_local = job.store
        self._native: dict[int, str | None] = {}

    def run(self) -> list[Outcome]:
        """Serve the child until it returns.

        Raises:
            ChildDied: it died while it worked on no segment.
        """
        while True:
            how, what = self._hear()
            if how == "returned":
                return self._with_messages(what)
            verb, index = what
            if verb == "begin":
                self._begin(index)
            else:
                self._hand = None
                self._native[index] = self._messages(self._child.messages())
                self._desk.end(index)

    def _begin(self, index: int) -> None:
        try:
            answer: str | Fault = str(self._desk.begin(index))
        except VidclError as error:
            answer = Fault(getattr(error, "kind", "input"), str(error))
        self._child.messages()  # what came before is not this segment's
        if isinstance(answer, str):
            # a fetched file has a name that nobody knows, and another one in the next run
            self._local, self._path_of_local = answer, self._job.segments[index][1].path
            limits = self._job.limits
            self._hand = index
            self._until = time.monotonic() + limits.segment_seconds + limits.grace
        self._child.say(answer)

    def _hear(self) -> tuple[str, Any]:
        if self._hand is None:
            try:
                return self._child.hear()
            except MemoryError as error:
                raise VidclError(out_of_memory(self._job.store, self._job.limits)) from error
        try:
            return self._child.hear(max(0.0, self._until - time.monotonic()))
        except ChildSlow:
            raise SegmentLost(self._hand, self._hung()) from None
        except ChildDied as death:
            fault = self._died(death)
            raise SegmentLost(self._hand, fault, from_outside=death.from_outside) from death
        except MemoryError:
            fault = Fault("memory", out_of_memory(self._path(), self._job.limits))
            raise SegmentLost(self._hand, fault) from None

    def _hung(self) -> Fault:
        limits = self._job.limits
        return Fault(
            "timeout",
            f"{self._path()}: the decoder gave no frame for so long that it was killed, after "
            f"{limits.segment_seconds + limits.grace:g} s; raise --video-timeout and run again "
            "with --retry-failed.",
            self._messages(self._child.messages()),
        )

    def _messages(self, text: str) -> str | None:
        return clean_messages(text.replace(self._local, self._path_of_local))

    def _died(self, death: ChildDied) -> Fault:
        path, native = self._path(), self._messages(death.messages)
        if death.from_outside:
            text = (
                f"{path}: its process {death.how}, most often for want of memory; run the same "
                "command again, with fewer --workers if memory was short."
            )
            return Fault("killed", text, native)
        if native is not None and "bad_alloc" in native:
            return Fault("memory", out_of_memory(path, self._job.limits), native)
        text = f"{path}: the process that decoded it {death.how}; leave it out, or convert it."
        if native:
            text += " Its last words: " + native.splitlines()[-1]
        return Fault("crash", text, native)

    def _path(self) -> str:
        assert self._hand is not None
        return self._job.segments[self._hand][1].path

    def _with_messages(self, outcomes: list[Outcome]) -> list[Outcome]:
        for index, outcome in enumerate(outcomes):
            if index in self._native and (outcome.error or outcome.corrupt_frames):
                outcome.native = self._native[index]
        return outcomes
