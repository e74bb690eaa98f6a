"""What is said of a file that cannot be read: what it is, and the way out."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["ImageError", "damaged", "reading", "why_not_an_image", "why_not_opened"]


class ImageError(ValueError):
    """A file that cannot be read or written as an image; the sentence says what to do."""


_OTHERS = {  # first bytes, from an offset: what such a file is, and the way out
    (0, b"%PDF"): "a PDF; export its pages as TIFF or PNG first (pdftoppm -r 300 -png)",
    (0, b"AT&TFORM"): "a DjVu book; export its pages as TIFF first (ddjvu -format=tiff)",
    (4, b"ftypheic"): "a HEIC photograph; export it as JPEG or PNG first",
    (4, b"ftypmif1"): "a HEIF photograph; export it as JPEG or PNG first",
    (4, b"ftypavif"): "an AVIF picture; export it as PNG first",
    (0, b"PK\x03\x04"): "a zip archive; unpack it first",
}


def damaged(name: str, error: Exception) -> str:
    """The sentence for a file that a decoder has given up on."""
    why = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return f"{name} is damaged and cannot be decoded ({why}); scan or copy it again."


def why_not_opened(name: str, error: OSError) -> str:
    """The sentence for a file that the system refuses to open."""
    ways = {
        errno.ENOENT: "does not exist; check the name",
        errno.EACCES: "may not be read; change its permissions (chmod u+r)",
        errno.EPERM: "may not be read; change its permissions (chmod u+r)",
        errno.ELOOP: "is a link that leads back to itself; remove it or link it to a file",
        errno.ENAMETOOLONG: "has a name that is too long for this system; shorten it",
    }
    other = f"cannot be read ({error.strerror}); check the disk and copy it again"
    return f"{name} {ways.get(error.errno or 0, other)}."


def why_not_an_image(path: Path) -> str:
    """The sentence for a file whose first bytes are those of no image that is read."""
    with path.open("rb") as file:
        head = file.read(16)
    for (start, magic), words in _OTHERS.items():
        if head[start:].startswith(magic):
            return f"{path.name} is {words}."
    return (
        f"{path.name} is not an image, whatever its name says, or its first bytes are damaged; "
        f"check it and copy it again."
    )


@contextmanager
def reading(path: Path, part: str = "") -> Iterator[None]:
    """Whatever goes wrong while a file is read becomes one sentence that says what to do."""
    name = f"{part} in {path.name}" if part else path.name
    try:
        yield
    except ImageError:
        raise
    except MemoryError:
        raise ImageError(f"{name} does not fit into memory; cut it into parts.") from None
    except OSError as error:
        if error.errno is None:  # a decoder's own, about what is in the file
            raise ImageError(damaged(name, error)) from None
        raise ImageError(why_not_opened(name, error)) from None
    except Exception as error:  # decoders raise many kinds for a damaged file
        raise ImageError(damaged(name, error)) from None
