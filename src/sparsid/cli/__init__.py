"""The command line, one file per verb. Heavy packages are imported only when a verb needs them."""

import sys
from typing import Any

import typer

from sparsid import __version__
from sparsid._errors import SparsidError
from sparsid.cli import (
    computing,
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
from sparsid.cli.console import print_error, show_all_letters
from sparsid.cli.options import grouped
from sparsid.cli.stopping import Interrupted, interruptions

app = typer.Typer(
    help="Sparse neural system identification: small, stable, readable simulators from data.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
VERBS = (
    *(processes, simulate, replay, fit, prune, predict, score),
    *(structure, equations, info, demo),
)
for verb in VERBS:
    app.command(name=verb.__name__.rsplit(".", 1)[-1], no_args_is_help=False)(grouped(verb.command))
app.add_typer(study.app, name="study")

WRONG_CALL = typer.BadParameter.__mro__[1]  # Typer has no public name for it


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit()


@app.callback()
def _main(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
    no_cache: bool = typer.Option(
        False, "--no-cache", help="Neither save compiled programs nor use saved ones."
    ),
) -> None:
    computing.keeping = not no_cache


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line. Invalid input: one sentence on standard error, exit code 2."""
    show_all_letters()
    with interruptions():
        code = _run(arguments)
    sys.exit(code)


def _run(arguments: list[str] | None) -> int:
    try:
        return app(args=arguments, standalone_mode=False) or 0
    except SparsidError as error:
        print_error(error)
        return 2
    except Interrupted as stop:
        print_error(stop)
        return stop.exit_code
    except typer.Abort:
        return 1
    except Exception as error:
        if isinstance(error, WRONG_CALL):
            return _misused(error)
        raise


def _misused(error: Any) -> int:
    """Prints the usage of a verb and the error of this call."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
    else:
        if error.ctx is not None:
            typer.echo(f"{error.ctx.get_usage()}\nTry '{error.ctx.command_path} --help'.", err=True)
        print_error(error.format_message())
    return error.exit_code
