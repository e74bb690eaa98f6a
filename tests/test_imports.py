"""Imports point one way: notebooks -> methods -> models, losses -> small shared modules."""

import ast
from pathlib import Path

import pytest

from docrestore.paths import here

LIB = here("lib", "docrestore")
FILES = sorted(LIB.rglob("*.py")) + sorted(here("data_prep").rglob("*.py"))
FREE = {"docrestore.images", "docrestore.paths"}  # all of lib that data_prep may use
ENTRY_POINTS = {"docrestore.cli", "docrestore.train", "docrestore.run"} | {
    "docrestore.denoising",  # three methods one after the other
    "docrestore.denoising_presets",
    "docrestore.denoising_bench",
    "docrestore.denoising_rows",
    "docrestore.denoising_speed",
}


def module_name(path: Path) -> str:
    """docrestore.models.de_gan, data_prep.fetch, ..."""
    base = LIB.parent if path.is_relative_to(LIB) else here()
    parts = path.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> set[str]:
    """Every module of ours that a file imports, also inside functions; deepest name that is one."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module_name(path).split(".")
                package = package if path.name == "__init__.py" else package[:-1]
                kept = package[: len(package) - node.level + 1]
                base = ".".join([*kept, *([node.module] if node.module else [])])
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return {name for name in names if name in KNOWN}


KNOWN = {module_name(path) for path in FILES} | {"notebooks"}
every_file = pytest.mark.parametrize("path", FILES, ids=[module_name(path) for path in FILES])


def below(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@every_file
def test_imports_point_one_way(path):
    name = module_name(path)
    for other in imported(path) - {name, "docrestore"}:
        told = f"{name} imports {other}"
        if below(name, "data_prep"):
            assert below(other, "data_prep") or other in FREE, (
                f"{told}; data_prep may use only {', '.join(sorted(FREE))} of lib."
            )
            continue
        lazily = below(name, "docrestore.cli")  # `docrestore fetch` hands over to data_prep
        assert not below(other, "data_prep") or lazily, f"{told}; lib never imports data_prep."
        assert not below(other, "notebooks"), f"{told}; lib never imports notebooks."
        if below(name, "docrestore.models") or below(name, "docrestore.losses"):
            assert not below(other, "docrestore.methods"), f"{told}; methods are made of these."
            own = "docrestore.models" if below(name, "docrestore.models") else "docrestore.losses"
            assert (
                below(other, own)
                or other.count(".") == 1
                and other
                not in (
                    "docrestore.models",
                    "docrestore.losses",
                    "docrestore.training",
                )
            ), f"{told}; networks and losses know nothing of each other or of training."
        elif below(name, "docrestore.methods"):
            assert other not in ENTRY_POINTS, f"{told}; a method is no command."
        elif name not in ENTRY_POINTS:
            assert not below(other, "docrestore.methods"), (
                f"{told}; only notebooks and commands choose a method."
            )


@every_file
def test_no_file_changes_the_path_of_modules(path):
    assert "sys.path" not in path.read_text(encoding="utf-8"), f"{path}: install, never sys.path."


def test_no_circle_of_imports():
    edges = {module_name(path): imported(path) - {module_name(path)} for path in FILES}
    state: dict[str, int] = {}

    def visit(name: str, trail: list[str]) -> None:
        if state.get(name) == 2:
            return
        assert state.get(name) != 1, f"a circle: {' -> '.join([*trail, name])}"
        state[name] = 1
        for other in edges.get(name, ()):
            if not below(name, other):  # a package's parent is imported anyway
                visit(other, [*trail, name])
        state[name] = 2

    for name in edges:
        visit(name, [])
