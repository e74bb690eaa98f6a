"""How fast the networks restore a page on this machine: `python -m docrestore.benchmark`.

RA-GAN as published is timed on a crop, layer by layer and in its quick form; the small networks
restore a whole page, with torch and with OpenVINO where it is installed. By default the page is
drawn: A4 at 300 dpi, in colour. Where weights do not ship yet the numbers are random, which costs
the same time. Each figure is the mean of several runs after one that is not counted.

`--folder` times the command `docrestore restore` on 20 pages, with one worker and with two;
`--memory` measures the most memory that it takes on a page of 100 megapixels. `--record` writes
book/ledger/speed.json. Nothing else is kept.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from docrestore import images, provenance, runtime, weights
from docrestore.devices import fast_bf16, keep_memory
from docrestore.inference import restore, runner
from docrestore.models import MODELS
from docrestore.models.ra_gan import FORMS
from docrestore.paths import here
from docrestore.stopwatch import Row, record, row, table, timed

__all__ = ["FILE", "exact", "folder", "memory", "small"]

FILE = ("book", "ledger", "speed.json")
A4 = (3508, 2480)  # at 300 dpi
PAGES = 20  # of the folder
SMALL = {"ra_gan-compact": "ra_gan-binarize", "de_gan-compact": "de_gan-binarize"}  # -> weights


def drawn_page(height: int, width: int) -> np.ndarray:
    """Toned paper in colour with grain and lines of strokes: uint8 (H, W, 3)."""
    rng = np.random.default_rng(0)
    gray = 190 + 25 * np.sin(np.arange(width) / 400) * np.cos(np.arange(height) / 500)[:, None]
    gray += rng.normal(0, 5, gray.shape)
    edge = width // 16
    for top in range(edge, height - edge, 60):
        for left in range(edge, width - edge, 23):
            gray[top : top + 32, left : left + int(rng.integers(3, 8))] = 60
    return (gray[..., None] * (1, 0.95, 0.85)).clip(0, 255).astype(np.uint8)


def exact(page: np.ndarray, times: int, trained: Path | None = None) -> list[Row]:
    """RA-GAN as published, both forms, on a crop (H, W, 3): layer by layer, then quick.

    `difference` is the largest to the eager float32 answer, `spread` that answer's standard
    deviation: a fresh network's answers have little contrast, so `trained` weights are a harder
    test. They are used for the form that they were trained in.
    """
    crop, rows = images.to_tensor(page), []
    for form in FORMS:
        torch.manual_seed(0)
        network = MODELS["ra_gan"](form).eval().requires_grad_(False)  # type: ignore[call-arg]
        if trained and weights.card(trained).get("arguments", {}).get("form", FORMS[0]) == form:
            network = weights.load(trained)
        eager = torch.inference_mode()(network)
        ways: dict[str, Callable[[Tensor], Tensor]] = {"eager float32": eager}
        if form == FORMS[0]:  # it cannot be undone, so only the first form is timed without
            first, _ = timed(lambda: eager(crop), times)  # noqa: B023
            rows.append(
                row(f"ra_gan {form}, eager float32, memory given back", crop.shape[-2:], first)
            )
            keep_memory()
        ways["folded float32"] = runner(network, "float32")
        ways["folded bf16"] = runner(network, "bf16")
        base, wanted = 0.0, torch.zeros(())
        for way, run in ways.items():
            spent, answer = timed(lambda: run(crop), times)  # noqa: B023
            if not base:
                base, wanted = spent["cpu_seconds"], answer
            line = row(f"ra_gan {form}, {way}", crop.shape[-2:], spent)
            line |= {"ratio": base / spent["cpu_seconds"], "spread": float(wanted.std())}
            line["difference"] = float((answer - wanted).abs().max())
            rows.append(line)
    return rows


def small(page: np.ndarray, times: int) -> list[Row]:
    """The small networks restore a page (H, W, 3), with every engine that is there."""
    rows = []
    for model, name in SMALL.items():
        network = load(model, name)
        for engine in [one for one in ("torch", "openvino") if runtime.pick() in (one, "openvino")]:
            run = runtime.build(network, engine)
            seen = page if run.channels == 3 else page[..., 0]
            spent, _ = timed(lambda: restore(run, seen), times)  # noqa: B023
            rows.append(row(f"{model}, {engine}", page.shape[:2], spent))
    return rows


def load(model: str, name: str) -> nn.Module:
    """Shipped weights, or a fresh network where they do not ship."""
    if name in weights.names():
        return weights.load(name)
    torch.manual_seed(0)
    return MODELS[model]().eval().requires_grad_(False)


def folder(page: np.ndarray, engine: str) -> list[Row]:
    """Pages per minute of `docrestore restore` on a folder, start of the program included."""
    rows = []
    with tempfile.TemporaryDirectory() as there:
        first = Path(there, "pages", "page-00.png")
        first.parent.mkdir()
        images.write(first, page)
        for index in range(1, PAGES):
            shutil.copy(first, first.with_name(f"page-{index:02}.png"))
        for model, name in SMALL.items():
            for jobs in (1, 2):
                begun = time.perf_counter()
                out = f"{there}/{model}-{jobs}"
                _command([f"{first.parent}", "-o", out, "--jobs", f"{jobs}"], model, name, engine)
                seconds = time.perf_counter() - begun
                rows.append(
                    {
                        "what": f"{model}, {engine}, {PAGES} pages, {jobs} at a time",
                        "size": list(page.shape[:2]),
                        "seconds": seconds,
                        "pages_per_minute": 60 * PAGES / seconds,
                    }
                )
    return rows


def memory(page: np.ndarray, engine: str, side: int = 10_000) -> list[Row]:
    """The most memory, in GB, of `docrestore restore` on a grey page of side x side pixels."""
    rows = []
    with tempfile.TemporaryDirectory() as there:
        large = np.resize(page[:, :side, 0], (side, min(side, page.shape[1])))
        large = np.tile(large, (1, -(-side // large.shape[1])))[:, :side]
        images.write(Path(there, "large.png"), large)
        for model, name in SMALL.items():
            begun = time.perf_counter()
            peak = _command([f"{there}/large.png", "-o", f"{there}/{model}"], model, name, engine)
            line = {"what": f"{model}, {engine}, 100 Mpx", "size": [side, side], "gigabytes": peak}
            rows.append(line | {"seconds": time.perf_counter() - begun})
    return rows


def _command(words: Sequence[str], model: str, name: str, engine: str) -> float:
    """Run `docrestore restore` in a process of its own; the most memory it took, in GB, or nan.

    Linux keeps the peak of a process in VmHWM. What getrusage says counts its parent's too.
    """
    with tempfile.TemporaryDirectory() as there:
        path = Path(there, f"{name}.safetensors")
        if name not in weights.names():
            weights.save_weights(path, load(model, name), {"model": model, "arguments": {}})
        words = ["restore", *words, "--model", name if name in weights.names() else f"{path}"]
        code = (
            "import sys; from docrestore.cli import main\n"
            "try: main(sys.argv[1:])\n"
            "finally:\n"
            "    try: print(*[l.split()[1] for l in open('/proc/self/status') if 'VmHWM' in l])\n"
            "    except OSError: print('nan')"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, *words, "--runtime", engine, "--task", "binarize"],
            capture_output=True,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": f"{torch.get_num_threads()}"},
        )
    if done.returncode:
        raise RuntimeError(f"`docrestore {shlex.join(words)}` failed: {done.stderr.strip()}")
    return float(done.stdout.split()[-1]) / 1e6


def parser() -> argparse.ArgumentParser:
    """The command line's arguments."""
    p = argparse.ArgumentParser(
        prog="python -m docrestore.benchmark", description="Time the networks on this machine."
    )
    p.add_argument("--page", type=Path, help="an image file (default: a drawn page)")
    p.add_argument("--times", type=int, default=3, help="runs that are averaged (default 3)")
    p.add_argument("--crop", type=int, default=768, help="side for RA-GAN as published; 0: not it")
    p.add_argument("--trained", type=Path, help="weights of RA-GAN as published (default: fresh)")
    p.add_argument("--threads", type=int, help="threads of torch (default: its own choice)")
    p.add_argument("--folder", action="store_true", help="also pages a minute of a folder")
    p.add_argument("--memory", action="store_true", help="also the peak on 100 Mpx")
    p.add_argument("--record", action="store_true", help="write book/ledger/speed.json")
    return p


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, and with --record write the file; returns the exit status."""
    given = list(sys.argv[1:] if words is None else words)
    args = parser().parse_args(given)
    if args.record and (why := provenance.why_not_recorded()):
        print(why, file=sys.stderr)
        return 1
    if args.threads:
        torch.set_num_threads(args.threads)
    machine = provenance.machine(torch.get_num_threads(), "cpu") | {"bf16": fast_bf16()}
    print(", ".join(f"{key} {value}" for key, value in machine.items()), flush=True)
    begun, rows = time.perf_counter(), []

    def note(more: list[Row]) -> None:
        print(table(more), flush=True)
        rows.extend(more)

    try:
        page = drawn_page(*A4)
        if args.page:
            first = next(iter(images.pages(args.page, colour=True)))
            page = np.repeat(first.gray[..., None], 3, 2) if first.rgb is None else first.rgb
        if args.crop:
            note(exact(page[: args.crop, : args.crop], args.times, args.trained))
        note(small(page, args.times))
        for asked, measure in ((args.folder, folder), (args.memory, memory)):
            for engine in dict.fromkeys(("torch", runtime.pick())) if asked else ():
                note(measure(page, engine))
    except (OSError, ValueError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    if args.record:
        print(record(here(*FILE), rows, "docrestore.benchmark", given, machine, begun))
    return 0


if __name__ == "__main__":
    sys.exit(main())
