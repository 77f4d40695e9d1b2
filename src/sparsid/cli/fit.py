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
    """Which columns are what, and what an output depends on."""

    states: Annotated[str | None, typer.Option(help="Columns to simulate, by commas.")] = None
    outputs: Annotated[
        str | None,
        typer.Option(help="Columns to simulate where no states are measured, by commas."),
    ] = None
    inputs: Annotated[str | None, typer.Option(help="Input columns, by commas.")] = None
    lags: Annotated[
        int | None, typer.Option(help="Samples an output depends on, with --outputs (2).", min=1)
    ] = None
    delay: Annotated[
        int | None, typer.Option(help="First lag of the inputs, with --outputs (1).", min=1)
    ] = None

    def named(self) -> dict[str, Any]:
        """Keys of [data]."""
        return {name: listed(getattr(self, name)) for name in ("states", "outputs", "inputs")}

    def model(self) -> dict[str, Any]:
        """[model] of a recurrent network, as far as options say; nothing for other networks."""
        lags = {"output_lags": self.lags, "input_lags": self.lags, "delay": self.delay}
        given = {name: value for name, value in lags.items() if value}
        if self.outputs is None:
            if given:
                raise SparsidError("--lags and --delay are for models of --outputs.")
            return {}
        return {"model": {"kind": "narx", **given}}


@dataclass(frozen=True)
class TrainingOptions:
    """Keys of [training]."""

    recipe: Annotated[
        str,
        typer.Option(
            help="Of --states: auto (validation decides), one-step, free-run, readable or dense."
        ),
    ] = "auto"
    members: Annotated[int, typer.Option(help="Networks in the ensemble.")] = 10
    effort: Annotated[float, typer.Option(help="Multiplies epochs and iterations.")] = 1.0


@dataclass(frozen=True)
class ShareOptions:
    """What of the record is kept back."""

    validation_share: Annotated[
        float, typer.Option(help="Share kept back to choose between models.")
    ] = 0.2
    test_share: Annotated[float, typer.Option(help="Share kept back to judge the result.")] = 0.2


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
    """Learns a sparse simulator from recorded data, and judges it beside the linear model.

    Keeps back the end of the record: one part chooses between models, one only judges. Ctrl-C
    stops after the running epoch; the model is then saved as it is.

    With --states it learns how fast measured states change; with --outputs alone a recurrent model
    of inputs and outputs, trained on its own free run.

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

    parts = read_parts(spec.data)  # before JAX: a wrong file or column is refused at once
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
    """The fit, with its progress on the terminal; whoever stops it before its end is told so."""
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
    """Beside a specification, other options would be passed over in silence."""
    given = [
        name
        for name in context.params
        if name not in ("data", "to", "force")
        and str(context.get_parameter_source(name)).endswith("COMMANDLINE")
    ]
    if given:
        names = ", ".join("--" + name.replace("_", "-") for name in given)
        raise SparsidError(
            "With a specification only --out and --force may be given beside it; got "
            f"{names}: write it there."
        )


def _files(spec: "FitSpec") -> tuple[str, ...]:
    return (*spec.data.files, *spec.data.validation_files, *spec.data.test_files)


def _target(to: Path | None, spec: "FitSpec") -> Path:
    if to is None and spec.out is None:
        raise SparsidError("Say where to write the model: --out plant.sparsid.")
    return to or Path(spec.out or "")
