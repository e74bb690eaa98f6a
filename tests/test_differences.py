"""Pictures of errors: colours that tell missed from invented ink, and where to look."""

import numpy as np
import pytest

from docrestore.differences import (
    INVENTED,
    MISSED,
    VERDICTS,
    disagreement,
    error_map,
    fullest_window,
)


def test_the_error_map_tells_missed_from_invented_ink():
    clean = np.array([[True, True, False, False]])
    restored = np.array([[True, False, True, False]])
    colours = [tuple(one) for one in error_map(restored, clean)[0].tolist()]
    assert colours == [(255, 255, 255), INVENTED, MISSED, (0, 0, 0)]
    grey = error_map(np.array([[100, 255]], np.uint8), np.array([[100, 245]], np.uint8))
    assert grey[0, 0].tolist() == [100, 100, 100] and len(set(grey[0, 1].tolist())) == 3
    with pytest.raises(ValueError, match="compare equals"):
        error_map(clean, clean[:, :2])


def test_two_binarizers_are_told_apart_pixel_by_pixel():
    clean = np.array([[True, True, False, False, True]])
    first = np.array([[True, True, True, True, False]])
    second = np.array([[True, False, False, True, False]])
    picture, counts = disagreement(first, second, clean)
    assert list(counts.values()) == [1, 1, 1, 2] and sum(counts.values()) == clean.size
    colours = [tuple(one) for one in picture[0].tolist()]
    one, two, none = list(VERDICTS.values())[1:]
    assert colours == [(255, 255, 255), one, two, none, none]
    assert disagreement(clean, clean, clean)[0][0, 2].tolist() == [190, 190, 190]
    for wrong in (clean[:, :2], clean.astype(np.uint8)):
        with pytest.raises(ValueError, match="three bool pages of one shape"):
            disagreement(first, wrong, clean)


@pytest.mark.parametrize("shape", [(1, 1), (3, 700), (90, 70), (300, 300)])
def test_a_window_fits_any_page(shape):
    marked = np.zeros(shape, bool)
    marked[-1, -1] = True
    top, left, size = fullest_window(marked, 50)
    assert size == min(50, *shape) and marked[top : top + size, left : left + size].any()
    assert top + size <= shape[0] and left + size <= shape[1]
