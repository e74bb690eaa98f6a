"""Measured images for tests: noisy frames, and files of many kinds that hold them."""

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docrestore.images.output import PART
from docrestore.images.series import Series, read_series

SOFTWARE = "docrestore 0, test (1234)"


def scene(height: int = 130, width: int = 150) -> np.ndarray:
    """A dark field with bright cells, float64 (H, W) in 0 to 1."""
    y, x = np.mgrid[:height, :width]
    cells = [(30, 40, 14), (90, 50, 20), (60, 110, 17), (110, 120, 9)]
    return sum(np.exp(-((y - a) ** 2 + (x - b) ** 2) / r**2) for a, b, r in cells) * 0.6 + 0.2


def frames(
    count: int = 3,
    low: float = 400,
    span: float = 2000,
    noise: float = 60,
    size: tuple[int, int] = (130, 150),
) -> np.ndarray:
    """Noisy frames, float64 (count, H, W), in values of a detector; no two are alike."""
    rng = np.random.default_rng(5)
    clean = np.stack([np.roll(scene(*size), 7 * i, axis=1) for i in range(count)])
    return low + span * clean + rng.normal(0, noise, clean.shape)


def dicom(path: Path, image: np.ndarray, **tags: Any) -> Path:
    """A CT slice, or several in one object, as a scanner writes it; `image` holds stored values."""
    pytest.importorskip("pydicom")
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = CTImageStorage
    data.SOPInstanceUID = generate_uid()
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.SeriesInstanceUID, data.StudyInstanceUID = "1.2.3.4", "1.2.3"
    data.PatientName, data.PatientID, data.Modality = "Phantom^Water", "P1", "CT"
    data.ImageType, data.SeriesDescription = ["ORIGINAL", "PRIMARY", "AXIAL"], "thorax 1.0"
    data.PixelSpacing, data.RescaleSlope, data.RescaleIntercept = [0.7, 0.7], 2, -1024
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows, data.Columns = image.shape[-2:]
    if image.ndim == 3:
        data.NumberOfFrames = len(image)
    bits = image.dtype.itemsize * 8
    data.BitsAllocated, data.BitsStored = bits, 12 if bits == 16 else bits
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, int(image.dtype.kind == "i")
    data.PixelData = image.tobytes()
    for name, value in tags.items():
        setattr(data, name, value)
    data.save_as(path, enforce_file_format=True)
    return path


def hdf5(path: Path, arrays: dict[str, np.ndarray], *, matlab: bool = False) -> Path:
    """An HDF5 file; with `matlab` as MATLAB v7.3 has it: a header before it, axes in reverse."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w", userblock_size=512 if matlab else 0) as file:
        for name, array in arrays.items():
            if matlab:
                made = file.create_dataset(name, data=array.T, chunks=True, compression="gzip")
                made.attrs["MATLAB_class"] = np.bytes_("uint16")
            else:
                file.create_dataset(name, data=array)
                file[name].attrs["unit"] = "counts"
    if matlab:
        with path.open("r+b") as file:
            file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    return path


DEEP = np.rint(frames()).astype(np.uint16)


def written(series: Series, target: Path, add: float = 0.0) -> Series:
    """Write the frames back, each value plus a number; the source must be as it was."""
    before = hashlib.sha256(series.path.read_bytes()).digest(), os.stat(series.path).st_mtime_ns
    series.write(target, (frame + add for frame in series.frames), SOFTWARE)
    after = hashlib.sha256(series.path.read_bytes()).digest(), os.stat(series.path).st_mtime_ns
    assert before == after, "the input was touched"
    assert not list(target.parent.glob(PART))
    return read_series(target, series.about.get("key"))


def check(path: Path, truth: np.ndarray, key: str | None = None) -> Series:
    """Read, compare with (N, H, W), write plus 3, read and compare again; the second series."""
    series = read_series(path, key)
    assert len(series.frames) == len(truth)
    assert series.pixels == truth.size
    for frame, wanted in zip(series.frames, truth, strict=True):
        assert frame.dtype == np.float32 and frame.flags.c_contiguous
        np.testing.assert_array_equal(frame, wanted.astype(np.float32))
    again = written(series, path.with_name(f"out-{path.name}"), 3.0)
    assert again.dtype == series.dtype and again.about == series.about
    np.testing.assert_allclose(np.stack(list(again.frames)), truth + 3.0, rtol=1e-6)
    return again
