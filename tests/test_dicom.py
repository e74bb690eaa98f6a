"""DICOM: read in its own units, written as another image that says where it comes from."""

import numpy as np
import pytest
from sample_series import DEEP, SOFTWARE, dicom, written

from docrestore.images.series import made_by, read_series


def test_dicom_is_read_in_its_units_and_written_as_another_image(tmp_path):
    import pydicom

    path = dicom(tmp_path / "IM0001", DEEP[0], SmallestImagePixelValue=7)
    series = read_series(path)
    np.testing.assert_array_equal(series.frames[0], DEEP[0] * 2.0 - 1024)
    assert series.range == (-1024, 4095 * 2 - 1024)
    again = written(series, tmp_path / "out", 6.0)  # three stored values
    np.testing.assert_array_equal(again.frames[0], (DEEP[0] + 3) * 2.0 - 1024)
    old, new = pydicom.dcmread(path), pydicom.dcmread(tmp_path / "out")
    assert (
        new.SOPInstanceUID
        != old.SOPInstanceUID
        == new.SourceImageSequence[0].ReferencedSOPInstanceUID
    )
    assert new.file_meta.MediaStorageSOPInstanceUID == new.SOPInstanceUID
    assert new.SeriesInstanceUID != old.SeriesInstanceUID
    assert new.StudyInstanceUID == old.StudyInstanceUID and new.PatientName == old.PatientName
    assert list(new.ImageType) == ["DERIVED", "PRIMARY", "AXIAL"]
    assert SOFTWARE in new.DerivationDescription and made_by(tmp_path / "out") == SOFTWARE
    assert new.SmallestImagePixelValue == new.pixel_array.min()
    untouched = ("PixelSpacing", "RescaleSlope", "RescaleIntercept", "BitsStored", "BitsAllocated")
    assert all(new[name].value == old[name].value for name in untouched)


def test_slices_of_a_series_stay_together_and_a_second_run_makes_the_same(tmp_path):
    import pydicom

    made = []
    for index, name in enumerate(("a", "b", "a")):
        path = tmp_path / f"{name}.dcm"
        if index < 2:
            dicom(path, DEEP[index])
        written(read_series(path), tmp_path / f"out{index}.dcm")
        made.append(pydicom.dcmread(tmp_path / f"out{index}.dcm"))
    assert made[0].SeriesInstanceUID == made[1].SeriesInstanceUID
    assert made[0].SOPInstanceUID == made[2].SOPInstanceUID != made[1].SOPInstanceUID


def test_padding_is_no_measurement_and_stays(tmp_path):
    import pydicom

    stored = (DEEP[0].astype(np.int16) - 900).clip(-1999, 2047)
    stored[:20] = -2000
    path = dicom(tmp_path / "a.dcm", stored, PixelPaddingValue=-2000)
    series = read_series(path)
    frame = series.frames[0]
    assert np.isnan(frame[:20]).all() and np.isfinite(frame[20:]).all()
    series.write(tmp_path / "o.dcm", [np.zeros_like(frame)], SOFTWARE)
    result = pydicom.dcmread(tmp_path / "o.dcm").pixel_array
    assert (result[:20] == -2000).all() and (result[20:] == 512).all()


@pytest.mark.parametrize("syntax", ["4.70", "4.80", "4.90", "5"])
def test_compressed_dicom(tmp_path, syntax):
    import imagecodecs
    import pydicom
    from pydicom.encaps import encapsulate
    from pydicom.uid import UID

    path = dicom(tmp_path / "a.dcm", DEEP)
    data = pydicom.dcmread(path)
    if syntax == "5":
        data.compress(UID("1.2.840.10008.1.2.5"), generate_instance_uid=False)
    else:
        encode = {
            "4.70": lambda one: imagecodecs.ljpeg_encode(one, bitspersample=16),
            "4.80": imagecodecs.jpegls_encode,
            "4.90": lambda one: imagecodecs.jpeg2k_encode(one, level=0, codecformat="j2k"),
        }[syntax]
        data.PixelData = encapsulate([bytes(encode(one)) for one in DEEP])
        data["PixelData"].is_undefined_length = True
        data.file_meta.TransferSyntaxUID = UID(f"1.2.840.10008.1.2.{syntax}")
    data.save_as(path)
    series = read_series(path)
    np.testing.assert_array_equal(np.stack(list(series.frames)), DEEP * 2.0 - 1024)
    again = written(series, tmp_path / "o.dcm")
    np.testing.assert_array_equal(np.stack(list(again.frames)), DEEP * 2.0 - 1024)
