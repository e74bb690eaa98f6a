"""The page of the ledger: every claim beside what we obtained, made from book/ledger alone."""

from docrestore.ledger import denoisers, read_claims
from docrestore.ledger.results import read_all
from docrestore.ledger.tables import (
    claims_table,
    implied_table,
    reproduced_table,
    runs_table,
    years_table,
)

__all__ = ["ledger_page"]

HEAD = """# The ledger

What papers claim stands in `book/ledger/claims.yaml`, what our runs obtained in
`book/ledger/results/` and, of denoisers, in `book/ledger/denoising.json`. This page joins the two
and is written by the build. A number in brackets was quoted from memory and is a hint, not a fact.
"""
NOISY = ("psnr_gray", "ssim_released")
GRAY = ("psnr_gray", "ssim_gray", "cer")


def ledger_page() -> str:
    """The page as MyST text.

    Raises:
        LedgerError, ResultError: a file of the ledger that cannot be read; the sentence says why.
    """
    claims, results = read_claims(), read_all()
    contests = {name: result for name, result in results.items() if result.task == "binarize"}
    binary = [claim for claim in claims if claim.set.startswith("dibco")]
    noisy = [claim for claim in claims if claim.set.startswith("bsd68-")]
    real = [claim for claim in claims if claim.set.startswith(("fmd", "mayo_ct"))]
    gray = [claim for claim in claims if claim not in binary + noisy + real]
    if denoised := denoisers.as_result(denoisers.read_runs()):
        results[denoised.name] = denoised
    parts = {
        "Contest years, F-measure in %": years_table(contests, binary),
        "Binarization: claims": claims_table(binary, contests, ["fm", "pfm", "psnr", "drd"]),
        "Can both be true?": implied_table(binary, contests),
        "Classical methods, run again": reproduced_table(binary, contests),
        "Grey pages: claims": claims_table(gray, results, GRAY),
        "Photographs made noisy: claims": claims_table(noisy, results, NOISY),
        "Real noise: claims": claims_table(real, results, NOISY),
        "Our runs": runs_table(results),
    }
    return HEAD + "".join(f"\n## {title}\n\n{text}\n" for title, text in parts.items())
