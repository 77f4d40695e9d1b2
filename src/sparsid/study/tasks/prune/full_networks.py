"""The full networks of one configuration: initialised, trained, and chosen among restarts."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from sparsid.identify.phase_spec import PhaseSpec
from sparsid.identify.prune import errors_of
from sparsid.identify.second_order_spec import SecondOrderSpec
from sparsid.study.tasks.prune.cells import PathGroup
from sparsid.study.tasks.prune.datasets import PathData
from sparsid.training import Members, Monitor, Training
from sparsid.training.progress import Stop
from sparsid.training.restarts import best_restarts
from sparsid.training.starts import models_of, points_of, uniform_start
from sparsid.training.training import NEVER

SMALL = 0.3  # a small start is drawn from U[-0.3, 0.3]


class FullNetworks:
    """The networks before pruning, one per seed; float64 throughout."""

    def __init__(self, group: PathGroup, data: PathData, stop: Stop, doing: Callable[[str], None]):
        self.spec, self.cells, self.data, self.doing = group.spec, group.cells, data, doing
        self.training = Training(
            self.spec.model,
            data.train,
            monitor=Monitor(data.validation, every=NEVER, trajectories=1),
            stop=stop,
            allow_diverged=True,
        )

    def begun(self) -> Members:
        """The initial networks of each seed, one per restart; determined by the seed alone."""
        spec = self.spec
        keys = [
            jax.random.fold_in(jax.random.key(cell.place["seed"]), restart)
            for cell in self.cells
            for restart in range(spec.restarts)
        ]
        stacked_keys = jnp.stack(keys)
        layout, points = points_of(
            jax.vmap(lambda key: spec.model.build(self.data.train, key=key))(stacked_keys)
        )
        drawn = [
            uniform_start(jax.tree.map(lambda leaf, i=i: leaf[i : i + 1], points), key=key).theta
            for i, key in enumerate(keys)
        ]
        share = 1.0 if spec.start == "uniform" else SMALL
        points = points._replace(theta=share * np.concatenate(drawn))
        return self.training.begin(stacked_keys, start=models_of(layout, points))

    def trained(self, members: Members) -> Members:
        """One network per seed, chosen on the validation record after `train`, then refined."""
        members = self._through(members, self.spec.train, "training")
        layout, points = points_of(members.models())
        judged = errors_of(layout, points, self.data.windows(self.spec.model))
        best = best_restarts(np.array([of.validation for of in judged]), self.spec.restarts)
        return self._through(members.pick(best.tolist()), self.spec.refine, "refining")

    def _through(
        self, members: Members, phases: Sequence[PhaseSpec | SecondOrderSpec], doing: str
    ) -> Members:
        for at, phase in enumerate(phases):
            self.doing(f"{doing}, phase {at + 1} of {len(phases)}")
            members = self.training.run(members, phase.build())
        return members
