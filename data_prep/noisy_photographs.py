"""Which photographs are made noisy to learn from and to test on, out of what is at hand.

The pages of GAN2GAN ask here, so that each of them works alone, with the sets of the papers and
without, and so that all look at the same noise.
"""

from pathlib import Path

from data_prep import noisy_set
from data_prep.fetch import available, fetch
from docrestore.paths import here

__all__ = ["SEEDS", "noisy_photographs"]

SEEDS = {"train400": 1, "bsd68": 2, "photographs": 1}  # as in book/ledger/denoising.yaml


def noisy_photographs(
    cell: str, *, real: bool = True, data_dir: Path | None = None
) -> tuple[Path, Path]:
    """Folders of noisy images to learn from (`split="train"`) and to test on (`split="test"`).

    Each image is made noisy once, by the seeds of the bench, and has a second capture. Nothing is
    downloaded.

    Args:
        cell: kind of noise and its level, see `data_prep.noise`.
        real: train400 and BSD68, the sets of the papers, where both can be had without network.
            Otherwise the photographs of scikit-image: one folder, which its manifest splits.
        data_dir: the folder of data sets, by default data/ in the repository.

    Raises:
        ValueError: for no kind of noise.
    """
    data = Path(data_dir) if data_dir else here("data")
    names = ("train400", "bsd68")
    if not (real and all(available(name, data) for name in names)):
        names = ("photographs", "photographs")
    train, test = (
        noisy_set.prepare(
            data / f"{name}-{cell}",
            fetch(name, data),
            cell,
            seed=SEEDS[name],
            second=True,
        )
        for name in names
    )
    return train, test
