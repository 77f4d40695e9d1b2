"""The document of a study."""

from typing import Any


def report(results: Any) -> Any:
    raise NotImplementedError
