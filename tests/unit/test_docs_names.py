"""The documentation names what is there: files, folders, layers, and tests."""

import re
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PAGES = [*PROJECT.glob("*.md"), *(PROJECT / "docs").glob("*.md")]
PLACES = PROJECT, PROJECT / "src" / "sparsid", PROJECT / "docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_are_there(page):
    content = re.sub("```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    named = re.findall(r"`((?:src|tests|docs|benchmarks|tools|papers|\w+)/[\w/*.]+)`", content)
    suffixes = (".py", ".md", "/")
    missing = {
        name
        for name in named
        if name.endswith(suffixes) and not any(list(place.glob(name)) for place in PLACES)
    }
    planned = {"export/", "export/__init__.py"}
    assert missing <= planned


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#\s]*)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert "://" in link or (page.parent / link).exists(), link


def test_links_to_headings_lead_to_one():
    for page in PAGES:
        for name, heading in re.findall(r"\]\(([\w/.-]*)#([\w-]+)\)", page.read_text("utf-8")):
            target = page if not name else page.parent / name
            titles = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
            assert heading in anchors, (page.name, heading)


def layers(lines) -> list[set[str]]:
    return [set(re.findall(r"\w+", line)) for line in lines]


def test_the_table_of_layers_is_the_one_that_is_checked():
    with (PROJECT / "pyproject.toml").open("rb") as file:
        linter = tomllib.load(file)["tool"]["importlinter"]
    checked = next(one["layers"] for one in linter["contracts"] if one["id"] == "layers")
    page = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.split("| Layer | Contents |")[1].split("\n\n")[0].splitlines()[2:]
    assert layers(line.split("|")[1] for line in table) == layers(checked)[1:]  # but __main__


def test_the_tree_names_every_package():
    page = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
    tree = page.split("    src/sparsid/\n")[1].split("\n\n")[0]
    packages = {file.parent.name for file in (PROJECT / "src" / "sparsid").rglob("__init__.py")}
    packages -= {"sparsid", *(f.name for f in (PROJECT / "src/sparsid/study/tasks").iterdir())}
    assert packages == set(re.findall(r"^\s+(\w+)/", tree, re.MULTILINE))
