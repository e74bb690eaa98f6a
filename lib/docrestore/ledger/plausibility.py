"""Arithmetic that a claim must survive, whatever program made it.

On two-level pages PSNR says how many pixels are wrong, and the F-measure says how many are wrong
for each pixel of text. So the two together say how much of the pages is text, and that can be seen.
"""

__all__ = ["fm_from_psnr", "implied_text_coverage"]


def implied_text_coverage(fm: float, psnr: float) -> tuple[float, float]:
    """The share of text that pages must have for an F-measure and a PSNR to belong together.

    A share e = 10^(-PSNR/10) of all pixels is wrong, and FM = 2 TP / (2 TP + FP + FN), so that the
    text found right is TP = e FM / (2 (1 - FM)) of all pixels. The truth's text is TP + FN: at
    least TP, when all errors are invented ink, and at most TP + e, when all are missed ink.

    Args:
        fm: in percent, below 100.
        psnr: in dB, above 0.

    Returns:
        The smallest and the largest possible share, of the pixels of one page or of a pooled set.
        The mean of single pages blurs this: see `ledger.coverage_check` for how much.

    Raises:
        ValueError: outside of those ranges.

    >>> low, high = implied_text_coverage(fm=90.0, psnr=20.0)
    >>> round(low, 3), round(high, 3)
    (0.045, 0.055)
    """
    if not (0 <= fm < 100 and psnr > 0):
        raise ValueError(f"fm must be 0 to below 100 and psnr above 0, got {fm} and {psnr}.")
    wrong = 10 ** (-psnr / 10)
    right = wrong * fm / (2 * (100 - fm))
    return right, right + wrong


def fm_from_psnr(psnr: float, text: float) -> tuple[float, float]:
    """The F-measures that a PSNR allows on pages whose share of text is known, in percent.

    Least when all errors are missed ink, most when all are invented ink.

    >>> low, high = fm_from_psnr(psnr=20.0, text=0.05)
    >>> round(low, 2), round(high, 2)
    (88.89, 90.91)
    """
    wrong = 10 ** (-psnr / 10)
    missed = max(text - wrong, 0.0)
    return 200 * missed / (2 * missed + wrong), 200 * text / (2 * text + wrong)
