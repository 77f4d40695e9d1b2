"""The command line: one verb a file. Nothing heavy is imported before a verb needs it."""

import sys

import typer

from sparsid import __version__
from sparsid._errors import SparsidError
from sparsid.cli import (
    demo,
    equations,
    fit,
    info,
    predict,
    processes,
    prune,
    replay,
    score,
    simulate,
    structure,
    study,
)
from sparsid.cli.console import err

app = typer.Typer(
    help="Sparse neural system identification: small, stable, readable simulators from data.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
)
VERBS = (
    *(processes, simulate, replay, fit, prune, predict, score),
    *(structure, equations, info, demo),
)
for verb in VERBS:
    app.command(name=verb.__name__.rsplit(".", 1)[-1], no_args_is_help=False)(verb.command)
app.add_typer(study.app, name="study")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit()


@app.callback()
def _main(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    pass


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line. Bad input: one sentence on standard error, exit code 2."""
    try:
        app(args=arguments)
    except SparsidError as error:
        err.print(f"Error: {error}", markup=False, style="red")
        sys.exit(2)
    except KeyboardInterrupt:
        err.print("Interrupted; nothing was left half-written.", markup=False)
        sys.exit(130)
