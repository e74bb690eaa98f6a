"""pyproject.toml, requirements.lock and environment.yml agree; THIRD_PARTY.md names all of it."""

import ast
import importlib.metadata
import re
import sys
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from docrestore.paths import here

CONDA = {"pytorch-cpu": "torch", "matplotlib-base": "matplotlib"}  # conda's name -> pip's
OURS = {"docrestore", "data_prep", "pages", "run_times", "ledger", "conftest"}
MODULES = {  # import name -> distribution, where they differ
    "PIL": "pillow",
    "yaml": "PyYAML",
    "skimage": "scikit-image",
    "lightning_fabric": "lightning-fabric",
    "sphinx": "Sphinx",
    "IPython": "ipython",
}
COME_ALONG = {"ipython", "packaging"}  # of ipykernel and pytest, and always with them

PROJECT = tomllib.loads(here("pyproject.toml").read_text())["project"]
DIRECT = [
    Requirement(line)
    for line in [*PROJECT["dependencies"], *sum(PROJECT["optional-dependencies"].values(), [])]
]
LINES = [
    line
    for line in here("requirements.lock").read_text().splitlines()
    if line and not line.startswith("#")
]
LOCK = {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in LINES}


def conda() -> tuple[dict[str, str], dict[str, str]]:
    """The pins of environment.yml: (conda's, pip's), by pip's normalised name."""
    file = yaml.safe_load(here("environment.yml").read_text())
    assert file.keys() == {"name", "channels", "dependencies"}
    specs = [one for one in file["dependencies"] if isinstance(one, str)]
    lists = [one for one in file["dependencies"] if not isinstance(one, str)]
    assert len(lists) == 1 and lists[0].keys() == {"pip"}
    first, second = {}, {}
    for spec in specs:
        assert re.fullmatch(r"[a-z0-9._-]+(=[0-9][\w.]*)?", spec), f"not a conda spec: {spec}"
        name, _, version = spec.partition("=")
        first[canonicalize_name(CONDA.get(name, name))] = version
    for line in lists[0]["pip"]:
        requirement = Requirement(line)
        second[canonicalize_name(requirement.name)] = str(requirement.specifier).lstrip("=")
    return first, second


def test_the_lock_holds_exact_pins_and_nothing_else():
    for line in LINES:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][\w.]*", line), f"not `name==version`: {line}"
    names = [canonicalize_name(line.split("==")[0]) for line in LINES]
    assert names == sorted(set(names)), "sorted, and each name once"
    assert LOCK["torch"] == "2.13.0"


@pytest.mark.parametrize("requirement", DIRECT, ids=str)
def test_the_lock_satisfies_each_range(requirement):
    version = LOCK.get(canonicalize_name(requirement.name))
    assert version, f"requirements.lock lacks {requirement.name}; make it anew: make lock"
    assert requirement.specifier.contains(version), f"{requirement} against {version} in the lock"


def test_everything_that_the_locked_packages_need_is_locked():
    missing = set()
    for name in LOCK:
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for another system
        for need in map(Requirement, needs):
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                missing |= {canonicalize_name(need.name)} - LOCK.keys()
    missing = {name for name in missing if not name.startswith(("nvidia-", "cuda-", "triton"))}
    assert not missing, f"the lock lacks {sorted(missing)}; make it anew: make lock"


def test_what_is_installed_is_what_is_locked():
    wrong = {}
    for name, version in LOCK.items():
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if Version(installed).public != Version(version).public:
            wrong[name] = f"{installed} instead of {version}"
    assert not wrong, f"{wrong}; `make clean-env`, then `make test`"


def test_conda_has_every_direct_requirement_in_the_locked_version():
    first, second = conda()
    assert not first.keys() & second.keys(), "a package comes from conda or from pip, not from both"
    both = first | second
    direct = {canonicalize_name(requirement.name) for requirement in DIRECT}
    assert both.keys() - {"python", "pip"} == direct
    assert {name: both[name] for name in direct} == {name: LOCK[name] for name in direct}
    assert Version(first["python"]) in Requirement(f"x{PROJECT['requires-python']}").specifier


def test_no_address_of_a_registry_is_written_down():
    for name in ("requirements.lock", "environment.yml", "pyproject.toml", "Makefile", ".ci/run"):
        text = here(name).read_text()
        assert not re.search(r"index-url|find-links|https?://[^\s]*(simple|whl|wheels)", text), name


def imports() -> dict[str, str]:
    """Third-party distributions imported by our code, each with one file that does."""
    found = {}
    for folder in ("lib", "data_prep", "tests", "book"):
        for path in here(folder).rglob("*.py"):
            if "_build" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    names = [node.module or ""]
                for module in {name.split(".")[0] for name in names}:
                    beside = path.parent / f"{module}.py", here("book", f"{module}.py")
                    local = module in OURS or any(one.is_file() for one in beside)
                    if module not in sys.stdlib_module_names and not local:
                        found[canonicalize_name(MODULES.get(module, module))] = str(path)
    return found


def test_every_import_is_declared():
    direct = {canonicalize_name(requirement.name) for requirement in DIRECT} | COME_ALONG
    undeclared = {name: path for name, path in imports().items() if name not in direct}
    assert not undeclared, f"declare in pyproject.toml: {undeclared}"


def test_the_packages_hold_every_module_and_file():
    setup = tomllib.loads(here("pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {"docrestore": here("lib", "docrestore"), "data_prep": here("data_prep")}
    for package, folder in folders.items():
        wanted = {
            ".".join([package, *path.parent.relative_to(folder).parts])
            for path in folder.rglob("__init__.py")
        }
        assert wanted <= set(setup["packages"]), wanted - set(setup["packages"])
        patterns = setup["package-data"][package]
        for path in folder.rglob("*"):
            data = path.is_file() and path.suffix not in (".py", ".pyc", ".md")
            assert not data or any(path.match(f"{folder}/{one}") for one in patterns), path


def test_third_party_names_every_font_page_and_library():
    text = here("THIRD_PARTY.md").read_text()
    fonts = {path.name.split(".")[0] for path in here("data_prep/fonts").glob("*.LICENSE.txt")}
    pages = {path.name for path in here("data_prep/pages").iterdir() if path.suffix != ".md"}
    libraries = {requirement.name for requirement in DIRECT}
    for name in fonts | pages | libraries:
        assert name in text, f"THIRD_PARTY.md does not name {name}"
    for path in here("data_prep/fonts").glob("*.woff*"):
        assert any(path.name.startswith(font) for font in fonts), f"{path} has no licence beside it"
