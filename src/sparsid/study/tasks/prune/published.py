"""Tables that compare our best networks with those of the paper that a study names."""

from collections.abc import Iterator
from dataclasses import dataclass

from sparsid.papers import NetworkErrors, PublishedNetwork, paper
from sparsid.papers.paper import PrunedTables
from sparsid.report.document import Cell, Quantity, Share, Table
from sparsid.study.results import StudyResults
from sparsid.study.tasks.prune.results import PathResults
from sparsid.study.tasks.prune.stages import CHOICES, ERRORS

EXACT = 6  # significant digits of a published number
STEP = 10  # parameters removed from one table row to the next


@dataclass(frozen=True)
class _Pair:
    """One of our best networks, and the published network of the same rank."""

    ours: PathResults
    at: int  # of our network
    theirs: PublishedNetwork

    def own(self, point: str, what: str) -> float:
        return float(self.ours.number(point, what)[self.at])

    @property
    def names(self) -> tuple[str, str]:
        return self.ours.name, self.theirs.name


def published_tables(results: StudyResults) -> Iterator[Table]:
    """Full networks, paths, pruned networks and shares; none without published numbers."""
    if results.study.published is None:
        return
    named = paper(results.study.published)
    pairs = [
        _Pair(found, at, theirs)
        for found in results.configurations
        if found.spec.published
        for at, theirs in _by_rank(found, named.group(found.spec.published))
    ]
    if named.pruned is None or not pairs:
        return
    yield _full(pairs, named.pruned)
    yield _paths(pairs, named.pruned)
    yield _pruned(pairs, named.pruned)
    yield _shares(pairs, named.pruned)


def _by_rank(
    found: PathResults, theirs: tuple[PublishedNetwork, ...]
) -> Iterator[tuple[int, PublishedNetwork]]:
    """Our best networks, each with the published network of its rank, as far as both have some."""
    return zip(found.best(len(theirs)), theirs, strict=False)


def _full(pairs: list[_Pair], content: PrunedTables) -> Table:
    columns = ("configuration", "published network", *_columns(), "test")
    rows = [
        (*pair.names, *_compared(pair, "full", pair.theirs.stages[content.full])) for pair in pairs
    ]
    title = "Best three full networks, compared with published"
    return Table(title, columns, rows, content.note)


def _pruned(pairs: list[_Pair], content: PrunedTables) -> Table:
    columns = ("configuration", "network chosen", "published network", *_columns(), "test")
    rows = []
    for choice, stage in content.stages.items():
        for pair in pairs:
            ours, theirs = pair.names
            cells = _compared(pair, choice, pair.theirs.stages[stage])
            rows.append((ours, CHOICES[choice], theirs, *cells))
    title = "Best three networks after pruning, compared with published"
    return Table(title, columns, rows, content.note + content.choice)


def _shares(pairs: list[_Pair], content: PrunedTables) -> Table:
    columns = ["configuration", "network chosen", "published network"]
    for name in ("removed %", "train, % of full", "validation, % of full"):
        columns += [name, f"published {name}"]
    columns.append("test, % of full")
    rows = []
    for choice in (choice for choice, stage in content.stages.items() if stage == content.best):
        for pair in pairs:
            full, best = (pair.theirs.stages[stage] for stage in (content.full, content.best))
            ours, theirs = pair.names
            row: list[Cell] = [ours, CHOICES[choice], theirs]
            row.append(Share(1 - _share(pair, choice, "left")))
            row.append(Share(1 - _ratio(best.left, full.left)))
            row += [Share(_share(pair, choice, "train")), Share(_ratio(best.train, full.train))]
            row.append(Share(_share(pair, choice, "validation")))
            row.append(Share(_ratio(best.validation, full.validation)))
            rows.append((*row, Share(_share(pair, choice, "test"))))
    title = "Shares of the best pruned networks"
    return Table(title, columns, rows, content.note + content.choice)


def _paths(pairs: list[_Pair], content: PrunedTables) -> Table:
    columns = ["configuration", "published network", "removed"]
    columns += ["train", "published train", "validation", "published validation", "test"]
    rows = []
    for pair in pairs:
        left = pair.ours.scores[pair.at].left
        for removed in range(STEP, max(int(left[0] - left[-1]), *pair.theirs.path) + 1, STEP):
            ours = [float(pair.ours.at_removed(part, removed)[pair.at]) for part in ERRORS]
            theirs = pair.theirs.path.get(removed, NetworkErrors())
            known = [*(error for error in ours if error == error), theirs.train, theirs.validation]
            if any(error is not None for error in known):
                train, validation, test = (Quantity(error) for error in ours)
                printed = (Quantity(error, 4) for error in (theirs.train, theirs.validation))
                row = (*pair.names, removed, train, next(printed), validation, next(printed), test)
                rows.append(row)
    title = "Errors by number of removed weights, best three networks"
    return Table(title, columns, rows, content.note)


def _columns() -> Iterator[str]:
    for name in ("weights", "train", "validation"):
        yield name
        yield f"published {name}"


def _compared(pair: _Pair, choice: str, theirs: NetworkErrors) -> Iterator[Cell]:
    """Cells of the columns `_columns` and the test error."""
    printed = (theirs.left, theirs.train, theirs.validation)
    for part, number in zip(("left", "train", "validation"), printed, strict=True):
        yield Quantity(pair.own(choice, part))
        yield Quantity(number, EXACT)
    yield Quantity(pair.own(choice, "test"))


def _share(pair: _Pair, choice: str, part: str) -> float:
    return _ratio(pair.own(choice, part), pair.own("full", part))


def _ratio(part: float | None, whole: float | None) -> float:
    return float("nan") if part is None or whole is None else part / whole
