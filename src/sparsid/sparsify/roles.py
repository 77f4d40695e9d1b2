"""Options that may differ by the role of a weight: what its column multiplies."""

from pydantic import Field

from sparsid.architectures import ROLES
from sparsid.sparsify.method import Method

NOTE = "; default: the common value"


class ByRole(Method):
    """A value for the columns of each role; None: the common value."""

    first: float | None = Field(
        default=None, ge=0, description="for columns of inputs in the first layer" + NOTE
    )
    hidden: float | None = Field(
        default=None, ge=0, description="for columns of hidden units" + NOTE
    )
    skip: float | None = Field(
        default=None, ge=0, description="for columns of inputs in later layers" + NOTE
    )
    direct: float | None = Field(
        default=None, ge=0, description="for columns of inputs in the last layer; default: `skip`"
    )
    output: float | None = Field(
        default=None, ge=0, description="for columns of hidden units in the last layer" + NOTE
    )

    def by_role(self, common: float) -> dict[str, float]:
        """The value of every role, `common` where none is given."""
        own = {role: getattr(self, role) for role in ROLES}
        own["direct"] = self.skip if self.direct is None else self.direct
        return {role: common if number is None else number for role, number in own.items()}
