"""A picture of a network, drawn from the network itself.

The graph is traced with torch.fx. So a name in the picture is a name in the code, a size was
measured, and an arrow is a tensor that really flows. Parts without parameters (pooling, joining,
dropout) are written on the arrows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle
from torch import Tensor, fx, nn

from docrestore.viz import PALETTE, WIDTH

__all__ = ["Stage", "diagram", "stages"]

OPERATIONS = {  # in Python's words -> in ours
    "max_pool2d": "max pool",
    "cat": "concatenate",
    "add": "add",
    "interpolate": "x 2",
    "pixel_unshuffle": "fold 2 x 2",
    "pixel_shuffle": "unfold 2 x 2",
    "sigmoid": "sigmoid",
    "Dropout": "dropout",
}


@dataclass(frozen=True)
class Stage:
    """One part with parameters.

    Args:
        name: as in the code, such as "encode1" or "encode.0".
        shape: of its output, (B, C, H, W).
        parameters: their number.
        inputs: (name of the part or of the input, operations on the way), one for each tensor.
    """

    name: str
    shape: tuple[int, ...]
    parameters: int
    inputs: tuple[tuple[str, tuple[str, ...]], ...]


class _Tracer(fx.Tracer):
    """Follows `forward` and looks into no part, except those named."""

    def __init__(self, into: Sequence[str], inputs: Sequence[Tensor]) -> None:
        super().__init__()
        self.into, self.inputs = into, inputs

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:  # noqa: N803
        return module_qualified_name not in self.into

    def to_bool(self, obj: fx.Proxy) -> bool:
        """Where `forward` asks about a shape, take the way that the example inputs take."""
        so_far, copies = fx.Graph(), {}
        so_far.graph_copy(self.graph, copies)
        so_far.output(copies[obj.node])
        so_far.eliminate_dead_code()
        return bool(fx.Interpreter(fx.GraphModule(self.root, so_far)).run(*self.inputs))


def stages(network: nn.Module, *inputs: Tensor, into: Sequence[str] = ()) -> list[Stage]:
    """The parts of a network in the order in which `forward` calls them.

    Args:
        network: any whose `forward` torch.fx can trace; left in eval mode.
        inputs: example tensors, (B, C, H, W); they set the sizes that are reported. A network
            with a `prepare` is given its result, as in use.
        into: names of parts to look into, such as "layers".
    """
    network = network.eval()
    if prepare := getattr(network, "prepare", None):
        inputs = (prepare(inputs[0]), *inputs[1:])
    graph = _Tracer(into, inputs).trace(network)
    recorder = _Recorder(fx.GraphModule(network, graph))
    with torch.no_grad():
        recorder.run(*inputs)
    parts = dict(network.named_modules())
    found: list[Stage] = []
    for node in graph.nodes:
        if not _is_stage(node, parts):
            continue
        size = _size(parts[str(node.target)])
        before = tuple(_sources(node, parts))
        found.append(Stage(str(node.target), recorder.shapes[node.name], size, before))
    return found


class _Recorder(fx.Interpreter):
    """Runs a traced network and notes the shape of every tensor."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.shapes: dict[str, tuple[int, ...]] = {}

    def run_node(self, n: fx.Node) -> object:
        value = super().run_node(n)
        if isinstance(value, Tensor):
            self.shapes[n.name] = tuple(value.shape)
        return value


def _size(part: nn.Module) -> int:
    return sum(p.numel() for p in part.parameters())


def _is_stage(node: fx.Node, parts: dict[str, nn.Module]) -> bool:
    return node.op == "call_module" and _size(parts[str(node.target)]) > 0


def _sources(
    node: fx.Node, parts: dict[str, nn.Module], way: tuple[str, ...] = ()
) -> list[tuple[str, tuple[str, ...]]]:
    """The nearest parts that feed a node, each with the operations on the way."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for source in node.all_input_nodes:
        if _is_stage(source, parts) or source.op == "placeholder":
            found.append((str(source.target), way))
        elif source.name not in ("getattr", "shape") and "neg" not in source.name:
            found += _sources(source, parts, (*_word(source, parts), *way))
    return list(dict.fromkeys(found))


def _word(node: fx.Node, parts: dict[str, nn.Module]) -> tuple[str, ...]:
    if node.op == "call_module":
        name = type(parts[str(node.target)]).__name__
    else:
        name = getattr(node.target, "__name__", str(node.target))
    return (OPERATIONS[name],) if name in OPERATIONS else ()


def diagram(network: nn.Module, *inputs: Tensor, into: Sequence[str] = ()) -> Figure:
    """Draw the parts from left to right, coarse ones low; a dashed arrow leads past coarser parts.

    Under a part stand the channels and the side of its output. The colour changes after the
    largest part, which in a U-Net is the bottom. Arguments as in `stages`.
    """
    row = stages(network, *inputs, into=into)
    side = inputs[0].shape[-1]
    sides = [stage.shape[-1] for stage in row]
    bottom = max(range(len(row)), key=lambda i: row[i].parameters)
    place = {
        stage.name: (i + 1.0, -1.25 * math.log2(max(side / stage.shape[-1], 1)))
        for i, stage in enumerate(row)
    }
    floor = min(y for _, y in place.values())
    figure = Figure(figsize=(WIDTH, 1.6 - 0.5 * floor), layout="constrained")
    axis = figure.subplots()
    axis.set_axis_off()
    raised = False
    for i, stage in enumerate(row):
        end = place[stage.name]
        for source, _ in stage.inputs:
            start = place.get(source, (0.0, end[1]))
            _arrow(axis, start, end, skips=_skips(row, source, i))
        raised = i > 0 and sides[i] == sides[i - 1] and not raised
        _box(axis, end, stage, PALETTE[0 if i <= bottom else 2], raised)
    axis.text(0, place[row[0].name][1], "page", ha="center", va="center", fontsize=9)
    axis.text(len(row) + 0.4, floor - 0.9, _legend(row), ha="right", va="bottom", fontsize=9)
    axis.set_xlim(-0.5, len(row) + 0.5)
    axis.set_ylim(floor - 1.1, max(y for _, y in place.values()) + 1.6)
    return figure


def _skips(row: Sequence[Stage], source: str, to: int) -> bool:
    """Whether the way from a part to part number `to` of the row leads past coarser ones."""
    start = next((i for i, stage in enumerate(row) if stage.name == source), to)
    side = min(row[start].shape[-1], row[to].shape[-1])
    return any(one.shape[-1] < side for one in row[start + 1 : to])


def _legend(row: Sequence[Stage]) -> str:
    """What happens on the arrows: on the way down, on the way up, and where a skip comes in."""
    order = {stage.name: i for i, stage in enumerate(row)}
    words: dict[str, list[str]] = {"down": [], "up": [], "dashed": []}
    for i, stage in enumerate(row):
        for source, way in stage.inputs:
            if _skips(row, source, i):
                words["dashed"] += way
            elif source in order:
                finer = stage.shape[-1] > row[order[source]].shape[-1]
                coarser = stage.shape[-1] < row[order[source]].shape[-1]
                joined = {"concatenate", "add"} | set(words["dashed"])
                words["up"] += [word for word in way if finer and word not in joined]
                words["down"] += way if coarser else ()
    return "\n".join(f"{k}: {', '.join(dict.fromkeys(v))}" for k, v in words.items() if v)


def _box(axis: Axes, at: tuple[float, float], stage: Stage, color: str, raised: bool) -> None:
    x, y = at
    axis.add_patch(Rectangle((x - 0.32, y - 0.28), 0.64, 0.56, facecolor=color))
    axis.text(
        *(x, y + (0.68 if raised else 0.36)),
        stage.name,
        ha="center",
        va="bottom",
        fontsize=8,
        family="monospace",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
        zorder=3,
    )
    channels, side = stage.shape[1], stage.shape[-1]
    axis.text(
        *(x, y - 0.36),
        f"{channels}\n{side}²",
        ha="center",
        va="top",
        fontsize=8,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.3},
        zorder=2,
    )


def _arrow(
    axis: Axes, start: tuple[float, float], end: tuple[float, float], *, skips: bool
) -> None:
    lift = 0.15 if skips else 0.0
    axis.add_patch(
        FancyArrowPatch(
            (start[0] + 0.32, start[1] + lift),
            (end[0] - 0.32, end[1] + lift),
            arrowstyle="-|>",
            mutation_scale=9,
            linestyle="--" if skips else "-",
            color=PALETTE[1] if skips else "#444444",
            connectionstyle="arc3,rad=-0.06" if skips else "arc3",
            linewidth=1.1,
            zorder=0,
        )
    )
