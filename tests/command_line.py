"""The command line called in this process, as tests need it."""

from sparsid.cli import main


def run(*arguments) -> int:
    """Exit code of one call of the command line."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def refused(capsys, *arguments) -> str:
    """The one sentence with which a call is refused."""
    capsys.readouterr()
    code = run(*arguments)
    content = capsys.readouterr()
    assert code == 2, content.err
    assert "Traceback" not in content.err
    assert content.out == ""
    return " ".join(content.err.split())
