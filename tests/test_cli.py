"""The command line, as an archivist uses it."""

import json
import os
import signal
import struct
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from shell import Ran, docrestore, report, small_weights, written_page

from docrestore import images, restoring, weights
from docrestore.images.colour_profiles import gray_twin
from docrestore.images.output import PART, made_by
from docrestore.ledger import binarizers, results
from docrestore.ledger.rows import difference
from docrestore.restoring.collecting import collect
from docrestore.restoring.report import Report

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return small_weights(tmp_path_factory.mktemp("weights") / "small.safetensors")


@pytest.fixture(scope="module")
def cleaner(tmp_path_factory) -> Path:
    return small_weights(tmp_path_factory.mktemp("weights") / "cleaner.safetensors", task="clean")


def restore(*words: object) -> Ran:
    return docrestore("restore", *words, "--runtime", "torch")


def scans(folder: Path, *names: str) -> Path:
    for name in names or ("a.png", "b.jpg", "deep/er/c.tif"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(written_page()).save(folder / name)
    return folder


def files(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_a_folder_keeps_its_structure(tmp_path, model):
    ran = restore(scans(tmp_path / "in"), "-o", tmp_path / "out", "--model", model)
    assert ran.status == 0 and ran.out == ""
    assert files(tmp_path / "out") == {"a.png", "b.png", "deep/er/c.tif", "report.json"}
    assert ran.err.splitlines()[-1].startswith("3 restored. The report is in ")


def test_several_inputs_get_folders_of_their_own(tmp_path, model):
    one, two = scans(tmp_path / "one", "x.png"), scans(tmp_path / "two", "x.png")
    single = scans(tmp_path, "y.jpg") / "y.jpg"
    restore(one, two, single, "-o", tmp_path / "out", "--model", model)
    assert files(tmp_path / "out") == {"one/x.png", "two/x.png", "y.png", "report.json"}


def test_one_file_to_a_name_of_its_own(tmp_path, model):
    page = scans(tmp_path, "a.jpg") / "a.jpg"
    ran = restore(page, "-o", tmp_path / "result.tif", "--model", model)
    assert ran.status == 0
    assert files(tmp_path) == {"a.jpg", "result.tif", "result.tif.report.json"}


def test_results_that_would_share_a_name_get_longer_ones(tmp_path, model):
    folder = scans(tmp_path / "in", "a.png", "a.jpg", "A.bmp", "b.png")
    restore(folder, "-o", tmp_path / "out", "--model", model)
    assert files(tmp_path / "out") == {
        "a.png.png", "a.jpg.png", "A.bmp.png", "b.png", "report.json"
    }  # fmt: skip


def test_two_inputs_with_one_name_are_told_apart_or_refused(tmp_path, model):
    one, two = scans(tmp_path / "1/scans", "x.png"), scans(tmp_path / "2/scans", "x.png")
    ran = restore(one, two, "-o", tmp_path / "out", "--model", model)
    assert ran.status == 1 and "would replace that of another input" in ran.err
    assert report(tmp_path / "out")["run"]["restored"] == 1


def test_binarized_pages_have_one_bit(tmp_path, model):
    restore(scans(tmp_path / "in"), "-o", tmp_path / "out", "--model", model)
    with Image.open(tmp_path / "out/a.png") as result:
        assert (result.mode, result.format) == ("1", "PNG")
    with Image.open(tmp_path / "out/deep/er/c.tif") as result:
        assert (result.mode, result.info["compression"]) == ("1", "group4")
    assert ((images.read_gray(tmp_path / "out/a.png") > 0) == (written_page() > 127)).all()


def test_soft_keeps_the_probability_and_other_tasks_stay_grey(tmp_path, model, cleaner):
    folder = scans(tmp_path / "in", "a.png", "c.tif")
    restore(folder, "-o", tmp_path / "soft", "--model", model, "--soft")
    restore(folder, "-o", tmp_path / "clean", "--model", cleaner, "--task", "clean")
    for name in ("soft/a.png", "clean/a.png", "soft/c.tif", "clean/c.tif"):
        with Image.open(tmp_path / name) as result:
            assert result.mode == "L"
            assert len(np.unique(np.asarray(result))) > 2


def test_the_task_is_that_of_the_model(tmp_path, cleaner):
    restore(scans(tmp_path / "in"), "-o", tmp_path / "out", "--model", cleaner)
    assert report(tmp_path / "out")["run"]["task"] == "clean"


def test_all_pages_of_a_tiff_with_their_resolution(tmp_path, model):
    pages = [np.roll(written_page(), 9 * i, axis=0) for i in range(3)]
    (tmp_path / "in").mkdir()
    with images.writing(tmp_path / "in/book.tif") as add:
        for i, page in enumerate(pages):
            add(page, dpi=(300 + i, 300 + i))
    restore(tmp_path / "in", "-o", tmp_path / "out", "--model", model)
    results = list(images.pages(tmp_path / "out/book.tif"))
    assert [page.dpi for page in results] == [(300 + i,) * 2 for i in range(3)]
    assert [page.mode for page in results] == ["1"] * 3
    for result, page in zip(results, pages, strict=True):
        assert ((result.gray > 0) == (page > 127)).all()
    assert len(report(tmp_path / "out")["files"][0]["pages"]) == 3


def test_resolution_and_profile_are_kept(tmp_path, model):
    colour = Image.fromarray(written_page()).convert("RGB")
    for name, result in (("a.png", "a.png"), ("b.tif", "b.tif"), ("c.jpg", "c.png")):
        colour.save(tmp_path / name, dpi=(400, 400), icc_profile=SRGB)
        restore(tmp_path / name, "-o", tmp_path / "out", "--model", model, "--soft")
        page = next(images.pages(tmp_path / "out" / result))
        assert page.dpi == (400, 400) and page.icc == gray_twin(SRGB) is not None


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_mode(tmp_path, model, mode):
    page = written_page()
    image = Image.fromarray(page)
    if mode == "I;16":
        image = Image.fromarray(page.astype(np.uint16) * 257)
    elif mode == "CMYK":
        image = image.convert("RGB").convert("CMYK")
    elif mode == "1":
        image = Image.fromarray(page > 127)
    else:
        image = image.convert(mode)
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    image.save(path)
    ran = restore(path, "-o", tmp_path / "out.png", "--model", model)
    assert ran.status == 0
    assert ((images.read_gray(tmp_path / "out.png") > 0) == (page > 127)).all()


def test_the_report_says_what_was_done(tmp_path, model):
    scans(tmp_path / "in", "a.png")
    restore(tmp_path / "in", "-o", tmp_path / "out", "--model", model)
    whole = report(tmp_path / "out")
    assert whole["program"] == "docrestore" and whole["version"]
    assert whole["run"]["status"] == "finished" and whole["run"]["seconds"] >= 0
    (entry,) = whole["files"]
    assert entry["input"] == str(tmp_path / "in/a.png") and entry["output"] == "a.png"
    assert entry["status"] == "restored" and entry["seconds"] > 0
    assert (entry["model"], entry["task"], entry["soft"]) == ("small", "binarize", False)
    for key in ("input_sha256", "output_sha256", "model_sha256"):
        assert len(entry[key]) == 64
    assert entry["pages"] == [{"size": [60, 90], "mode": "L", "dpi": None}]
    assert made_by(tmp_path / "out/a.png") == entry["software"]
    assert entry["software"].startswith(f"docrestore {whole['version']}, small (")


def test_what_is_done_is_skipped_and_what_changed_is_not(tmp_path, model, cleaner):
    folder, out = scans(tmp_path / "in"), tmp_path / "out"
    command = (folder, "-o", out, "--model", model)
    restore(*command)
    dates = {name: (out / name).stat().st_mtime_ns for name in files(out) - {"report.json"}}

    again = restore(*command)
    assert again.status == 0 and again.err.splitlines()[-1].startswith("3 skipped.")
    assert all((out / name).stat().st_mtime_ns == date for name, date in dates.items())
    assert {e["this_run"] for e in report(out)["files"]} == {"skipped, done before"}

    Image.fromarray(np.roll(written_page(), 5)).save(folder / "a.png")  # another input
    (out / "b.png").unlink()  # a result that is gone
    third = restore(*command)
    assert third.err.splitlines()[-1].startswith("2 restored, 1 skipped.")

    other = restore(folder, "-o", out, "--model", model, "--soft")  # other wishes
    assert other.err.splitlines()[-1].startswith("3 restored.")
    model_too = restore(folder, "-o", out, "--model", cleaner)
    assert model_too.err.splitlines()[-1].startswith("3 restored.")
    assert (
        restore(*command[:3], "--model", cleaner, "--overwrite")
        .err.splitlines()[-1]
        .startswith("3 restored.")
    )


def test_files_of_others_and_edited_results_are_not_replaced(tmp_path, model):
    folder, out = scans(tmp_path / "in", "a.png", "b.png"), tmp_path / "out"
    out.mkdir()
    Image.fromarray(written_page()).save(out / "a.png")
    before = (out / "a.png").read_bytes()
    command = (folder, "-o", out, "--model", model)
    ran = restore(*command)
    assert ran.status == 1 and (out / "a.png").read_bytes() == before
    assert "a.png is in the output folder already and is not, or no longer, what" in ran.err

    data = (out / "b.png").read_bytes()
    (out / "b.png").write_bytes(data + b"edited")
    assert restore(*command).status == 1
    assert (out / "b.png").read_bytes() == data + b"edited"

    assert restore(*command, "--overwrite").status == 0
    assert (out / "b.png").read_bytes() == data and (out / "a.png").read_bytes() != before


def test_a_report_of_something_else_is_left_alone(tmp_path, model):
    folder, out = scans(tmp_path / "in"), tmp_path / "out"
    out.mkdir()
    (out / "report.json").write_text('{"mine": true}')
    ran = restore(folder, "-o", out, "--model", model)
    assert ran.status == 1 and "was not written by docrestore; move it away" in ran.err
    assert files(out) == {"report.json"} and (out / "report.json").read_text() == '{"mine": true}'


def test_a_report_that_is_gone_costs_nothing_but_time(tmp_path, model):
    """As after a run that was killed before it wrote one."""
    folder, out = scans(tmp_path / "in"), tmp_path / "out"
    restore(folder, "-o", out, "--model", model)
    (out / "report.json").unlink()
    assert restore(folder, "-o", out, "--model", model).status == 0
    assert len(report(out)["files"]) == 3


def test_a_killed_run_goes_on_and_leaves_no_half_file(tmp_path, model):
    names = [f"{number:03}.png" for number in range(40)]
    folder, out = scans(tmp_path / "in", *names), tmp_path / "out"
    words = ["restore", str(folder), "-o", str(out), "--model", str(model), "--runtime", "torch"]
    code = f"""
        import time
        from docrestore import cli, inference, runtime
        slow = lambda tiles: (time.sleep(0.05), tiles)[1]
        runtime.build = lambda network, *_: inference.Prepared(slow, network)
        cli.main({words!r})
    """
    killed = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while len(list(out.glob("0*.png"))) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    some = {path.name for path in out.glob("0*.png")}
    assert 5 <= len(some) < 40
    for name in some:
        assert images.read_gray(out / name).shape == (60, 90)
    assert restore(folder, "-o", out, "--model", model).status == 0
    assert {path.name for path in out.glob("0*.png")} == set(names)
    assert len(report(out)["files"]) == 40


def test_leftovers_of_a_killed_run_are_cleared_away(tmp_path, model):
    folder, out = scans(tmp_path / "in", "a.png"), tmp_path / "out"
    out.mkdir()
    old, young = (out / PART.replace("*", word) for word in ("old", "young"))
    old.touch()
    young.touch()
    os.utime(old, (0, 0))
    restore(folder, "-o", out, "--model", model)
    assert not old.exists() and young.exists()


def test_ctrl_c_ends_the_run_in_order(tmp_path, model, monkeypatch):
    folder, out = scans(tmp_path / "in", *[f"{i}.png" for i in range(6)]), tmp_path / "out"
    whole = restoring.restore
    # A background job of a shell is started with Ctrl-C ignored; this test wants it heard.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupted(run, gray, progress):
        if len(list(out.glob("*.png"))) == 2:
            signal.raise_signal(signal.SIGINT)
            time.sleep(0.2)
        return whole(run, gray, progress=progress)

    monkeypatch.setattr(restoring, "restore", interrupted)
    ran = restore(folder, "-o", out, "--model", model)
    assert ran.status == 130 and "Stopped; start again to go on." in ran.err
    signal.signal(signal.SIGINT, before)
    assert report(out)["run"]["status"] == "stopped"
    monkeypatch.undo()
    assert restore(folder, "-o", out, "--model", model).status == 0
    assert len(report(out)["files"]) == 6


def test_several_jobs_give_the_same_results(tmp_path, model):
    names = [f"{i}.png" for i in range(7)]
    folder = scans(tmp_path / "in", *names)
    restore(folder, "-o", tmp_path / "1", "--model", model)
    restore(folder, "-o", tmp_path / "3", "--model", model, "--jobs", 3)
    for name in names:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "3" / name).read_bytes()
    assert report(tmp_path / "3")["run"]["restored"] == 7


def test_a_defect_of_ours_costs_one_file_only(tmp_path, model, monkeypatch):
    folder, whole = scans(tmp_path / "in", "a.png", "b.png"), restoring.restore

    def broken(run, gray, progress, calls=[]):  # noqa: B006
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError("a defect")
        return whole(run, gray, progress=progress)

    monkeypatch.setattr(restoring, "restore", broken)
    ran = restore(folder, "-o", tmp_path / "out", "--model", model)
    assert ran.status == 1
    assert "met a defect of docrestore (ZeroDivisionError: a defect); please report it." in ran.err
    assert ran.err.splitlines()[-1].startswith("1 restored, 1 failed.")


def test_no_default_weights_are_told_with_those_there_are(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "names", lambda: ["de_gan-clean"])
    ran = restore(scans(tmp_path / "in"), "-o", tmp_path / "out", "--task", "deblur")
    assert ran.status == 1
    assert ran.err == "the weights de_gan-deblur are not here yet; there are: de_gan-clean.\n"


def test_the_default_weights_ship():
    assert set(restoring.DEFAULTS.values()) <= set(weights.names())


def test_no_binarizer_that_ships_is_better_than_the_default():
    """In all contest years, each scored by a fold that has not seen it, page by page."""
    found = results.read_all()
    years = binarizers.years(found)
    methods = {name.partition("-")[0] for name in weights.names() if name.endswith("-binarize")}
    rows = {one: binarizers.network(found, one, one) for one in methods}
    default = rows.pop(restoring.DEFAULTS["binarize"].removesuffix("-binarize"))
    for name, row in rows.items():
        _, low, _ = difference(row, default, "fm", years)
        assert low <= 0, f"{name} is better; make it the default"


def test_the_default_weights(tmp_path):
    """A blank page with the grain of paper stays blank from file to file."""
    grain = np.random.default_rng(0).normal(225, 2, (300, 400)).astype(np.uint8)
    folder = scans(tmp_path / "in", "a.png")
    Image.fromarray(grain).save(folder / "blank.png")
    ran = docrestore("restore", folder, "-o", tmp_path / "out")
    assert ran.status == 0
    assert report(tmp_path / "out")["run"]["model"] == "ra_gan-binarize"
    assert (images.read_gray(tmp_path / "out/blank.png") == 255).all()


def test_openvino_is_asked_for_in_words_where_it_is_missing(tmp_path, model, monkeypatch):
    monkeypatch.setattr(restoring.runtime.importlib.util, "find_spec", lambda name: None)
    folder = scans(tmp_path / "in")
    ran = docrestore("restore", folder, "-o", tmp_path, "--model", model, "--runtime", "openvino")
    assert ran.status == 1 and "choose another folder" not in ran.err
    assert 'pip install "docrestore[fast]"' in ran.err and len(ran.err.splitlines()) == 1


@pytest.mark.parametrize(
    "words", [["restore"], ["restore", "x.png"], ["restore", "x.png", "-o", "o", "--task", "iron"]]
)
def test_wrong_words_have_status_2(words):
    ran = docrestore(*words)
    assert ran.status == 2 and "Usage:" in ran.err


def test_models_lists_what_cards_say(tmp_path, monkeypatch):
    small_weights(tmp_path / "mine.safetensors", sets=["set_a", "set_b"], steps=321, licence="MIT")
    monkeypatch.setattr(weights, "SHIPPED", tmp_path)
    ran = docrestore("models")
    assert ran.status == 0
    for word in ("mine  (binarize, de_gan-compact", "trained on set_a, set_b; 321 steps", "MIT"):
        assert word in ran.out
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / "none")
    assert "No weights are here yet" in docrestore("models").out


def test_info_says_what_is_in_a_file(tmp_path):
    page = written_page(600, 400)
    Image.fromarray(page).save(tmp_path / "page.png", dpi=(300, 300))
    said = docrestore("info", tmp_path / "page.png").out
    assert "400 x 600 pixels" in said and "300 dpi, so 3.4 x 5.1 cm" in said
    assert "8 bits, grey" in said and "dark text on light." in said
    Image.fromarray(255 - page).save(tmp_path / "dark.png")
    assert "light text on dark" in docrestore("info", tmp_path / "dark.png").out
    Image.fromarray(np.full_like(page, 230)).save(tmp_path / "blank.png")
    assert "blank" in docrestore("info", tmp_path / "blank.png").out
    images.write_pages(tmp_path / "two.tif", [page, page])
    assert docrestore("info", tmp_path / "two.tif").out.count("400 x 600") == 2
    ran = docrestore("info", tmp_path / "missing.png")
    assert ran.status == 1 and ran.err == "missing.png does not exist; check the name.\n"


def test_evaluate_measures_file_by_file_and_the_mean(tmp_path):
    page = written_page(100, 100) > 127
    worse = page.copy()
    worse[20:30, 20:30] = ~worse[20:30, 20:30]
    images.write(tmp_path / "out/a.png", page)
    images.write(tmp_path / "out/sub/B.png", worse)
    images.write(tmp_path / "truth/a_GT.tif", page)
    images.write(tmp_path / "truth/sub/b.png", page)
    saved = tmp_path / "figures.json"
    ran = docrestore("evaluate", tmp_path / "out", tmp_path / "truth", "--json", saved)
    assert ran.status == 0, ran.err
    lines = ran.out.splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["file", "a.png", "B.png", "mean"]
    figures = json.loads(saved.read_text())
    assert figures["files"][0]["fm"] == 100 and figures["files"][1]["fm"] < 100
    assert figures["mean"]["fm"] == (100 + figures["files"][1]["fm"]) / 2


def test_evaluate_takes_grey_metrics_for_a_grey_truth(tmp_path):
    page = written_page()
    grey = (page * 0.8 + 20).astype(np.uint8)
    images.write(tmp_path / "a.png", page)
    images.write(tmp_path / "b.png", grey)
    ran = docrestore("evaluate", tmp_path / "a.png", tmp_path / "b.png")
    assert ran.status == 0 and "PSNR" in ran.out and "SSIM" in ran.out and "FM" not in ran.out


def test_evaluate_says_what_does_not_fit(tmp_path):
    page = written_page() > 127
    images.write(tmp_path / "out/a.png", page)
    images.write(tmp_path / "out/b.png", page)
    images.write(tmp_path / "out/c.png", page)
    (tmp_path / "out/b.png").write_bytes(b"broken")
    images.write(tmp_path / "truth/a.png", page[:-1])
    images.write(tmp_path / "truth/b.png", page)
    images.write(tmp_path / "truth/d.png", page)
    ran = docrestore("evaluate", tmp_path / "out", tmp_path / "truth", "--no-pseudo")
    assert ran.status == 1 and len(ran.err.splitlines()) == 4
    assert "a.png is 90 x 60 pixels and its truth 90 x 59; compare pages of one size." in ran.err
    assert "c.png has no truth; it is left out." in ran.err
    assert "d.png has no result." in ran.err
    ran = docrestore("evaluate", tmp_path / "out", tmp_path / "nowhere")
    assert ran.status == 1 and "nowhere does not exist; check the name." in ran.err


def test_degrade_damages_own_pages_and_says_how(tmp_path):
    Image.fromarray(written_page(300, 300)).save(tmp_path / "a.png")
    for out in ("one", "two"):
        ran = docrestore("degrade", tmp_path / "a.png", "-o", tmp_path / out, "--seed", 4)
        assert ran.status == 0, ran.err
    damaged = images.read_gray(tmp_path / "one/a.png")
    assert damaged.shape == (300, 300) and (damaged != written_page(300, 300)).any()
    assert (damaged == images.read_gray(tmp_path / "two/a.png")).all()
    assert json.loads((tmp_path / "one/a.json").read_text())["steps"]
    step = ("--step", "jpeg:quality=10", "--step", "noise:std_grey=3")
    ran = docrestore("degrade", tmp_path / "a.png", "-o", tmp_path / "three", *step)
    passport = json.loads((tmp_path / "three/a.json").read_text())
    assert [(s["name"], s["values"]) for s in passport["steps"]] == [
        ("jpeg", {"quality": 10}), ("noise", {"std_grey": 3})
    ]  # fmt: skip
    bad = docrestore("degrade", tmp_path / "a.png", "-o", tmp_path / "four", "--step", "moths")
    assert bad.status == 1 and "no step is called 'moths'; use one of ink_spread" in bad.err
    same = docrestore("degrade", tmp_path / "a.png", "-o", tmp_path)
    assert same.status == 1 and "would replace its own original" in same.err


def test_fetch_and_run_are_the_modules_own_commands():
    assert "dibco2009" in docrestore("fetch", "--list").out
    ran = docrestore("fetch", "--help")
    assert ran.status == 0 and "data_prep.fetch" in ran.out
    ran = docrestore("run", "--help")
    assert ran.status == 0 and "smoke, lesson or full" in ran.out
    assert docrestore("run", "no_such.ipynb", "smoke").status == 1


def test_without_data_prep_the_commands_say_where_it_is(monkeypatch):
    monkeypatch.setitem(sys.modules, "data_prep", None)
    monkeypatch.delitem(sys.modules, "data_prep.fetch", raising=False)
    ran = docrestore("fetch", "--list")
    assert ran.status == 1 and "needs the folder data_prep of the book's repository" in ran.err


def test_help_appears_at_once():
    """Neither torch nor numpy is imported for it; half a second on an idle machine."""
    code = (
        "import sys\nfrom docrestore import cli\ntry: cli.main(['--help'])\nfinally: print("
        "'torch' in sys.modules, 'numpy' in sys.modules, 'PIL' in sys.modules)"
    )
    begun = os.times()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ended = os.times()
    assert done.stdout.splitlines()[-1] == "False False False"
    assert ended.children_user - begun.children_user < 0.5  # processor time, whoever else computes
    for command in ("restore", "models", "info", "evaluate", "degrade", "fetch", "run"):
        assert f"\n  {command}" in done.stdout


def test_a_bar_shows_the_time_left_on_a_terminal(tmp_path, model):
    """In a pseudo-terminal; names with markup and colour codes are shown as they are."""
    pty = pytest.importorskip("pty")
    import fcntl
    import termios

    folder = scans(tmp_path / "in", "[red]a.png", "z.png")
    (folder / "b\x1b[31m.png").touch()
    words = ["restore", folder, "-o", tmp_path / "out", "--model", model, "--runtime", "torch"]
    pid, screen = pty.fork()
    if pid == 0:
        fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
        os.execv(sys.executable, [sys.executable, "-m", "docrestore.cli", *map(str, words)])
    shown = b""
    while True:
        try:
            part = os.read(screen, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    text = shown.decode()
    assert "restoring" in text and "left" in text and " %" in text
    assert "b\\x1b[31m.png is empty" in text and "2 restored, 1 failed." in text


def test_what_the_collection_of_files_passes_over(tmp_path):
    folder = scans(tmp_path / "in", "a.png", ".hidden.png", ".git/b.png", "notes/c.png")
    (folder / "Thumbs.db").touch()
    (folder / "notes/readme.txt").touch()
    batch = collect([folder], tmp_path / "out")
    assert [item.source.name for item in batch.items] == ["a.png", "c.png"]
    assert batch.others == 2 and batch.results == []


def test_a_linked_folder_is_followed_once(tmp_path):
    scans(tmp_path / "real", "a.png")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/link").symlink_to(tmp_path / "real", target_is_directory=True)
    (tmp_path / "in/zlink").symlink_to(tmp_path / "real", target_is_directory=True)
    batch = collect([tmp_path / "in"], tmp_path / "out")
    assert [(item.source.name, bool(item.problem)) for item in batch.items] == [
        ("a.png", False), ("zlink", True)
    ]  # fmt: skip


def test_a_report_with_a_name_that_is_no_text(tmp_path):
    """A file name is bytes; those that are no UTF-8 come back from the report."""
    kept = Report(tmp_path / "report.json")
    kept.failed(Path("caf\udce9.png"), "why")
    kept.save("finished")
    again = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert again["files"][0]["input"] == "caf\udce9.png"
