"""The page of run times: what each notebook of this book cost, and where."""

from docrestore.parameters import notebook_key
from docrestore.workflow import Row

__all__ = ["run_times"]


def run_times(pages: dict[str, Row], records: dict[str, dict]) -> str:
    """Markdown with one line a run, out of the records that the runner wrote.

    Args:
        pages: the book's rows by page.
        records: the record (*.run.json) of each page's run.
    """
    lines = [
        "# Run times",
        "",
        "Each page of this book is a notebook that was executed, in this order, before the book",
        "was made. This table is written by the build from the records of those runs.",
        "",
        "| page | notebook | profile | seconds | threads | commit |",
        "| --- | --- | --- | ---: | ---: | --- |",
    ]
    for name, row in pages.items():
        record = records[name]
        lines.append(
            f"| [](../_executed/{name}.ipynb) | `{notebook_key(row.notebook)}` "
            f"| {record['profile']} | {record['seconds']:.0f} | {record['machine']['threads']} "
            f"| {record['commit'][:8] or 'not in git'}{'+' * record['commit'].endswith('+')} |"
        )
    total = sum(record["seconds"] for record in records.values())
    machines = {
        f"{record['machine']['processor']} ({record['machine']['cores']} cores, "
        f"{record['machine']['device']})"
        for record in records.values()
    }
    versions = next(iter(records.values()))["versions"]
    lines += [
        "",
        f"All together {total / 60:.1f} minutes of notebook time; runs that do not build on each "
        "other share the cores.",
        "",
        "Machine: " + "; ".join(sorted(machines)) + ".",
        "",
        "Versions: " + ", ".join(f"{name} {value}" for name, value in versions.items()) + ".",
        "",
        "A `+` after a commit means that tracked files differed from it.",
        "",
    ]
    return "\n".join(lines)
