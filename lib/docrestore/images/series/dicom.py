"""DICOM: single slices and multi-frame objects, in rescaled units (CT: Hounsfield)."""

import datetime
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from docrestore.images.failures import ImageError, reading
from docrestore.images.output import replacing
from docrestore.images.series.base import Frames, Series, library, stored

__all__ = ["made_by", "read"]

FILES = "DICOM files"
CODECS = {  # ends of transfer syntaxes that pydicom alone does not decode, and who does
    "4.50": "jpeg_decode", "4.51": "jpeg_decode", "4.57": "ljpeg_decode", "4.70": "ljpeg_decode",
    "4.80": "jpegls_decode", "4.81": "jpegls_decode",
    "4.90": "jpeg2k_decode", "4.91": "jpeg2k_decode",
}  # fmt: skip


def read(path: Path, key: str | None = None) -> Series:
    """A DICOM file as a series. Pixels outside of the measurement (padding) are NaN."""
    pydicom = library("pydicom", FILES)
    with reading(path):
        about = pydicom.dcmread(path, stop_before_pixels=True)
        has_pixels = "Rows" in about and "BitsAllocated" in about
    if not has_pixels:
        raise ImageError(f"{path.name} is DICOM without an image in it; leave it out.")
    with reading(path):
        channels, bits = int(about.get("SamplesPerPixel", 1)), int(about.BitsAllocated)
        signed, used = bool(about.get("PixelRepresentation", 0)), int(about.get("BitsStored", bits))
        count = int(about.get("NumberOfFrames", 1) or 1)
        shape = int(about.Rows), int(about.Columns)
        slopes = [_rescale(about, index) for index in range(count)]
    if channels != 1 or bits not in (8, 16, 32):
        raise ImageError(
            f"{path.name} is a DICOM picture with {channels} channels of {bits} bits; only grey "
            f"images of 8, 16 or 32 bits are denoised."
        )
    dtype = np.dtype(f"{'i' if signed else 'u'}{bits // 8}")
    lowest, highest = (-(2 ** (used - 1)), 2 ** (used - 1) - 1) if signed else (0, 2**used - 1)
    padding = _padding(about, signed, bits)

    @contextmanager
    def opened() -> Iterator[Callable[[int], np.ndarray]]:
        values = _pixels(pydicom.dcmread(path), count)

        def frame(index: int) -> np.ndarray:
            slope, intercept = slopes[index]
            rescaled = (values[index] * np.float64(slope) + intercept).astype(np.float32)
            if padding:
                rescaled[_outside(values[index], padding)] = np.nan
            return rescaled

        yield frame

    def save(target: Path, frames: Iterator[np.ndarray], software: str) -> None:
        with reading(path):
            data = pydicom.dcmread(path)
            values = np.array(_pixels(data, count))
        for index, frame in enumerate(frames):
            slope, intercept = slopes[index]
            result = ((frame.astype(np.float64) - intercept) / slope).clip(lowest, highest)
            outside = ~np.isfinite(frame)
            if padding:
                outside |= _outside(values[index], padding)
            values[index] = np.where(outside, values[index], stored(result, dtype))
        _put_pixels(data, values)
        _derive(data, software)
        with replacing(target) as temporary:
            data.save_as(temporary, enforce_file_format=True)

    ends = sorted(slopes[0][0] * value + slopes[0][1] for value in (lowest, highest))
    words = {"modality": str(about.get("Modality", "")), "slope": slopes[0][0], "bits": used}
    words |= {"unit": str(about.RescaleType)} if "RescaleType" in about else {}
    frames = Frames(path, count, opened)
    limit = float(ends[0]), float(ends[1])
    return Series(path, frames, dtype, limit, save, shape[0] * shape[1] * count, words)


def _rescale(data: Any, index: int) -> tuple[float, float]:
    """Slope and intercept of a frame: of the image, or of its functional group."""
    groups = [data]
    for name in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        for group in data.get(name, [])[index if name.startswith("Per") else 0 :][:1]:
            groups += group.get("PixelValueTransformationSequence", [])
    for group in groups:
        if "RescaleSlope" in group:
            return float(group.RescaleSlope) or 1.0, float(group.get("RescaleIntercept", 0))
    return 1.0, 0.0


def _padding(data: Any, signed: bool, bits: int) -> tuple[int, int] | None:
    """The stored values, lowest and highest, that stand for "nothing was measured here"."""
    if "PixelPaddingValue" not in data:
        return None
    ends = [data.PixelPaddingValue, data.get("PixelPaddingRangeLimit", data.PixelPaddingValue)]
    numbers = [int.from_bytes(v, "little") if isinstance(v, bytes) else int(v) for v in ends]
    if not signed:  # some writers give it the wrong sign
        numbers = [number % 2**bits for number in numbers]
    return min(numbers), max(numbers)


def _outside(values: np.ndarray, padding: tuple[int, int]) -> np.ndarray:
    return (values >= padding[0]) & (values <= padding[1])


def _pixels(data: Any, count: int) -> np.ndarray:
    """The stored values, (frames, H, W)."""
    syntax = str(data.file_meta.TransferSyntaxUID)
    codec = next((name for end, name in CODECS.items() if syntax.endswith(f"1.2.{end}")), None)
    if codec is None:
        values = data.pixel_array
    else:
        pydicom, imagecodecs = library("pydicom.encaps", FILES), library("imagecodecs", FILES)
        parts = pydicom.generate_frames(data.PixelData, number_of_frames=count)
        values = np.stack([getattr(imagecodecs, codec)(part) for part in parts])
        signed = bool(data.PixelRepresentation) and values.dtype.kind == "u"
        values = values.view(values.dtype.str.replace("u", "i")) if signed else values
    return values.reshape(count, data.Rows, data.Columns)


def _put_pixels(data: Any, values: np.ndarray) -> None:
    """Replace the image; one that was compressed is stored plainly."""
    uid = library("pydicom.uid", FILES)
    if data.file_meta.TransferSyntaxUID.is_compressed:
        data.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        data["PixelData"].is_undefined_length = False
    order = "<" if data.file_meta.TransferSyntaxUID.is_little_endian else ">"
    coded = values.astype(values.dtype.newbyteorder(order)).tobytes()
    data.PixelData = coded + b"\0" * (len(coded) % 2)
    data["PixelData"].VR = "OB" if values.dtype.itemsize == 1 and len(coded) else "OW"
    for name, value in (("Smallest", values.min()), ("Largest", values.max())):
        if f"{name}ImagePixelValue" in data:
            setattr(data, f"{name}ImagePixelValue", int(value))


def _derive(data: Any, software: str) -> None:
    """Say that this is another image, made from that one (PS3.3 C.7.6.1, derived images).

    The new identities are functions of the old ones and of the software, so that a batch that
    is started again makes the same, and the slices of one series stay together in a new one.
    """
    uid, dataset = library("pydicom.uid", FILES), library("pydicom.dataset", FILES)

    def new(old: str, what: str) -> str:
        return uid.generate_uid(entropy_srcs=[str(old), software, what])

    source = dataset.Dataset()
    source.ReferencedSOPClassUID = data.get("SOPClassUID", "")
    source.ReferencedSOPInstanceUID = data.get("SOPInstanceUID", "")
    data.SourceImageSequence = [source]
    data.SOPInstanceUID = new(data.get("SOPInstanceUID", ""), "instance")
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    if "SeriesInstanceUID" in data:
        data.SeriesInstanceUID = new(data.SeriesInstanceUID, "series")
    kinds = list(data.get("ImageType", ["ORIGINAL", "PRIMARY"]))
    data.ImageType = ["DERIVED", *kinds[1:]]
    note = f"Denoised by {software}"
    before = str(data.get("DerivationDescription", ""))
    data.DerivationDescription = f"{before}; {note}"[-1024:] if before else note
    if described := str(data.get("SeriesDescription", "")):
        data.SeriesDescription = f"{described[:53]} (denoised)"
    now = datetime.datetime.now()
    data.InstanceCreationDate, data.InstanceCreationTime = (
        now.strftime("%Y%m%d"),
        now.strftime("%H%M%S"),
    )


def made_by(path: Path) -> str:
    """The program that the description of the derivation names."""
    data = library("pydicom", FILES).dcmread(path, specific_tags=["DerivationDescription"])
    return str(data.DerivationDescription).rpartition("Denoised by ")[2]
