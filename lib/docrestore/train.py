"""Train a method from the command line: `python -m docrestore.train de_gan --data data/X ...`.

The same command under torchrun is the road to several processors or GPUs:
`torchrun --nproc_per_node=2 -m docrestore.train de_gan ...`.

With `--task denoise` the folders hold noisy images, and a method gets what it `wants` beside them.
"""

import argparse
import inspect
import json
from pathlib import Path

import torch
import yaml

from docrestore.checkpoints import TrainingError
from docrestore.data import Crops, PairedPages
from docrestore.methods import METHODS
from docrestore.methods.gan2gan import GAN2GAN
from docrestore.model_card import denoiser_card, model_card, parent
from docrestore.noisy import NoisyAndNoise, NoisyCrops, NoisyImages
from docrestore.paths import here
from docrestore.provenance import commit, device, file_hash
from docrestore.smooth import choose
from docrestore.training import fit
from docrestore.weights import load, locate, save_weights


def parser() -> argparse.ArgumentParser:
    """The command line's arguments."""
    p = argparse.ArgumentParser(prog="python -m docrestore.train", description=__doc__)
    p.add_argument("method", choices=METHODS)
    p.add_argument("--data", nargs="+", type=Path, required=True, help="folders with a manifest")
    p.add_argument("--split", default="train", help="rows of the manifests to use")
    p.add_argument("--leave-out", nargs="*", default=[], metavar="SET/ID", help="pages not to use")
    p.add_argument("--start-from", type=Path, help="weights to begin with instead of random ones")
    p.add_argument("--old", type=float, help="0 to 1: age crops further (1 for binarize, else 0)")
    p.add_argument("--zoom", type=float, help="scale crops by 1/zoom to zoom (1.4)")
    p.add_argument("--turned", type=float, help="share of crops that are turned (0.3)")
    p.add_argument("--task", default="binarize")
    p.add_argument("--steps", type=int, default=1000)
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--patch", type=int, default=256)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--run-dir", type=Path, required=True)
    p.add_argument("--save-every", type=float, default=60.0, help="seconds")
    p.add_argument("--log-every", type=int, default=10, help="steps a line of the log")
    p.add_argument("--precision", default="auto")
    p.add_argument("--device", default="auto")
    p.add_argument(
        "--lam", type=float, help="lambda of the smooth windows (default: the smoothest)"
    )
    p.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="of the method")
    return p


def method_arguments(method: str, pairs: list[str]) -> dict:
    """Turn NAME=VALUE words into arguments of a method; refuse names it does not have."""
    known = inspect.signature(METHODS[method]).parameters
    values = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        if name not in known:
            raise ValueError(f"{method} has no argument {name!r}; it has: {', '.join(known)}.")
        value = yaml.safe_load(text)
        if isinstance(known[name].default, float):
            try:
                value = float(value)  # YAML reads 1e-3 as text
            except (TypeError, ValueError):
                raise ValueError(f"{name} must be a number, got {text!r}.") from None
        values[name] = value
    return values


def weights_name(path: Path) -> str:
    """A shipped name as it is; of runs/NAME/weights.safetensors the NAME."""
    return path.parent.name if path.name == "weights.safetensors" else path.stem


def begin_with(method, network: torch.nn.Module) -> None:
    """Copy trained numbers into a method's generator and its running average."""
    for name in ("generator", "restorer"):
        if name in method.networks:
            method.networks[name].load_state_dict(network.state_dict())


def main(words: list[str] | None = None) -> None:
    """Train, then write weights.safetensors with its card into the run's folder."""
    args = parser().parse_args(words)
    try:
        train(args)
    except (ValueError, OSError, TrainingError) as error:
        raise SystemExit(str(error)) from None


def page_crops(args: argparse.Namespace, method) -> tuple[Crops, dict]:
    """Crops of pages and their truths; and what they are made of, for the checkpoint."""
    pages = PairedPages(
        *map(here, args.data),
        split=args.split,
        leave_out=args.leave_out,
        colour=method.channels == 3,
    )
    old = float(args.task == "binarize") if args.old is None else args.old
    zoom = 1.4 if args.zoom is None else args.zoom
    turned = 0.3 if args.turned is None else args.turned
    crops = Crops(pages, args.patch, seed=args.seed, old=old, zoom=zoom, turned=turned)
    names = [f"{one}/{row['id']}" for one, row in zip(pages.sets, pages.rows, strict=True)]
    return crops, {"pages": names, "crops": [args.patch, args.seed, old, zoom, turned]}


def noisy_crops(args: argparse.Namespace, method) -> tuple[NoisyCrops | NoisyAndNoise, dict]:
    """Crops of noisy images, mirrored and flipped, never aged, zoomed or turned; as above."""
    given = [f"--{name}" for name in ("old", "zoom", "turned") if getattr(args, name) is not None]
    if given:
        raise ValueError(
            f"--task denoise has no {', '.join(given)}: to age, scale or turn a crop would change "
            "its noise. Leave that out."
        )
    images = NoisyImages(*map(here, args.data), split=args.split, leave_out=args.leave_out)
    names = [f"{one}/{row['id']}" for one, row in zip(images.sets, images.rows, strict=True)]
    about = {"images": names, "patch": args.patch}
    if args.lam is not None and "noise" not in method.wants:
        raise ValueError(f"{args.method} looks for no smooth windows; leave --lam out.")
    if "noise" in method.wants:
        about["lambda"] = args.lam
        stride = max(2, args.patch // 8 * 2)
        smooth = choose(
            images, args.lam, at_least=None, window=args.patch, stride=stride, level="plane"
        )
        return NoisyAndNoise(images, smooth, args.patch, seed=args.seed), about
    return NoisyCrops(images, args.patch, seed=args.seed, wants=method.wants), about


def train(args: argparse.Namespace) -> None:
    """What `main` does, with errors as they are."""
    code = commit()  # before the hours in which somebody may edit it
    torch.manual_seed(args.seed)
    method = METHODS[args.method](**method_arguments(args.method, args.set))
    begun = None
    if args.start_from:
        network = load(args.start_from)
        begin_with(method, network)
        file = locate(args.start_from)
        begun = parent(weights_name(file), file_hash(file), network.card)  # type: ignore[arg-type]
    crops, made_of = (noisy_crops if args.task == "denoise" else page_crops)(args, method)
    about = {"method": args.method, "arguments": args.set}
    about |= {"start_from": begun and begun["sha256"]} | made_of
    run_dir = here(args.run_dir)
    log = fit(
        method,
        crops,
        args.steps,
        run_dir,
        batch=args.batch,
        seed=args.seed,
        save_every=args.save_every,
        log_every=args.log_every,
        precision=args.precision,
        device=args.device,
        about=about,
    )
    if torch.distributed.is_initialized() and torch.distributed.get_rank():
        return
    facts = {
        "preset": args.method,
        "steps": args.steps,
        "batch": args.batch,
        "seed": args.seed,
        "seconds": log[-1]["seconds"] if log else 0.0,
        "code": code,
        "device": device(args.device),
        "method_arguments": args.set,
        "left_out": args.leave_out,
        "start_from": begun,
    }
    if isinstance(crops, Crops):
        card = model_card(method, crops, task=args.task, **facts)
    else:
        card = denoiser_card(method, made_of["images"], patch=args.patch, **facts)
    save_weights(run_dir / "weights.safetensors", method.restorer, card)
    if isinstance(method, GAN2GAN):  # what gan2gan-pairs takes as noise=FILE
        kind, arguments = method.noise_kind
        known = {"model": kind, "arguments": arguments}
        save_weights(run_dir / "noise.safetensors", method.noise_network, known, half=False)
    print(json.dumps({k: v for k, v in card.items() if k != "trained_on"}))


if __name__ == "__main__":
    main()
