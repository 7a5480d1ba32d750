"""Where things go on a picture of the overlay: a line of text, the frame, the crops kept so far."""

from dataclasses import dataclass

#: Small frames are enlarged to this shorter side, as far as the longer one allows; very large ones
#: are shrunk. Pixels.
SHORT_SIDE, LONG_SIDE = 360, 1280
#: Narrower canvases have no room for the text.
MIN_WIDTH = 480
#: The line above the frame, and the line of text above a pair of crops.
HEAD, CAPTION = 24, 16
GAP = 4


@dataclass(frozen=True)
class Layout:
    """Measures in pixels of the canvas.

    Attributes:
        frame: width and height of the drawn frame.
        left: its first column; its first row is ``HEAD``.
        canvas: width and height, both even, as H.264 wants them.
        cell: side of a crop.
        slots: pairs of crops, at most ``columns`` per row.
    """

    frame: tuple[int, int]
    left: int
    canvas: tuple[int, int]
    cell: int
    slots: int
    columns: int

    def pair(self, slot: int) -> tuple[int, int]:
        """Upper left corner (x, y) of a pair of crops with its caption."""
        row, column = divmod(slot, self.columns)
        x = GAP + column * (2 * self.cell + 2 * GAP)
        return x, HEAD + self.frame[1] + GAP + row * (CAPTION + self.cell + GAP)


def plan_layout(width: int, height: int, slots: int) -> Layout:
    """The layout for frames of ``width`` x ``height`` and so many tracks at a time (0: no crops).

    Crops are at least 40 pixels wide, on two or more rows where one has not the room.
    """
    short, long = min(width, height), max(width, height)
    scale = min(max(1.0, SHORT_SIDE / short), LONG_SIDE / long)
    frame = max(1, round(width * scale)), max(1, round(height * scale))
    canvas_width = max(MIN_WIDTH, frame[0])
    canvas_width += canvas_width % 2
    room = canvas_width - GAP
    columns = max(1, min(slots, room // (2 * 40 + 2 * GAP)))
    cell = min(80, (room // columns - 2 * GAP) // 2)
    rows = -(-slots // columns)
    canvas_height = HEAD + frame[1] + rows * (CAPTION + cell + GAP) + (GAP if rows else 0)
    return Layout(
        frame=frame,
        left=(canvas_width - frame[0]) // 2,
        canvas=(canvas_width, canvas_height + canvas_height % 2),
        cell=cell,
        slots=slots,
        columns=columns,
    )
