"""The tables of all denoisers: over kinds of noise, over budgets, and what peeking buys."""

import importlib
from typing import Any

import pytest

from docrestore.ledger import Claim, denoisers, ours, peeking, verdict
from docrestore.ledger.denoisers import CHOSEN, OURS, WAYS, row
from docrestore.ledger.rows import metric_table
from docrestore.paths import here


def run(
    name: str,
    *psnr: float,
    cell: str = "gaussian-25",
    budget: str = "cells",
    seed: int = 0,
    steps: int | None = 100,
    plan_row: str | None = None,
) -> dict[str, Any]:
    """A result with so many images in each of two sets."""
    pages = [
        {"set": one, "id": f"{index}", "psnr": value, "ssim": 0.8, "ssim_released": 0.7}
        for one in ("bsd68", "set12")
        for index, value in enumerate(psnr)
    ]
    mean = sum(psnr) / len(psnr)
    facts: dict[str, Any] = {} if steps is None else {
        "steps": steps, "seconds": 60.0 * steps / 100, "megapixels_seen": 13.0
    }  # fmt: skip
    return facts | {
        "cell": cell, "row": name, "plan_row": plan_row or name, "budget": budget, "seed": seed,
        "pages": pages, "command": "c", "commit": "abc", "versions": {},
        "date": "2026-01-02", "machine": {"device": "cpu", "threads": 2},
        "means": {one: {"psnr": mean, "ssim": 0.8, "ssim_released": 0.7}
                  for one in ("bsd68", "set12")},
    }  # fmt: skip


def rounds(
    *means: float, chosen: int = 1, each: int = 100, way: str = OURS, **more: Any
) -> list[dict[str, Any]]:
    """The results of one training of GAN2GAN: first estimate, round 1, round 2."""
    found = []
    for number, (name, mean) in enumerate(zip(("noisier", "g2g1", "g2g2"), means, strict=True)):
        judged = {"total": 1.0 + (number != chosen), "residual": float(number)}
        name = f"{way} {name}" if way != "gan2gan" else name
        steps = each * (number + 1)
        judged["error"] = 10.0 - number
        one = run(name, mean - 1, mean + 1, steps=steps, plan_row=way, **more)
        one["true_error"] = 12.0 - number
        found.append(one | {"selection": judged})
    return found


RUNS = [
    run("noisy", 19.0, 21.0, steps=None),
    run("non-local means, sigma known", 26.0, 28.0, steps=None),
    run("wavelets, sigma known", 25.0, 27.0, steps=None),
    run("noise2clean", 28.0, 30.0),
    run("noise2void", 26.5, 28.0),
    *rounds(26.0, 28.0, 28.5),
    *rounds(26.0, 28.0, 27.5, cell="mixture-25"),
    run("noise2clean", 28.5, 30.5, budget="long", steps=800),
    *rounds(27.0, 28.5, 28.75, budget="long", chosen=2, each=800),
    *rounds(25.0, 27.0, 27.5, way="gan2gan"),
]


def test_a_row_is_the_mean_of_its_seeds_image_by_image() -> None:
    runs = [run("noise2void", 26.0, 28.0), run("noise2void", 27.0, 28.0, seed=1)]
    found = row(runs, "noise2void", "bsd68", "cells")
    assert found.pages["gaussian-25"]["psnr"] == [26.5, 28.0]
    assert found.means["gaussian-25"]["psnr"] == 27.25
    assert not row(runs, "noise2void", "bsd68", "long").pages


def test_rows_without_training_have_no_budget_and_the_ceiling_does_not_compete() -> None:
    names = ("noise2clean", "noise2void", CHOSEN)
    rows = [row(RUNS, name, "bsd68", "cells") for name in names]
    rows.append(denoisers.best_classical(RUNS, "bsd68"))
    text = metric_table(rows, ["gaussian-25", "mixture-25"], "psnr", head="restored by",
                        names=denoisers.spoken)  # fmt: skip
    lines = text.splitlines()
    assert lines[0] == "| restored by | gaussian 25 | mixture 25 | mean |"
    assert lines[2] == "| clean targets | 29.00 |  |  |"
    assert lines[4] == f"| {CHOSEN} | **28.00** | **28.00** | 28.00 |"
    assert "| 27.00 |" in lines[5] and "**" not in lines[5], "a bar is no competitor"


def test_the_chosen_round_is_set_against_a_rival_image_by_image() -> None:
    found = denoisers.versus(RUNS, "gaussian-25", CHOSEN, "noise2void", "bsd68", "cells")
    assert found is not None
    assert found[0] == pytest.approx((27 - 26.5 + 29 - 28) / 2)
    assert found[1] <= found[0] <= found[2]
    assert denoisers.versus(RUNS, "mixture-25", CHOSEN, "noise2void", "bsd68", "cells") is None


def test_what_peeking_buys_is_the_best_round_less_the_chosen() -> None:
    gains = peeking.gains(RUNS, "bsd68")
    assert gains["error"] == pytest.approx([0.5, 0.0, 0.0])
    assert gains["residual"] == pytest.approx([2.5, 2.0, 1.75])
    assert gains["last"] == pytest.approx([0.0, 0.5, 0.0])
    assert peeking.table(RUNS, "bsd68").splitlines()[2] == (
        "| gaussian 25 | 100 | 0 | round 1: 28.00 | first estimate: 26.00 | "
        "round 2: 28.50 | round 2: 28.50 | 0.50 |"
    )


def test_stages_that_tie_leave_the_last() -> None:
    """The rule of today is asked of the errors, not what was kept on the day of the run."""
    tied = rounds(26.0, 28.0, 28.5)
    tied[2]["selection"]["total"] = 1.05
    (found,) = denoisers.chosen(tied)
    assert denoisers.stage(found) == "round 2"


def test_costs_are_listed_from_the_least_budget_to_the_largest() -> None:
    table = denoisers.costs_table(RUNS, "gaussian-25", ["bsd68", "set12"])
    lines = [line.split(" | ")[:2] for line in table.splitlines()[2:]]
    assert [line[1] for line in lines] == [
        "", "", "", *("100", "200", "300") * 2, "100", "100", "800", "1,600", "2,400", "800",
    ]  # fmt: skip
    assert "| GAN2GAN, round 1 (chosen) | 200 | 13 | 2.0 | 28.00" in table
    assert "| plain GAN2GAN, round 1 (chosen) | 200 | 13 | 2.0 | 27.00" in table
    gpu = {"machine": {"device": "NVIDIA H100 80GB HBM3", "threads": 1}}
    table = denoisers.costs_table([run | gpu for run in RUNS], "gaussian-25", ["bsd68"])
    assert "| plain GAN2GAN, round 1 (chosen) | 200 | 13 | 2.0 H100 | 27.00" in table


def test_a_claim_is_judged_by_the_longest_training() -> None:
    result = denoisers.as_result(RUNS)
    assert result is not None
    found = ours({result.name: result}, "bsd68-gaussian-25")
    assert found == (result, CHOSEN)
    assert result.mean(CHOSEN, "psnr_gray", ["bsd68-gaussian-25"]) == pytest.approx(28.75)
    assert result.sets["bsd68-gaussian-25"]["images"] == 2
    claim = Claim("DnCNN-S", "yardstick", "bsd68-gaussian-25", {"psnr_gray": 29.9}, "", "", "", 2)
    assert verdict(claim, {result.name: result}).word == "we are below"
    assert denoisers.as_result([]) is None
    short = rounds(20.0, 21.0, 22.0, budget="stages")  # nobody trains a ceiling so shortly
    real = rounds(30.0, 31.0, 32.0, budget="real", cell="fmd_sample")
    for one in real:
        one["pages"] = [page | {"set": "fmd_sample"} for page in one["pages"]]
    assert denoisers.as_result([*RUNS, *short, *real]) == result


def test_the_ledger_page_has_the_runs(monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(here("book")))
    page = importlib.import_module("ledger_page")
    monkeypatch.setattr(page.denoisers, "read_runs", lambda: RUNS)
    text = page.ledger_page()
    assert "| gan2gan-denoise | denoise | 8 | photographs made noisy | 2026-01-02 |" in text
    (line,) = [line for line in text.splitlines() if "bsd68-gaussian-25 | GAN2GAN |" in line]
    assert "28.75" in line and "no verdict" in line, "other images"


def test_a_curve_counts_all_rounds_that_the_choice_is_made_among() -> None:
    (run,) = denoisers.chosen(rounds(26.0, 28.0, 28.5))
    assert run["seconds"] == 120 and denoisers.seconds(RUNS, run) == 180


def test_published_means_stand_in_the_columns_of_our_noise() -> None:
    claims = [Claim("GAN2GAN", "paper", "bsd68-mixture-25",
                    {"psnr_gray": 39.65, "ssim_released": 0.98}, "", "", "")]  # fmt: skip
    found = denoisers.published(claims, "GAN2GAN", "bsd68")
    assert found.means == {"mixture-25": {"psnr": 39.65, "ssim_released": 0.98}}
    assert not found.pages


def test_every_part_of_the_chapter_is_made_or_says_what_makes_it(monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(here("book")))
    parts = importlib.import_module("gan2gan_parts")

    def made(runs: list[dict[str, Any]]) -> tuple[dict[str, str], list[str], list[str]]:
        monkeypatch.setattr(parts.denoisers, "read_runs", lambda: runs)
        texts = parts.gan2gan_parts([])
        del texts["gan2gan_speed.md"], texts["gan2gan_budget.md"]  # from elsewhere
        missing = [name for name, text in texts.items() if "denoising_bench" in text]
        return texts, missing, sorted(parts.gan2gan_figures())

    texts, missing, figures = made([])
    assert missing == list(texts) and not figures
    texts, missing, figures = made(RUNS)
    rest = ["gan2gan_correlated-25.md", "gan2gan_stages.md", "gan2gan_real.md"]
    assert missing == [*rest, "gan2gan_real_ssim.md", "gan2gan_real_noise.md"]
    assert figures == ["gan2gan/costs.png"]
    gain = "+1.00 (+1.00 to +1.00)".replace(" to ", "\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}")
    line = f"| gaussian 25 | 100 | 25.00 | 26.00 | 27.00 | 28.00 | {gain} |"
    assert texts["gan2gan_units.md"].splitlines()[2:] == [line], "both ways, not the one alone"
    assert "| gaussian 25 | 800 |  |  | -0.75" in texts["gan2gan_rivals.md"]
    assert "Below the best round of 3 trainings end" in texts["gan2gan_peeking.md"]
    line = "| gaussian 25 | 100 | 10.00 | 12.00 | 9.00 | 11.00 |"
    assert line in texts["gan2gan_estimates.md"].splitlines()
    texts, missing, figures = made([*RUNS, *_stages(), *_real()])
    assert missing == rest[:1]
    assert "| restored by | FMD (2) |" in texts["gan2gan_real.md"]
    assert "| the noisy image | 20.00 |" in texts["gan2gan_real.md"]
    assert "| Noise2Void | 30.00 | 30.00 |" in texts["gan2gan_real.md"]
    assert "| GAN2GAN on roots, chosen blindly | **32.00** | 32.00 |" in texts["gan2gan_real.md"]
    assert "| Noise2Void | **0.800** | 0.800 |" in texts["gan2gan_real_ssim.md"]
    assert [line.split("|")[2].strip() for line in texts["gan2gan_real_noise.md"].splitlines()] == [
        "FMD (2)", "--:", "15.2", "12.3", "8.0", "7.0", "3.9", "2.0", "11.0", "+9.0",
    ]  # fmt: skip
    assert figures == ["gan2gan/costs.png", "gan2gan/stages.png"]
    assert "| quiet | 27.50 | GAN2GAN | -1.00 |" in texts["gan2gan_stages.md"]
    assert "| game, fresh chance | 28.00 | game of five | +1.00 |" in texts["gan2gan_stages.md"]
    assert "sigmoid" not in texts["gan2gan_stages.md"], "what it was changed in was not run"
    assert "killed" not in texts["gan2gan_stages.md"], "its last round is missing"


def _real() -> list[dict[str, Any]]:
    runs = [
        run("noise2void", 30.0, cell="fmd_sample", budget="real", steps=50),
        run("noisy", 20.0, cell="fmd_sample", steps=None)
        | {
            "light_ratio": 15.15,
            "found": {"everywhere": 12.34, "shown": 8.0, "noise": 7.0, "scene": 3.9},
        },
        *rounds(26.0, 28.0, 27.5, cell="fmd_sample", budget="real"),
    ]
    roots = rounds(31.0, 32.0, 33.0, cell="fmd_sample", budget="real")
    runs += [one | {"plan_row": "gan2gan photons"} for one in roots]
    for one in runs:
        one["smooth"] = {"noise_std": 8.0, "contamination": 2.0}
        one["pages"] = [page | {"set": "fmd_sample"} for page in one["pages"][:2]]
    return runs


def _stages() -> list[dict[str, Any]]:
    runs = []
    for seed in (0, 1):
        runs += rounds(26.0, 28.0, 28.5, budget="stages", seed=seed)
        others = {"quiet": 27.5, "game of five": 27.0, "game, fresh chance": 28.0,
                  "DnCNN of 7, sigmoid": 20.0}  # fmt: skip
        for name, last in others.items():
            found = rounds(19.0, 19.5, last, budget="stages", seed=seed)
            runs += [one | {"plan_row": f"gan2gan {name}"} for one in found]
    killed = rounds(19.0, 19.5, 20.0, budget="stages")[:2]
    return [*runs, *(one | {"plan_row": "gan2gan killed"} for one in killed)]


RECORDED = denoisers.read_runs()  # what the book's tables are made of


def recorded(cell: str, rival: str) -> list[float]:
    """By how much the chosen stage of each way is above a rival, in dB."""
    found = [denoisers.versus(RECORDED, cell, name, rival, "bsd68", "small")
             for name in WAYS.values()]  # fmt: skip
    assert any(found)
    return [one[0] for one in found if one]


def test_the_recorded_runs_hold_what_the_chapter_says() -> None:
    """Sigma 25 from noisy images alone, its ceiling, and Noise2Void, in the ledger as committed."""
    small = [one for one in RECORDED if (one["cell"], one["budget"]) == ("gaussian-25", "small")]
    blind = denoisers.chosen([one for one in small if one["seed"] == 0], WAYS)
    assert blind
    for one in blind:
        assert one["means"]["bsd68"]["psnr"] >= 28.3
        assert denoisers.seconds(small, one) <= 30 * 60
    ceilings = [
        one["means"]["bsd68"]["psnr"]
        for one in RECORDED
        if one["cell"] == "gaussian-25" and one["plan_row"].startswith("noise2clean")
    ]
    assert max(ceilings) >= 29.1
    assert min(recorded("gaussian-25", "noise2void")) >= 0.5
    assert min(recorded("correlated-25", "noise2void")) >= 1.0


def test_recorded_rounds_improve_on_the_first_estimate_and_keep_it() -> None:
    scores: dict[tuple[str, str, str, int], dict[str, float]] = {}
    for one in RECORDED:
        if one["plan_row"] in WAYS and "bsd68" in one["means"]:
            key = one["plan_row"], one["cell"], one["budget"], one["seed"]
            scores.setdefault(key, {})[denoisers.stage(one)] = one["means"]["bsd68"]["psnr"]
    assert scores
    for key, found in scores.items():
        assert found["round 1"] > found["first estimate"], key
        if "round 3" in found:
            assert found["round 3"] >= found["round 1"] - 0.05, key
