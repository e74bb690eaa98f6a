"""A notebook's parameters: what it declares, what a profile gives, and whether the two agree.

Papermill only warns about a name that a notebook does not have, and passes on whatever type it
gets. Here both are errors, and the sentence lists what would have been right.
"""

import ast
import io
import json
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

__all__ = ["Parameter", "ParameterError", "declared", "merge", "notebook_key", "parse", "profile"]

PROFILES = Path("notebooks") / "profiles"


class ParameterError(ValueError):
    """A parameter, profile or notebook that does not fit; one sentence that says what would."""


@dataclass(frozen=True)
class Parameter:
    """One line of a `parameters` cell: `steps: int = 400  # optimiser steps`."""

    name: str
    type: str
    default: object
    comment: str


def cell_source(cell: dict) -> str:
    """The text of a notebook cell, whichever of nbformat's two forms it has."""
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def read_notebook(notebook: Path) -> dict:
    """The notebook as a dictionary. Raises ParameterError when it is not there or not one."""
    try:
        document = json.loads(Path(notebook).read_text(encoding="utf-8"))
    except FileNotFoundError:
        near = sorted(path.name for path in Path(notebook).parent.glob("*.ipynb"))
        there = f"its folder has: {', '.join(near)}" if near else "its folder has no notebook"
        raise ParameterError(f"There is no notebook {notebook}; {there}.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ParameterError(f"{notebook} is not a notebook: {error}.") from None
    if not isinstance(document, dict) or "cells" not in document:
        raise ParameterError(f"{notebook} is not a notebook: it has no cells.")
    return document


def declared(notebook: Path) -> dict[str, Parameter]:
    """The parameters of a notebook, in order, from its cell tagged `parameters`.

    Raises ParameterError when there is not exactly one such cell, or when a line of it is not
    an annotated literal such as `steps: int = 400`.
    """
    cells = [
        cell
        for cell in read_notebook(notebook)["cells"]
        if cell["cell_type"] == "code" and "parameters" in cell["metadata"].get("tags", [])
    ]
    if len(cells) != 1:
        raise ParameterError(
            f"{notebook} has {len(cells)} cells tagged `parameters`; a notebook has exactly one."
        )
    source = cell_source(cells[0])
    comments = comment_lines(source)
    found: dict[str, Parameter] = {}
    for node in ast.parse(source).body:
        if not (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and node.value is not None
        ):
            raise ParameterError(
                f"{notebook}, parameters cell, line {node.lineno}: `{ast.unparse(node)}` is not "
                "an annotated literal. Write for example: steps: int = 400  # optimiser steps"
            )
        try:
            default = ast.literal_eval(node.value)
        except ValueError:
            raise ParameterError(
                f"{notebook}, parameters cell, line {node.lineno}: the value of {node.target.id} "
                "is computed. Only literals are allowed; compute in a later cell."
            ) from None
        lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        comment = " ".join(comments[line] for line in lines if line in comments)
        found[node.target.id] = Parameter(
            node.target.id, ast.unparse(node.annotation), default, comment
        )
    return found


def comment_lines(source: str) -> dict[int, str]:
    """Comments of Python source by line number, without the mark."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string.lstrip("# ")
        for token in tokens
        if token.type == tokenize.COMMENT
    }


def fits(annotation: str, value: object) -> bool:
    """Whether a value has the annotated type; an int is also a float, a bool is no number.

    >>> fits("float", 3), fits("float", "1e-3"), fits("int", True)
    (True, False, False)
    >>> fits("list[int]", [1, 2]), fits("str | None", None), fits("tuple[int, int]", [64, 64])
    (True, True, True)
    """
    return _fits(ast.parse(annotation, mode="eval").body, value)


def _fits(node: ast.expr, value: object) -> bool:
    match node:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _fits(left, value) or _fits(right, value)
        case ast.Constant(value=None):
            return value is None
        case ast.Name(id="float"):
            return isinstance(value, int | float) and not isinstance(value, bool)
        case ast.Name(id="int"):
            return isinstance(value, int) and not isinstance(value, bool)
        case ast.Name(id="bool" | "str" | "dict" as name):
            return type(value).__name__ == name
        case ast.Name(id="list" | "tuple"):
            return isinstance(value, list | tuple)
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            return isinstance(value, list | tuple) and all(_fits(item, one) for one in value)
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=items)):
            return (
                isinstance(value, list | tuple)
                and len(value) == len(items)
                and all(_fits(item, one) for item, one in zip(items, value, strict=True))
            )
        case ast.Subscript(value=ast.Name(id="dict")):
            return isinstance(value, dict)
    raise ParameterError(
        f"The parameter type `{ast.unparse(node)}` is not known. "
        "Use int, float, bool, str, list[...], tuple[...], dict, or X | None."
    )


def notebook_key(notebook: Path) -> str:
    """How profiles and book/runs.yaml name a notebook: its path below notebooks/, no suffix.

    >>> notebook_key(Path("notebooks/de_gan/2_train.ipynb"))
    'de_gan/2_train'
    """
    parts = Path(notebook).with_suffix("").parts
    if "notebooks" in parts:
        return "/".join(parts[len(parts) - parts[::-1].index("notebooks") :])
    return "/".join(parts[-2:])


def profile(name: str, folder: Path) -> dict[str, dict]:
    """The sections of a profile file: `common` and one for each notebook that needs its own.

    Args:
        name: the file's stem, such as "smoke".
        folder: where the profiles are, notebooks/profiles.

    Raises:
        ParameterError: an unknown profile (the sentence lists the known ones), or a bad file.
    """
    path = folder / f"{name}.yaml"
    known = sorted(file.stem for file in folder.glob("*.yaml"))
    if name not in known:
        raise ParameterError(
            f"There is no profile {name!r}; the profiles in {folder} are: {', '.join(known)}."
        )
    try:
        sections = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise ParameterError(f"{path} is not YAML: {error}") from None
    if not isinstance(sections, dict):
        raise ParameterError(f"{path} must hold sections such as `common:`, got {sections!r}.")
    for section, values in sections.items():
        if not isinstance(values, dict | None):
            raise ParameterError(
                f"{path}: the section {section} must hold `name: value` lines, got {values!r}."
            )
    return {section: values or {} for section, values in sections.items()}


def parse(text: str, type_: str) -> object:
    """A value from the command line; `1e-3`, `true` and `[1, 2]` mean what they look like.

    >>> parse("1e-3", "float"), parse("true", "bool"), parse("7", "str"), parse("7", "int")
    (0.001, True, '7', 7)
    """
    if type_ == "str":
        return text
    if text in ("true", "false", "null", "none"):
        text = {"true": "True", "false": "False"}.get(text, "None")
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def merge(
    notebook: Path, sections: dict[str, dict], overrides: dict[str, object]
) -> dict[str, object]:
    """The values to inject: the profile's `common`, the notebook's own section, then overrides.

    `common` values are taken only where the notebook declares them; all others must be declared,
    and every value must have the declared type.

    Raises:
        ParameterError: naming the notebook, the parameter, and what would be right.
    """
    have = declared(notebook)
    common = {name: value for name, value in sections.get("common", {}).items() if name in have}
    own = sections.get(notebook_key(notebook), {}) | overrides
    refuse_unknown(notebook, own, have)
    values = common | own
    for name, value in values.items():
        want = have[name].type
        if not fits(want, value):
            raise ParameterError(
                f"{notebook}: {name} is {type(value).__name__} {value!r}, expected {want}"
                f"{number_hint(want, value)}."
            )
    return values


def refuse_unknown(notebook: Path, names: Iterable[str], have: dict[str, Parameter]) -> None:
    """Raise ParameterError when a name is not declared; the sentence lists those that are."""
    if unknown := sorted(set(names) - have.keys()):
        raise ParameterError(
            f"{notebook} has no parameter {', '.join(unknown)}. "
            f"Its parameters are: {', '.join(have)}."
        )


def number_hint(want: str, value: object) -> str:
    """What to write instead, for the trap that YAML reads `1e-3` as text."""
    if isinstance(value, str) and want in ("float", "int"):
        try:
            return f" (write {float(value):.10g}; YAML reads {value} as text)"
        except ValueError:
            return ""
    return ""
