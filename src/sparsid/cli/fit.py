"""sparsid fit"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparsid._errors import SparsidError
from sparsid.cli.computing import use_machine
from sparsid.cli.console import print_line, print_notes, show
from sparsid.cli.options import Seed, TableOptions, listed
from sparsid.cli.outputs import Force, check_outputs
from sparsid.cli.stopping import Interrupted, until_written

if TYPE_CHECKING:
    from sparsid.identify import FitResult, FitSpec, Parts


@dataclass(frozen=True)
class ChannelOptions:
    """The channels of the columns, and the lags of a recurrent model."""

    states: Annotated[str | None, typer.Option(help="State columns, comma-separated.")] = None
    outputs: Annotated[
        str | None,
        typer.Option(help="Output columns, if states are not measured, comma-separated."),
    ] = None
    inputs: Annotated[str | None, typer.Option(help="Input columns, comma-separated.")] = None
    lags: Annotated[
        int | None,
        typer.Option(help="Past samples that an output depends on, with --outputs (2).", min=1),
    ] = None
    delay: Annotated[
        int | None, typer.Option(help="First lag of the inputs, with --outputs (1).", min=1)
    ] = None

    def named(self) -> dict[str, Any]:
        """Keys of [data]."""
        return {name: listed(getattr(self, name)) for name in ("states", "outputs", "inputs")}

    def model(self) -> dict[str, Any]:
        """The options of [model] for a recurrent network; empty for other networks."""
        lags = {"output_lags": self.lags, "input_lags": self.lags, "delay": self.delay}
        given = {name: value for name, value in lags.items() if value}
        if self.outputs is None:
            if given:
                raise SparsidError("--lags and --delay need --outputs.")
            return {}
        return {"model": {"kind": "narx", **given}}


@dataclass(frozen=True)
class TrainingOptions:
    """Keys of [training]."""

    recipe: Annotated[
        str,
        typer.Option(
            help="For --states: auto (chosen by validation), one-step, free-run, readable or dense."
        ),
    ] = "auto"
    members: Annotated[int, typer.Option(help="Number of networks in the ensemble.")] = 10
    effort: Annotated[float, typer.Option(help="Multiplies epochs and iterations.")] = 1.0


@dataclass(frozen=True)
class ShareOptions:
    """The shares of validation and test data."""

    validation_share: Annotated[
        float, typer.Option(help="Share of validation data, for model selection.")
    ] = 0.2
    test_share: Annotated[
        float, typer.Option(help="Share of test data, for the final evaluation.")
    ] = 0.2


def command(
    context: typer.Context,
    data: Annotated[
        list[Path],
        typer.Argument(metavar="DATA...|SPEC.toml", help="Data files, or one TOML specification."),
    ],
    to: Annotated[Path | None, typer.Option("--out", help="The model file to write.")] = None,
    *,
    channels: ChannelOptions,
    tables: TableOptions,
    training: TrainingOptions,
    shares: ShareOptions,
    seed: Seed = 0,
    force: Force = False,
) -> None:
    """Fits a sparse simulator to recorded data, and compares it with a linear model.

    The end of the record is split off as validation data, for model selection, and as test data.
    Ctrl-C stops after the current epoch; the model is then saved as it is.

    With --states the model is a differential equation of measured states; with --outputs alone a
    recurrent model of inputs and outputs, trained on its own free run.

    Example: `sparsid fit plant.csv --states T1,T2 --inputs Q --dt 10 --out plant.sparsid`
    """
    if len(data) == 1 and data[0].suffix.lower() == ".toml":
        _only_out(context)

        from sparsid.identify import read_spec

        spec = read_spec(data[0])
    else:
        files = {"files": [str(path) for path in data], **channels.named(), **tables.given()}
        given: dict[str, Any] = {
            "data": {**files, **vars(shares)},
            "training": {**vars(training), "seed": seed},
            **channels.model(),
        }
        if to is not None:
            check_outputs([to], inputs=data, force=force)

        from sparsid.identify import FitSpec, parse

        spec = parse(FitSpec, given, "fit")
    target = _target(to, spec)
    check_outputs([target], inputs=[*data, *_files(spec)], force=force)

    from sparsid.identify import read_parts

    parts = read_parts(spec.data)  # before JAX is imported, to report a wrong file or column early
    result = _fitted(spec, parts, target)

    from sparsid.identify import assess
    from sparsid.identify.documents import fit_document

    result.ensemble.save(target)
    print_notes(result.notes)
    found = assess(result)
    show(fit_document(found))
    print_notes(found.remarks)
    print_line(f"Saved {len(result.ensemble)} members to {target}.")


def _fitted(spec: "FitSpec", parts: "Parts", target: Path) -> "FitResult":
    """The fit, with a progress bar; if interrupted, the message says that nothing was saved."""
    from sparsid.cli.progress import training_progress
    from sparsid.identify import fit_spec
    from sparsid.training.progress import last_signal

    use_machine()
    with until_written(target), training_progress() as callbacks:
        try:
            return fit_spec(spec, parts=parts, callbacks=callbacks)
        except KeyboardInterrupt:  # before any network was trained
            raise Interrupted(last_signal()) from None


def _only_out(context: typer.Context) -> None:
    """Refuses options other than --out and --force: they would be silently ignored."""
    given = [
        name
        for name in context.params
        if name not in ("data", "to", "force")
        and str(context.get_parameter_source(name)).endswith("COMMANDLINE")
    ]
    if given:
        names = ", ".join("--" + name.replace("_", "-") for name in given)
        raise SparsidError(
            f"With a specification only --out and --force may be given; got {names}: set it in the "
            "specification."
        )


def _files(spec: "FitSpec") -> tuple[str, ...]:
    return (*spec.data.files, *spec.data.validation_files, *spec.data.test_files)


def _target(to: Path | None, spec: "FitSpec") -> Path:
    if to is None and spec.out is None:
        raise SparsidError("`fit` needs a file to write the model to: --out plant.sparsid.")
    return to or Path(spec.out or "")
