"""Profiles fit the notebooks: known sections, declared names, right types."""

import pytest

from docrestore import parameters
from docrestore.paths import here

FOLDER = here("notebooks", "profiles")
PROFILES = ("smoke", "lesson", "full")
NOTEBOOKS = {
    parameters.notebook_key(path): path
    for path in sorted(here("notebooks").rglob("*.ipynb"))
    if ".ipynb_checkpoints" not in path.parts
}

every_profile = pytest.mark.parametrize("name", PROFILES)


def test_the_three_profiles_are_there():
    assert sorted(path.stem for path in FOLDER.glob("*.yaml")) == sorted(PROFILES)


@every_profile
def test_sections_name_notebooks(name):
    unknown = parameters.profile(name, FOLDER).keys() - NOTEBOOKS.keys() - {"common"}
    assert not unknown, f"{name}.yaml: no notebook is called {sorted(unknown)}; {list(NOTEBOOKS)}"


@every_profile
@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_values_are_declared_and_of_the_right_type(name, notebook):
    parameters.merge(NOTEBOOKS[notebook], parameters.profile(name, FOLDER), {})


@every_profile
def test_each_common_value_is_used_by_some_notebook(name):
    declared = set().union(*(parameters.declared(path) for path in NOTEBOOKS.values()))
    idle = parameters.profile(name, FOLDER).get("common", {}).keys() - declared
    assert not idle, f"{name}.yaml: common {sorted(idle)} is a parameter of no notebook."


def test_lesson_changes_nothing():
    sections = parameters.profile("lesson", FOLDER)
    assert not any(sections.values()), (
        "lesson.yaml stays empty: the notebooks' own defaults are the lesson profile, because "
        "that is what someone gets who presses Run All."
    )
