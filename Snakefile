# The workflow: data -> train -> evaluate -> explore -> compare -> book.
#
#   snakemake -n                                 what would run, and why
#   snakemake notebooks --cores 2                run it here
#   snakemake notebooks --config profile=smoke   under another profile
#   snakemake --profile profiles/slurm           on a cluster; read that file first
#
# Each rule runs one notebook of book/runs.yaml through `python -m docrestore.run`. Besides the
# notebook and its profile, a rule's inputs are the files that its last run has read: the runner
# notes them. A rule that starts for a newer file with the same content ends at once.

import json
import sys

from docrestore.paths import here
from docrestore.workflow import rows

PROFILE = config.get("profile", "lesson")
ROWS = rows()
TITLES = {
    "data": "Prepare the data",
    "train": "Train",
    "evaluate": "Evaluate",
    "explore": "Explore",
    "compare": "Compare",
}


def stamp(page):
    """The empty file that tells snakemake that a page's run is done."""
    row = ROWS[page]
    return f"runs/{row.name(PROFILE)}/.{row.notebook.stem}.done"


def read_before(page):
    """What the last run of this page has read and is still there."""
    record = ROWS[page].record(PROFILE)
    if not record.is_file():
        return []
    made_here = {row.executed(PROFILE).parent for row in ROWS.values()}
    paths = [here(name) for name in json.loads(record.read_text()).get("reads", {})]
    return [str(path) for path in paths if path.is_file() and path.parent not in made_here]


def arguments(row):
    """The parameters of a row, for the shell."""
    return [f"-p{name}={value}" for name, value in row.parameters.items()]


localrules:
    book,
    notebooks,


rule book:
    message:
        "Render the book to book/_build/html"
    input:
        [stamp(page) for page in ROWS],
    shell:
        "{sys.executable} book/build.py --profile {PROFILE} --no-run"


rule notebooks:
    input:
        [stamp(page) for page in ROWS],


for page, row in ROWS.items():

    rule:
        name:
            f"{row.stage}_{page.replace('/', '_').replace('-', '_')}"
        message:
            f"{TITLES[row.stage]}: {page} ({row.run}, profile {PROFILE})"
        input:
            notebook=str(row.notebook),
            profile=f"notebooks/profiles/{PROFILE}.yaml",
            needs=[stamp(need) for need in row.needs],
            read=read_before(page),
        output:
            touch(stamp(page)),
        params:
            name=row.name(PROFILE),
            arguments=arguments(row),
            records=[str(ROWS[need].record(PROFILE)) for need in row.needs],
        threads: row.threads
        shell:
            "{sys.executable} -m docrestore.run {input.notebook:q} {PROFILE}"
            " --name {params.name} --threads {threads} {params.arguments:q}"
            " --needs {params.records:q}"
