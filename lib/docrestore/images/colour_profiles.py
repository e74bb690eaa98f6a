"""Colour profiles of grey results: keep a grey one, give a colour one its grey twin.

A restored page is grey. A profile for three colours would be false beside it, but its tone curve
is still true of its grey values. So the twin keeps that curve and forgets the primaries.
Layout of the bytes: ICC.1:2022, sections 7.2 (header), 7.3 (tag table), 9.2 and 10.15.
"""

import struct
from io import BytesIO

from PIL import ImageCms

__all__ = ["gray_twin"]

CURVES = (b"curv", b"para")
D50 = struct.pack(">4s4x3i", b"XYZ ", 63190, 65536, 54061)  # media white, s15Fixed16


def gray_twin(icc: bytes | None) -> bytes | None:
    """A profile for the grey page that came from a page with profile `icc`, or None.

    A grey profile is returned as it is. Of an RGB profile the green tone curve is kept. A profile
    without such a curve (CMYK, tables), or a broken one, has no twin.
    """
    if icc is None:
        return None
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(BytesIO(icc))).strip()
        space = icc[16:20]
        if space == b"GRAY":
            return icc
        curve = _tags(icc).get(b"gTRC", b"")
        if space != b"RGB " or curve[:4] not in CURVES:
            return None
        twin = _gray_profile(f"Grey twin of {name}", curve, icc[12:16])
        ImageCms.ImageCmsProfile(BytesIO(twin))  # raises where we built nonsense
        return twin
    except (OSError, ImageCms.PyCMSError, struct.error, ValueError):
        return None


def _tags(icc: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", icc, 128)
    rows = [struct.unpack_from(">4sII", icc, 132 + 12 * i) for i in range(min(count, 100))]
    return {name: icc[start : start + size] for name, start, size in rows}


def _text(words: str) -> bytes:
    """One text in English, as multiLocalizedUnicodeType."""
    coded = words.encode("utf-16-be")
    return struct.pack(">4s4xII2s2sII", b"mluc", 1, 12, b"en", b"US", len(coded), 28) + coded


def _gray_profile(name: str, curve: bytes, device: bytes) -> bytes:
    tags = {
        b"desc": _text(name),
        b"cprt": _text("No copyright, use freely"),
        b"wtpt": D50,
        b"kTRC": curve,
    }
    body, table, start = b"", struct.pack(">I", len(tags)), 132 + 12 * len(tags)
    for key, value in tags.items():
        table += struct.pack(">4sII", key, start + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    head = struct.pack(">I4xI4s4s4s", start + len(body), 0x04200000, device, b"GRAY", b"XYZ ")
    head += struct.pack(">6H4s", 2000, 1, 1, 0, 0, 0, b"acsp")  # a fixed date: equal bytes
    head += bytes(68 - len(head)) + D50[8:]
    return head + bytes(128 - len(head)) + table + body
