"""The three kinds of channels: states, outputs and inputs."""

from typing import Any, NamedTuple


class Kind(NamedTuple):
    """A kind of channels. `Trajectory` and NetCDF files store its values as `letter`.

    `Dataset` stores its names and units as `plural`.
    """

    letter: str
    singular: str
    plural: str

    def keywords(self, records, names, units) -> dict[str, Any]:
        """The arguments of `Dataset.from_arrays` for this kind."""
        return {
            self.letter: records,
            f"{self.singular}_names": names,
            f"{self.singular}_units": units,
        }


STATES = Kind("x", "state", "states")
OUTPUTS = Kind("y", "output", "outputs")
INPUTS = Kind("u", "input", "inputs")
KINDS = (STATES, OUTPUTS, INPUTS)
