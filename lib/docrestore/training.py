"""The training loop: `fit(method, data, steps, run_dir)`.

One loop serves every method. It draws the batch of each step as a pure function of (seed, step),
calls `method.step`, logs, and saves an atomic checkpoint every minute. A run that was killed goes
on where its last checkpoint stands and ends with the same bits as one that never stopped, given
the same machine and the same number of threads. Device, precision and several processes come
through Lightning Fabric.
"""

import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from tqdm.auto import tqdm

from docrestore.checkpoints import TrainingError, load_checkpoint, put_in_place, save_checkpoint
from docrestore.devices import keep_memory, pick_device, pick_precision, to_channels_last
from docrestore.trainer import Batches, Method, Trainer

__all__ = ["Batches", "Method", "Trainer", "TrainingError", "fit", "read_log"]


def fit(
    method: Method,
    data: Batches,
    steps: int,
    run_dir: str | os.PathLike[str],
    *,
    batch: int = 8,
    seed: int = 0,
    save_every: float = 60.0,
    precision: str = "auto",
    device: str = "auto",
    log_every: int = 10,
    progress: bool = True,
    at: Sequence[int] = (),
    on_step: Callable[[int], None] | None = None,
    about: Mapping[str, Any] | None = None,
) -> list[dict[str, float]]:
    """Train until `steps` optimiser steps are done; return the log.

    Args:
        method: networks, optimisers and one step.
        data: gives the batch of a step.
        steps: in all; a resumed run does only what is missing.
        run_dir: gets log.jsonl and checkpoint.safetensors.
        batch: crops a step, shared out between the ranks.
        seed: of dropout and other noise inside the networks. Crops have their own.
        save_every: seconds between checkpoints, which fall on lines of the log; 0 saves at each.
        precision: auto, bf16 or float32.
        device: auto, cpu or cuda.
        log_every: steps a line of the log averages over.
        progress: show a bar, which is named for `about["stage"]` where that is given.
        at: steps after which `on_step(step)` is called too, for pictures on the way. Step 0 is
            the untrained network.
        on_step: called at those steps.
        about: what else makes this training this one, such as its pages, as JSON can hold it. A
            run_dir with a training about something else, or with other steps, batch or seed, is
            refused: the learning rate of each step depends on them.

    Raises:
        TrainingError: on a loss that is not finite, a checkpoint of another training, or ranks
            that ended with different parameters.
        ValueError: if the ranks cannot share a batch evenly.
    """
    run_dir = Path(run_dir)
    run_dir.mkdir(parents=True, exist_ok=True)
    device = pick_device(device)
    fabric = (
        Fabric(
            accelerator="cuda" if device.startswith("cuda") else "cpu",
            devices=1,
            num_nodes=1,
            precision="bf16-mixed" if pick_precision(precision, device) == "bf16" else "32-true",
        )
        if not _launched()
        else _distributed(device, pick_precision(precision, device))
    )
    if _launched():
        fabric.launch()
    if device == "cpu":
        keep_memory()
    trainer = Trainer(method, fabric)
    for network in method.networks.values():
        to_channels_last(network.to(fabric.device))
        _share(network, fabric)
    for network in trainer.frozen.values():
        to_channels_last(network.to(fabric.device)).eval().requires_grad_(False)

    if batch % fabric.world_size:
        raise ValueError(
            f"a batch of {batch} cannot be shared evenly by {fabric.world_size} processes; use a "
            "multiple of their number."
        )
    about = {"steps": steps, "batch": batch, "seed": seed} | dict(about or {})
    checkpoint, log_path = run_dir / "checkpoint.safetensors", run_dir / "log.jsonl"
    trainer.step = load_checkpoint(method, checkpoint, about) if checkpoint.exists() else 0
    log = [row for row in read_log(log_path) if row["step"] <= trainer.step]
    if fabric.is_global_zero:
        put_in_place(log_path, "".join(json.dumps(row) + "\n" for row in log).encode())
    if on_step and trainer.step == 0 and 0 in at:
        on_step(0)

    window: dict[str, list[float | Tensor]] = {}
    saved = time.monotonic()
    begun = saved - (log[-1]["seconds"] if log else 0.0)  # the legs before this one count too
    bar = tqdm(
        total=steps,
        initial=trainer.step,
        disable=not (progress and fabric.is_global_zero),
        desc=str(about.get("stage", "training")),
        unit="step",
        mininterval=1.0,
    )
    while trainer.step < steps:
        for name, optimiser in method.optimisers.items():
            for group in optimiser.param_groups:
                group["lr"] = method.learning_rate(trainer.step, steps, name)
        torch.manual_seed((seed * 1_000_003 + trainer.step) * 64 + fabric.global_rank)
        rank, world = fabric.global_rank, fabric.world_size
        crops = data.batch(trainer.step, batch, rank=rank, world=world)
        logs = (trainer.step + 1) % log_every == 0 or trainer.step + 1 == steps
        try:
            losses = method.step({k: _moved(v, fabric.device) for k, v in crops.items()}, trainer)
            if logs:
                trainer.check()
        except TrainingError as error:
            raise TrainingError(
                f"step {trainer.step} (seed {seed}, the batch is data.batch({trainer.step}, "
                f"{batch})): {error}. Lower the learning rate, or look at that batch."
            ) from None
        trainer.step += 1
        bar.update()
        for name, value in losses.items():
            window.setdefault(name, []).append(value)
        if logs:
            row = {"step": trainer.step, "seconds": round(time.monotonic() - begun, 2)}
            row |= {name: _mean(seen) for name, seen in window.items()}
            window.clear()
            log.append(row)
            bar.set_postfix({k: f"{v:.4f}" for k, v in row.items() if k not in ("step", "seconds")})
            if fabric.is_global_zero:
                with log_path.open("a") as file:
                    file.write(json.dumps(row) + "\n")
        due = trainer.step % log_every == 0 and time.monotonic() - saved >= save_every
        if (due or trainer.step == steps) and fabric.is_global_zero:
            save_checkpoint(method, checkpoint, trainer.step, about)
            saved = time.monotonic()
        if on_step and trainer.step in at:
            on_step(trainer.step)
    bar.close()
    _compare_ranks(method, fabric)
    return log


def _moved(crops: Tensor, device: torch.device) -> Tensor:
    """Crops on the device of the training; a GPU fetches them while it works on."""
    return crops.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else crops


def _mean(seen: Sequence[float | Tensor]) -> float:
    """The mean of losses, which may still lie on a GPU."""
    if isinstance(seen[0], Tensor):
        seen = torch.stack([torch.as_tensor(one) for one in seen]).tolist()
    return math.fsum(seen) / len(seen)  # type: ignore[arg-type]


def _launched() -> bool:
    """Whether torchrun started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def _distributed(device: str, precision: str) -> Fabric:
    """A Fabric over the processes that torchrun started: gloo on CPUs, NCCL on GPUs."""
    return Fabric(
        accelerator="cuda" if device.startswith("cuda") else "cpu",
        devices=int(os.environ["LOCAL_WORLD_SIZE"]),
        num_nodes=int(os.environ["WORLD_SIZE"]) // int(os.environ["LOCAL_WORLD_SIZE"]),
        strategy="ddp",
        precision="bf16-mixed" if precision == "bf16" else "32-true",
    )


def _share(network: nn.Module, fabric: Fabric) -> None:
    """All ranks start from rank 0's numbers."""
    if fabric.world_size > 1:
        for tensor in network.state_dict().values():
            torch.distributed.broadcast(tensor, 0)


def _compare_ranks(method: Method, fabric: Fabric) -> None:
    """Refuse a result in which the ranks hold different parameters."""
    if fabric.world_size == 1:
        return
    for name, network in method.networks.items():
        for key, mine in network.named_parameters():
            theirs = mine.detach().clone()
            torch.distributed.broadcast(theirs, 0)
            differ = torch.tensor(float(not torch.equal(mine, theirs)), device=mine.device)
            torch.distributed.all_reduce(differ)
            if differ:
                raise TrainingError(f"the ranks drifted apart in {name}.{key}; report this bug.")


def read_log(path: Path) -> list[dict[str, float]]:
    """The rows of a log.jsonl; a last line cut short by a kill is left out."""
    rows = []
    if path.exists():
        for line in path.read_text().splitlines():
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                break
    return rows
