"""Numbers that may differ by what a weight's column carries."""

from pydantic import Field

from sparsid.architectures import ROLES
from sparsid.sparsify.method import Method

NOTE = "; none: the common one"


class ByRole(Method):
    """A number of its own for the columns of each role; None: the common one."""

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
        default=None, ge=0, description="for columns of inputs in the last layer; none: as `skip`"
    )
    output: float | None = Field(
        default=None, ge=0, description="for columns of hidden units in the last layer" + NOTE
    )

    def by_role(self, common: float) -> dict[str, float]:
        """The number of every role, `common` where it has none of its own."""
        own = {role: getattr(self, role) for role in ROLES}
        own["direct"] = self.skip if self.direct is None else self.direct
        return {role: common if number is None else number for role, number in own.items()}
