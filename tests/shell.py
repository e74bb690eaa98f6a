"""The command line in this process, so that torch is imported once; and files to give it."""

import contextlib
import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from docrestore import cli, weights
from docrestore.models import MODELS


class Ran(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    err: str


def docrestore(*words: object) -> Ran:
    """Run `docrestore WORDS...`."""
    out, err = io.StringIO(), io.StringIO()
    status: Any = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main([str(word) for word in words])
        except SystemExit as end:
            status = end.code or 0
    assert "Traceback" not in err.getvalue() + out.getvalue()
    return Ran(status, out.getvalue(), err.getvalue())


def report(folder: Path) -> dict[str, Any]:
    """The report of a folder of results."""
    return json.loads((folder / "report.json").read_text("utf-8"))


def small_weights(path: Path, **card: Any) -> Path:
    """Weights of a small network that has learned nothing but to darken what is dark."""
    torch.manual_seed(0)
    network = MODELS["de_gan-compact"](widths=(4, 8))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.stem.weight[range(4), range(4), 1, 1] = 1  # each of the four folded pixels
        network.out.weight[range(4), range(4), 1, 1] = 20
        network.out.bias[:] = -10
    known = {"model": "de_gan-compact", "arguments": {"widths": [4, 8]}, "task": "binarize"}
    return weights.save_weights(path, network.eval(), known | card)


def written_page(height: int = 60, width: int = 90) -> np.ndarray:
    """A light page with dark strokes, uint8 (H, W)."""
    page = np.full((height, width), 220, np.uint8)
    page[10:-10:8, 10:-10] = 40
    page[10:-10, 12:-10:9] = 60
    return page


def png(path: Path, width: int, height: int, row: bytes, rows: int | None = None) -> Path:
    """A one-bit PNG whose rows are all alike, written without holding its pixels.

    `rows` fewer than the height make a file that claims more than it holds.
    """

    def chunk(name: bytes, data: bytes) -> bytes:
        check = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)

    pack = zlib.compressobj(1)
    data = b"".join(pack.compress(b"\0" + row) for _ in range(height if rows is None else rows))
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", data + pack.flush()) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path
