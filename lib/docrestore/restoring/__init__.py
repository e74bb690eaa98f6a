"""Restore a batch of files: each gets its result or a sentence, and none stops the others."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from docrestore import __version__, images, runtime, weights
from docrestore.images import ImageError
from docrestore.images.output import PART, made_by
from docrestore.inference import Prepared, binarize, restore
from docrestore.provenance import file_hash
from docrestore.restoring.collecting import PAGES, Batch, Item
from docrestore.restoring.report import PROGRAM, Report, ReportError
from docrestore.restoring.terminal import Bar, bar
from docrestore.weights import WeightsError

__all__ = ["DEFAULTS", "TASKS", "Restorer", "prepare", "run_batch"]

DEFAULTS = {  # task -> weights; by the ledger none that ships is better by more than chance
    "binarize": "ra_gan-binarize",
    "clean": "de_gan-clean",
    "deblur": "de_gan-deblur",
    "watermark": "de_gan-watermark",
}
TASKS = (*DEFAULTS, "denoise")
STALE = 3600.0  # seconds after which a half-written file is a leftover


class StoppedError(Exception):
    """The user has asked to stop."""


@dataclass(frozen=True)
class Restorer:
    """What is done to every page, and how to name it in the report.

    Args:
        run: the network as a function, from `runtime.build`.
        facts: model, model_sha256, task, soft, runtime: a part of each entry of the report.
    """

    run: Prepared
    facts: dict[str, Any]

    kind = PAGES  # which files it is for

    @property
    def software(self) -> str:
        """The name that results bear in their metadata."""
        digest = self.facts["model_sha256"][:12]
        return f"{PROGRAM} {__version__}, {self.facts['model']} ({digest})"

    def pixels(self, source: Path) -> int:
        """How much work a file is; 0 if it cannot be read."""
        return images.count_pixels(source)

    def made_by(self, target: Path) -> str:
        """The `software` that a result was written with."""
        return made_by(target)

    def restore_file(
        self, source: Path, target: Path, advance: Callable[[float], None]
    ) -> dict[str, Any]:
        """Read, restore and write one page after the other; facts for the report."""
        begun, pages = time.perf_counter(), []
        with images.writing(target, self.software) as add:
            for page in images.pages(source, colour=self.run.channels == 3):
                index, count, gray, dpi, icc = page.index, page.count, page.gray, page.dpi, page.icc
                facts: dict[str, Any] = {"size": list(gray.shape), "mode": page.mode, "dpi": dpi}
                blank = gray.min() == gray.max()
                pages.append(facts | {"blank": True} if blank else facts)
                result = self(page, lambda share: advance((index + share) / count))  # noqa: B023
                del page, gray  # a large page is not held while its result is written
                add(result, dpi=dpi, icc=icc)
                del result
        return {
            "pages": pages,
            "software": self.software,
            "version": __version__,
            "seconds": round(time.perf_counter() - begun, 3),
        }

    def __call__(self, page: images.Page, progress: Callable[[float], None]) -> np.ndarray:
        """One page to uint8 (H, W), or to bool (H, W) where True is paper."""
        binary = self.facts["task"] == "binarize" and not self.facts["soft"]
        gray = page.gray
        if gray.min() == gray.max():  # nothing is written on it; a network would guess
            blank = np.full_like(gray, 255) if self.facts["task"] == "binarize" else gray
            return blank >= 128 if binary else blank
        seen = gray if page.rgb is None else page.rgb
        result = restore(self.run, seen, progress=progress)
        return binarize(result) if binary else result


def prepare(
    task: str | None,
    model: str | None,
    engine: str = "auto",
    *,
    soft: bool = False,
    jobs: int = 1,
    key: str | None = None,
) -> Restorer:
    """Load weights and try them once.

    Args:
        task: one of TASKS; None takes the task of the weights' card, else binarize.
        model: a shipped name or a .safetensors file; None takes that of DEFAULTS.
        engine: "auto", "torch" or "openvino".
        soft: keep the soft map where the task is binarize.
        jobs: files that are restored at the same time.
        key: denoise: the array that is meant in MATLAB and HDF5 files.

    Raises:
        WeightsError: if there are no such weights, or they do not restore pages, or another task.
        RuntimeMissingError: if the engine is not there.
    """
    engine = runtime.pick(engine)
    if model is None:
        if task == "denoise":
            raise WeightsError(
                "noise is learnt from your own images: run `docrestore denoise fit FOLDER -o "
                "MODEL.safetensors`, then give --weights MODEL.safetensors."
            )
        model = DEFAULTS[task or "binarize"]
        if model not in weights.names():
            there = ", ".join(weights.names())
            raise WeightsError(
                f"the weights {model} are not here yet; "
                + (f"there are: {there}." if there else "name a .safetensors file with --model.")
            )
    network = weights.load(model)
    card: dict[str, Any] = network.card  # type: ignore[assignment]
    known = card.get("task")
    if task and known in TASKS and known != task:
        raise WeightsError(f"{model} was trained to {known}; give --task {known} or another model.")
    _try(network, model)
    path = weights.locate(model)
    task = task or (known if known in TASKS else "binarize")
    facts = {
        "model": path.parent.name if path.stem == "weights" else path.stem,
        "model_sha256": file_hash(path),
        "task": task,
        "soft": soft and task == "binarize",
        "runtime": engine,
    }
    restorer = Restorer(runtime.build(network, engine, jobs), facts)
    if task == "denoise":
        from docrestore.restoring.series import SeriesRestorer  # which is a Restorer

        return SeriesRestorer.of(restorer, card, key)
    return restorer


def _try(network: torch.nn.Module, name: str) -> None:
    """Refuse a network that does not turn a page into a page, such as a discriminator."""
    try:
        with torch.inference_mode():
            found = network(torch.full((1, 1, 40, 56), 0.5))
    except Exception:  # whatever it does instead, it is not a restorer
        found = torch.empty(0)
    if found.shape != (1, 1, 40, 56):
        raise WeightsError(f"{name} holds a network that does not restore pages; name another.")
    if not found.isfinite().all():
        raise WeightsError(f"{name} gives no numbers (NaN), its training failed; name another.")


def run_batch(
    batch: Batch, restorer: Restorer, *, overwrite: bool = False, jobs: int = 1
) -> tuple[Report, str]:
    """Restore all items, with progress on stderr; return the report and how the run ended.

    Args:
        batch: from `collect`.
        restorer: from `prepare`.
        overwrite: restore what is done already, and replace files that were there.
        jobs: files that are restored at the same time.

    Returns:
        The report, saved, and "finished" or "stopped" (by Ctrl-C; started again, it goes on).

    Raises:
        ReportError: if the report cannot be written, or another file has its name.
    """
    report, stop, status = Report(batch.report), threading.Event(), "finished"
    for folder in {item.target.parent for item in batch.items if item.target}:
        _remove_leftovers(folder)
    sizes = [1e4 + restorer.pixels(item.source) * (not item.problem) for item in batch.items]
    with bar("restoring", sum(sizes)) as progress, ThreadPoolExecutor(jobs) as pool:
        futures = {
            pool.submit(_one, item, size, restorer, report, overwrite, progress, stop): item
            for item, size in zip(batch.items, sizes, strict=True)
        }
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                item = futures[future]
                lead = f"{done} of {len(futures)}: {item.source}"
                _note(report, progress, item, lead, *future.result())
        except KeyboardInterrupt:
            stop.set()
            pool.shutdown(cancel_futures=True)
            status = "stopped"
    _save(report, status, {**restorer.facts, "threads": torch.get_num_threads(), "jobs": jobs})
    return report, status


def _note(report: Report, progress: Bar, item: Item, lead: str, outcome: str, value: Any) -> None:
    if outcome == "restored" and item.target:
        with suppress(OSError):  # a full disk is told once, at the end
            report.restored(item.target, value)
        progress.note(f"{lead}: {value['seconds']:.1f} s")
        if note := value.get("note"):
            progress.say(f"{item.source}: {note}")
    elif outcome == "skipped" and item.target:
        report.skipped(item.target)
        progress.note(f"{lead}: done before")
    else:
        report.failed(item.source, value)
        progress.say(f"{lead}: {value}")


def _save(report: Report, status: str, facts: dict[str, Any]) -> None:
    try:
        report.save(status, facts)
    except OSError as error:
        raise ReportError(
            f"{report.path} could not be written ({error.strerror}); make room or choose another "
            f"folder, then start again: what is done is not done twice."
        ) from None


def _one(
    item: Item,
    size: float,
    restorer: Restorer,
    report: Report,
    overwrite: bool,
    progress: Bar,
    stop: threading.Event,
) -> tuple[str, Any]:
    """Restore one file: ("restored", facts), ("skipped", None) or ("failed", a sentence)."""
    moved = 0.0

    def advance(share: float) -> None:
        nonlocal moved
        if stop.is_set():
            raise StoppedError
        progress.advance(size * (share - moved))
        moved = share

    try:
        if item.problem or item.target is None:
            return "failed", item.problem
        advance(0.0)
        images.check_file(item.source)
        facts = {"input": str(item.source), "input_sha256": file_hash(item.source)}
        facts |= restorer.facts
        if not overwrite:
            if report.is_done(item.target, facts):
                return "skipped", None
            report.check_free(item.target, restorer.made_by(item.target))
        return "restored", facts | restorer.restore_file(item.source, item.target, advance)
    except (ImageError, ReportError) as error:
        return "failed", str(error)
    except StoppedError:
        return "failed", "it was stopped; start again to go on."
    except OSError as error:
        return "failed", images.why_not_opened(item.source.name, error)
    except Exception as error:  # a defect of ours must not cost the user the rest of the batch
        if isinstance(error, MemoryError) or "memory" in str(error):
            return "failed", f"{item.source.name} does not fit into memory; try --jobs 1."
        why = " ".join(f"{type(error).__name__}: {error}".split())
        return "failed", f"{item.source.name} met a defect of docrestore ({why}); please report it."
    finally:
        progress.advance(size * (1.0 - moved))


def _remove_leftovers(folder: Path) -> None:
    """Half-written files of a run that was killed; a young one may belong to a run beside us."""
    with suppress(OSError):
        for part in folder.glob(PART):
            if time.time() - part.stat().st_mtime > STALE:
                part.unlink()
