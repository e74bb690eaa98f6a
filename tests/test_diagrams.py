"""The picture of a network tells the truth about it."""

import pytest
import torch

from docrestore.models import MODELS
from docrestore.viz.diagrams import diagram, stages

OTHERS = ("discriminator", "critic", "noise", "noise-field")
RESTORERS = [name for name in MODELS if not name.endswith(OTHERS)]
PAGE = torch.rand(1, 1, 32, 32)


@pytest.mark.parametrize("name", RESTORERS)
def test_every_parameter_is_in_the_picture(name: str) -> None:
    """Names are names in the code, and together the parts are the whole network.

    A part that is passed several times is as many boxes, and counts once.
    """
    network = MODELS[name]()
    row = stages(network, PAGE)
    assert {stage.name for stage in row} <= dict(network.named_modules()).keys()
    parts = {stage.name: stage.parameters for stage in row}
    assert sum(parts.values()) == sum(p.numel() for p in network.parameters())
    assert row[0].inputs[0][0] == "degraded"


def test_skips_are_found() -> None:
    """Each stage of the way up sees its twin of the way down, and what came up."""
    row = {stage.name: stage for stage in stages(MODELS["de_gan"](width=64), PAGE)}
    for level in "1234":
        assert [name for name, _ in row[f"decode{level}"].inputs] == [
            f"encode{level}",
            f"up{level}",
        ]
    assert row["encode2"].inputs == (("encode1", ("max pool",)),)
    assert row["middle"].shape == (1, 64, 2, 2)


def test_a_critic_is_opened_where_asked() -> None:
    """`into` shows the layers of a part that would else be one box."""
    critic = MODELS["de_gan-discriminator"](width=8)
    assert [s.name for s in stages(critic, PAGE, PAGE)] == ["layers"]
    inside = stages(critic, PAGE, PAGE, into=["layers"])
    assert len(inside) == 8 and inside[-1].shape == (1, 1, 2, 2)


@pytest.mark.parametrize("name", RESTORERS)
def test_the_picture_names_the_parts(name: str) -> None:
    """All names stand in the figure, and none outside it."""
    figure = diagram(MODELS[name](), PAGE)
    words = [text.get_text() for text in figure.axes[0].texts]
    assert {stage.name for stage in stages(MODELS[name](), PAGE)} <= set(words)


def test_the_pyramid_is_found() -> None:
    """Each lateral hangs on the way down and joins what comes up; `forward` asks about shapes."""
    row = {stage.name: stage for stage in stages(MODELS["ra_gan-compact"](), PAGE)}
    assert row["lateral.1"].inputs == (("encode.0", ()),)
    assert {name for name, _ in row["smooth"].inputs} == {"up.0", "lateral.0"}
    assert row["stem"].shape == (1, 32, 16, 16)
