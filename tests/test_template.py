"""The template of `Add your own method`: what the page tells a reader to do, done in a folder."""

import doctest
import importlib.util
import shutil
import sys
from pathlib import Path

import pytest
import test_diagrams
import test_inference
import test_methods
import test_models
import yaml

from data_prep.drawn_pages import prepare
from docrestore import evaluation, ledger, parameters, record, weights, workflow
from docrestore.ledger import results, tables
from docrestore.methods import METHODS
from docrestore.models import MODELS
from docrestore.paths import here
from docrestore.train import main as train

TEMPLATE = here("templates", "method")
NAME = "my_method-binarize"
WORDS = ["--steps=120", "--batch=4", "--patch=64", "--log-every=20", "--device=cpu"]


def module(kind: str, name: str):
    """A file of the template, imported under the name that it has once it is copied into lib."""
    whole = f"docrestore.{kind}.{name}"
    spec = importlib.util.spec_from_file_location(whole, TEMPLATE / kind / f"{name}.py")
    assert spec and spec.loader
    sys.modules[whole] = found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture(scope="module", autouse=True)
def registered():
    """The two lines that a reader adds to MODELS and to METHODS, for this file alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS, "my_net", module("models", "my_net").MyNet)
        patch.setitem(METHODS, "my_method", module("methods", "my_method").MyMethod)
        yield
    for whole in ("docrestore.models.my_net", "docrestore.methods.my_method"):
        del sys.modules[whole]


def test_the_doctest_pins_count_and_shape():
    ran = doctest.testmod(sys.modules["docrestore.models.my_net"])
    assert ran.attempted and not ran.failed and "p.numel()" in MODELS["my_net"].__doc__


def test_the_tests_that_go_over_the_registries_pass(tmp_path, capsys):
    """The page says that these run by themselves for what is listed; they must let it through."""
    for size in ((1, 1), (17, 16), (40, 56)):
        test_models.test_a_restorer_keeps_any_size("my_net", size)
        test_inference.test_every_network_takes_every_size("my_net", size)
    test_models.test_gradients_reach_every_parameter("my_net")
    test_models.test_a_page_does_not_depend_on_its_neighbours("my_net")
    test_models.test_save_and_load("my_net", tmp_path)
    test_methods.test_a_step_trains_every_player_and_says_how_it_went("my_method")
    test_methods.test_a_method_has_what_fit_and_the_card_ask_for("my_method")
    assert all("my_net" not in one.RESTORERS for one in (test_models, test_diagrams))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a drawn set in data/mini and the weights of a few steps on it."""
    home = tmp_path_factory.mktemp("home")
    prepare(home / "data" / "mini", task="binarize", pages=5, size=(160, 200), progress=False)
    words = ["my_method", "--data", str(home / "data" / "mini"), *WORDS]
    train([*words, "--run-dir", str(home / "runs" / NAME), "--set", "overlap=1"])
    return home


def test_its_card_says_what_it_is(trained):
    card = weights.card(trained / "runs" / NAME / "weights.safetensors")
    assert (card["model"], card["arguments"], card["method"]) == ("my_net", {}, "my_method")
    assert card["task"] == "binarize" and card["method_arguments"] == ["overlap=1"]
    assert [page for page, *_ in card["trained_on"]] == [f"mini/0000{i}" for i in (0, 1, 2, 4)]
    assert weights.load(trained / "runs" / NAME / "weights.safetensors").card == card


def test_its_row_is_recorded_and_stands_in_the_tables_of_compare(trained, monkeypatch, capsys):
    """Shipped, listed in rows.yaml, recorded, compared; the pages alone are smaller ones."""
    shipped, ledger_dir = trained / "shipped", trained / "results"
    shipped.mkdir()
    shutil.copy(trained / "runs" / NAME / "weights.safetensors", shipped / f"{NAME}.safetensors")
    monkeypatch.setattr(weights, "SHIPPED", shipped)
    monkeypatch.setattr(results, "FOLDER", (str(ledger_dir),))
    monkeypatch.setattr(evaluation.provenance, "commit", lambda: "abc")  # nothing uncommitted
    (row,) = record.read_rows(TEMPLATE / "rows.yaml")
    assert row["name"] == NAME
    monkeypatch.setattr(
        record, "read_rows", lambda: [row | {"sets": [str(trained / "data" / "mini")]}]
    )
    assert record.main([NAME]) == 0
    assert weights.card(NAME)["metrics"]["mini"]["fm"] > 30  # of the best classical one 65

    found = results.read_all(ledger_dir)
    assert found[NAME].subjects[NAME]["parameters"] == 12161
    assert {"otsu", "sauvola", NAME} <= found[NAME].subjects.keys()
    assert f"| {NAME} | binarize | 1 | drawn by this book |" in tables.runs_table(found)
    mean = found[NAME].mean(NAME, "fm")
    assert ledger.ours(found, "mini", ["my_method"]) == (found[NAME], NAME)
    assert f"{mean:.2f} (" in tables.years_table(found, [], "fm", ["my_method"])
    assert f"| {NAME} | {mean:.2f} |" in results.table(found[NAME], ["fm", "psnr"])
    assert NAME in capsys.readouterr().out


def test_its_rows_and_sections_fit_notebooks_like_those_of_the_book(tmp_path, monkeypatch):
    """A reader copies a method's notebooks first; the blocks of text must fit such copies."""
    section = yaml.safe_load((TEMPLATE / "smoke.yaml").read_text())
    listed = [entry["notebook"] for entry in yaml.safe_load((TEMPLATE / "runs.yaml").read_text())]
    (tmp_path / "notebooks" / "my_method").mkdir(parents=True)
    for notebook in listed:
        source = here("notebooks", "de_gan", f"{Path(notebook).name}.ipynb")
        shutil.copy(source, tmp_path / "notebooks" / f"{notebook}.ipynb")
    assert section.keys() == set(listed)
    monkeypatch.setenv("DOCRESTORE_HOME", str(tmp_path))
    assert list(workflow.rows(TEMPLATE / "runs.yaml")) == listed
    for notebook in listed:
        parameters.merge(here("notebooks", f"{notebook}.ipynb"), section, {})
    pages = [
        one["file"] for one in yaml.safe_load((TEMPLATE / "toc.yml").read_text())[0]["chapters"]
    ]
    assert pages == ["chapters/my_method", *(f"_executed/{notebook}" for notebook in listed)]
