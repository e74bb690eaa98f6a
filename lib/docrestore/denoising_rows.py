"""The rows of one cell of the bench of denoisers: trained, scored, written one after the other."""

import json
import re
import shlex
import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from docrestore import provenance
from docrestore.checkpoints import put_in_place
from docrestore.denoise_scores import light_ratio, means, noise_found, scores
from docrestore.denoising import PRESETS, fit_denoiser
from docrestore.denoising_plan import Plan, guard, open_set
from docrestore.denoising_presets import in_units
from docrestore.devices import pick_device, pick_precision
from docrestore.equal_noise import denoise_on, made_equal
from docrestore.held_out import held_out
from docrestore.images.series.scale import Scale
from docrestore.methods import METHODS
from docrestore.model_card import denoiser_facts
from docrestore.noisy import NoisyCrops, NoisyImages
from docrestore.smooth import Smooth
from docrestore.train import method_arguments
from docrestore.training import fit
from docrestore.weights import load, save_weights

__all__ = ["Bench", "result_file"]


def result_file(folder: Path, row: str) -> Path:
    """Where a row's result is, in the folder of its cell."""
    return folder / f"{re.sub('[^A-Za-z0-9]+', '-', row)}.json"


class Bench:
    """The rows of one cell: trains, scores and writes them.

    Args:
        plan: of denoising.yaml.
        cell: one of its cells, or of its real sets.
        budget: name of one of its budgets.
        seed: of the trainings.
        out: folder of the results, with a folder for the cell.
        data: folder that holds the sets.
        device: auto, cpu or cuda.
        commit: of the code; asked of git where it is not given.

    Raises:
        ValueError: if a set has the noise of another seed than the plan's.
    """

    def __init__(
        self,
        plan: Plan,
        cell: str,
        budget: str,
        *,
        seed: int = 0,
        out: Path,
        data: Path,
        device: str = "auto",
        commit: str | None = None,
    ) -> None:
        self.commit = provenance.commit() if commit is None else commit
        self.plan, self.cell, self.seed, self.device = plan, cell, seed, pick_device(device)
        self.budget_name, self.budget = budget, plan.budgets[budget]
        self.folder = out / f"{budget}-{seed}" / cell
        self.real = cell in plan.real
        if self.real:
            self.train = NoisyImages(data / cell)
            self.tested = [self.train]
        else:
            self.train = open_set(plan, plan.train, cell, "train", data)
            self.tested = [open_set(plan, name, cell, "test", data) for name in plan.tested]

    @cached_property
    def deviation(self) -> float:
        """Of the noise, in smooth windows of all images: the unit that GAN2GAN's rivals work in.

        GAN2GAN finds its own, in the images that it does not hold back.
        """
        return float(self._smooth(self.train).noise().std())

    def _smooth(self, images: NoisyImages) -> Smooth:
        """The windows that GAN2GAN would learn the noise of these images from."""
        side = self.budget.patch
        preset = replace(PRESETS["recommended"], window=side, stride=side // 4, wider=3 * side // 2)
        return preset.smooth(images)

    def path(self, row: str) -> Path:
        """Where a row's result is written; that of gan2gan comes when its last round is done."""
        return result_file(self.folder, row)

    def run(self, row: str) -> None:
        """Train and score a row, unless its file is there.

        Raises:
            LeakageError: if a test image is among those to learn from; nothing is trained then.
            ValueError: if the row would learn from the clean images of a real set.
        """
        if self.path(row).is_file():
            return
        if not self.real:
            guard(self.train, self.tested, self.cell, self.folder.parent.parent)
        how = self.plan.row(row)
        torch.manual_seed(self.seed)
        if "classical" in how:
            self._classical(row, how["classical"])
        elif how["method"] == "gan2gan":
            self._gan2gan(row, how)
        else:
            arguments = method_arguments(how["method"], how.get("words", []))
            method = METHODS[how["method"]](**in_units(self.deviation, arguments, "generator"))
            if self.real and method.wants:
                raise ValueError(
                    f"{row} learns from {' and '.join(method.wants)} images, and those of "
                    f"{self.cell} only score; take a row that learns from noisy images."
                )
            crops = NoisyCrops(self.train, self.budget.patch, seed=self.seed, wants=method.wants)
            log = fit(
                method, crops, self.budget.steps, self.folder / row, batch=self.budget.batch,
                seed=self.seed, device=self.device, progress=False, log_every=50,
            )  # fmt: skip
            seconds = log[-1]["seconds"]  # of all legs, where it was killed and went on
            steps, network = self.budget.steps, method.restorer
            worth = self._write(row, row, network, steps=steps, seconds=seconds)
            card = self._card(row, steps, seconds, worth)
            card |= {"model": method.model, "arguments": method.arguments}
            save_weights(self._weights(row), network, card)

    def _gan2gan(self, row: str, how: dict[str, Any]) -> None:
        budget, times = self.budget, how.get("game_times", 1)
        preset = replace(
            PRESETS[how.get("preset", "recommended")],
            steps=(times * budget.game_steps, budget.steps),
            batch=(budget.game_batch, budget.batch),
            patch=budget.patch,
            log_every=50,
            **how.get("settings", {}),
        )
        images, scale = made_equal(self.train) if how.get("photons") else (self.train, None)
        fitted = fit_denoiser(
            images, self.folder / row, preset=preset, seed=self.seed, device=self.device,
            progress=False,
        )  # fmt: skip
        seconds, worth = fitted.report["seconds"], dict[str, Any]()
        smooth = fitted.report["smooth"]
        scale = scale and scale.knowing(smooth["noise_std"] / 255)
        for number, (name, path) in enumerate(fitted.stages.items()):
            trained = number + ("g2" not in fitted.stages)  # g2 comes out of the game itself
            so_far = ["game", *list(fitted.stages)[: number + 1]]
            spent = sum(seconds.get(one, 0.0) for one in so_far)
            worth[name] = self._write(
                row,
                name if row == "gan2gan" else f"{row} {name}",
                load(path).to(self.device),
                scale=scale,
                steps=trained * budget.steps,
                game_steps=len(fitted.report["games"]) * preset.steps[0],
                seconds=spent,
                chosen=name == fitted.chosen,
                selection=fitted.report["selection"][name],
                true_error=self._true_error(path, fitted.report["held_out"], scale),
                smooth={key: smooth[key] for key in ("noise_std", "contamination", "windows")},
                std_ratios=[game["std_ratio"] for game in fitted.report["games"]],
            )
        trained = len(fitted.stages) - ("g2" in fitted.stages)
        card = self._card(row, trained * budget.steps, sum(seconds.values()), worth[fitted.chosen])
        card["game_steps"] = preset.steps[0]
        fitted.save(self._weights(row), **card)
        put_in_place(self.path(row), json.dumps(fitted.report, indent=1).encode())

    def _true_error(self, path: Path, names: list[str], scale: Scale | None) -> float:
        """What the choice had to estimate: root mean square on the images held out, in 1/255."""
        judges = [one for one in self.train if f"{one.set}/{one.id}" in names]
        network = load(path).to(self.device)
        restored = denoise_on(scale, network, [one.degraded for one in judges])
        pairs = zip(restored, judges, strict=True)
        wrong = [float(np.square(ours - one.clean).mean()) for ours, one in pairs]
        return 255 * float(np.mean(wrong)) ** 0.5

    def _weights(self, row: str) -> Path:
        return self.folder / row / "weights.safetensors"

    def _card(self, row: str, steps: int, seconds: float, worth: dict[str, Any]) -> dict[str, Any]:
        """What the card of a row's weights says beside the model, its arguments and the report."""
        return denoiser_facts(
            [f"{one.set}/{one.id}" for one in self.train],
            preset=row,
            patch=self.budget.patch,
            steps=steps,
            batch=self.budget.batch,
            seed=self.seed,
            seconds=round(seconds, 1),
            code=self.commit,
            device=provenance.device(self.device),
            left_out=self.plan.leave_out,
        ) | {
            "noise": self.cell,
            "metrics": {
                name if self.real else f"{name}-{self.cell}": {
                    "psnr_gray": one["psnr"],
                    "ssim_gray": one["ssim"],
                }
                for name, one in worth.items()
            },
        }

    def _classical(self, row: str, name: str) -> None:
        from docrestore.classical.noise import DENOISERS  # what trains needs no library of theirs

        begun, pages = time.perf_counter(), []
        for images in self.tested:
            restored = [
                DENOISERS[name](one.degraded, float((one.degraded - one.clean).std()))
                for one in images
            ]
            pages += scores(restored, images)
        facts: dict[str, Any] = {"seconds_to_restore": round(time.perf_counter() - begun, 1)}
        if self.real and name == "none":
            learnt = self.train.only(held_out(self.train.groups)[1])
            facts["light_ratio"] = light_ratio(self.train)
            facts["found"] = noise_found(self._smooth(learnt), learnt)
        self._note(row, row, pages, **facts)

    def _write(
        self,
        row: str,
        name: str,
        network: nn.Module,
        *,
        seconds: float,
        scale: Scale | None = None,
        **facts: Any,
    ) -> dict[str, Any]:
        """Score a network and note it; return its means."""
        begun, pages = time.perf_counter(), []
        for images in self.tested:
            noisy = [one.degraded for one in images]
            pages += scores(denoise_on(scale, network, noisy), images)
        steps, budget = facts["steps"], self.budget
        seen = steps * budget.batch + facts.get("game_steps", 0) * budget.game_batch
        return self._note(
            row,
            name,
            pages,
            parameters=sum(one.numel() for one in network.parameters()),
            precision=pick_precision("auto", self.device),
            megapixels_seen=round(seen * budget.patch**2 / 1e6, 1),
            seconds=round(seconds, 1),
            seconds_to_restore=round(time.perf_counter() - begun, 1),
            **facts,
        )

    def _note(
        self, row: str, name: str, pages: list[dict[str, Any]], **facts: Any
    ) -> dict[str, Any]:
        """Write a result, return its means: `row` is the plan's, `name` such as g2g1."""
        command = ["--cell", self.cell, "--rows", row, "--budget", self.budget_name]
        command += ["--seed", str(self.seed)]
        result = {
            "cell": self.cell,
            "row": name,
            "plan_row": row,
            "budget": self.budget_name,
            "seed": self.seed,
            **facts,
            "means": means(pages),
            "date": datetime.now(UTC).date().isoformat(),
            "command": shlex.join(["python", "-m", "docrestore.denoising_bench", *command]),
            "commit": self.commit,
            "versions": provenance.versions(),
            "machine": provenance.machine(torch.get_num_threads(), self.device),
            "pages": pages,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        put_in_place(self.path(name), json.dumps(result, indent=1).encode())
        print(self.cell, name, json.dumps(result["means"]), flush=True)
        return result["means"]
