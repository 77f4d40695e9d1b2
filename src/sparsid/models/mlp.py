"""Small multilayer perceptrons in scaled numbers, plain or with input skip."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PyTree

from sparsid.architectures.arrays import layer_role, skip_role
from sparsid.graph import Clip, Graph, GraphLayer, beside
from sparsid.graph.activations import ACTIVATIONS
from sparsid.models.parameters import Weight, is_parameter, stored

type Names = tuple[str, ...]

SHARPNESS = 10.0  # of the surrogate gradient of binary units


@jax.custom_jvp
def binary(a: Array) -> Array:
    """1 where a is not negative, else 0.

    Its derivative is zero; training uses 1 / (1 + SHARPNESS |a|)^2 instead: narrow enough to locate
    a threshold, with tails that reach every sample (straight-through estimator with the surrogate
    gradient of Zenke and Ganguli 2018).
    """
    return ACTIVATIONS["binary"].value(a, jnp).astype(a.dtype)


@binary.defjvp
def _surrogate(primals, tangents):
    (a,), (change,) = primals, tangents
    return binary(a), change / (1 + SHARPNESS * jnp.abs(a)) ** 2


# JAX differentiates the common formula of relu to 1/2 at 0, where pruned units stay, and rounds
# that of silu differently from its own; `binary` is trained by a surrogate gradient.
TRAINED: dict[str, Callable] = {"relu": jax.nn.relu, "silu": jax.nn.silu, "binary": binary}


def activation(name: str) -> Callable[[Array], Array]:
    """The activation `name` in JAX, as training differentiates it; SparsidError if unknown."""
    value = ACTIVATIONS[name].value
    return TRAINED.get(name) or (lambda a: value(a, jnp))


VECTOR = 16  # float32 numbers in a processor's register


class Layer(eqx.Module):
    """weight @ h + skip @ z + bias, where z are the network's inputs.

    `weight` and `skip` are parameters, or their arrays once the model is resolved; `bias` is an
    array, or a parameter until then. `skip` and `bias` may be None. h and z are one sample, or a
    batch (features, samples).
    """

    weight: Any
    skip: Any
    bias: Any

    def __call__(
        self, h: Float[Array, " hidden *samples"], z: Float[Array, " inputs *samples"]
    ) -> Float[Array, " outputs *samples"]:
        weight, reach = self._joined(h, z, axis=0)
        if self.bias is None:
            return weight @ reach
        return weight @ reach + (self.bias if h.ndim == 1 else self.bias[:, None])

    def rows(
        self, h: Float[Array, "samples hidden"], z: Float[Array, "samples inputs"]
    ) -> Float[Array, "samples outputs"]:
        """The same for samples stored as rows."""
        weight, reach = self._joined(h, z, axis=1)
        return reach @ weight.T + (0.0 if self.bias is None else self.bias)

    def _joined(self, h: Array, z: Array, *, axis: int) -> tuple[Array, Array]:
        """All columns and their inputs: one matrix product is faster than two."""
        if self.skip is None:
            return self.weight, h
        return jnp.concatenate([self.weight, self.skip], axis=1), jnp.concatenate([h, z], axis=axis)


class MLP(eqx.Module):
    """A multilayer perceptron; resolve it before calling (`parameters.resolve`).

    It takes one sample, or a batch stored as features x samples: with 25 units such products are
    twice as fast as with rows of samples, and `vmap` would make rows of them. Internally a batch is
    transposed to rows if its size is no multiple of the vector length but the widest layer is: a
    step of 128 units and batch 50 then takes 0.7 of the time.

    With `skip`, every layer after the first takes the inputs in addition to its hidden units
    (input skip connections, arXiv 2301.00582). Without hidden layers it is a linear map.
    """

    layers: tuple[Layer, ...]
    activation: str = eqx.field(static=True)

    def __call__(
        self,
        z: Float[Array, " inputs *samples"],
        inner: Float[Array, " inputs *samples"] | None = None,
    ) -> Float[Array, " outputs *samples"]:
        """`inner`, if given, replaces z in the hidden layers; the last layer takes z."""
        inner = z if inner is None else inner
        if z.ndim == 2 and self._by_rows(z.shape[1]):
            return self._through(z.T, inner.T, Layer.rows).T
        return self._through(z, inner, Layer.__call__)

    def graph(self, inputs: Names, outputs: Names, clip: Clip | None = None) -> Graph:
        """The resolved network in NumPy, with names of inputs and outputs."""
        layers = tuple(
            GraphLayer(
                np.asarray(layer.weight),
                None if layer.skip is None else np.asarray(layer.skip),
                np.zeros(len(layer.weight)) if layer.bias is None else np.asarray(layer.bias),
            )
            for layer in self.layers
        )
        return Graph(layers, self.activation, inputs, outputs, clip)

    def _by_rows(self, samples: int) -> bool:
        widest = max(len(layer.weight) for layer in self.layers)
        return widest >= 2 * VECTOR and widest % VECTOR == 0 and samples % VECTOR != 0

    def _through(self, z: Array, inner: Array, apply: Callable) -> Array:
        activate = activation(self.activation)
        h = inner if self.layers[1:] else z
        for layer in self.layers[:-1]:
            h = activate(apply(layer, h, inner))
        return apply(self.layers[-1], h, z)


class PerOutput(eqx.Module):
    """One small network for each output, so that links from inputs to outputs are explicit."""

    networks: MLP  # every leaf has a leading axis, one entry per output

    def __call__(
        self,
        z: Float[Array, " inputs *samples"],
        inner: Float[Array, " inputs *samples"] | None = None,
    ) -> Float[Array, " outputs *samples"]:
        return jax.vmap(lambda network: network(z, inner)[0])(self.networks)

    def graph(self, inputs: Names, outputs: Names, clip: Clip | None = None) -> Graph:
        """The resolved parallel networks in NumPy, with names of inputs and outputs."""
        networks = [jax.tree.map(lambda a, i=i: a[i], self.networks) for i in range(len(outputs))]
        return beside(
            [
                network.graph(inputs, (name,), None if clip is None else clip.of(i))
                for i, (network, name) in enumerate(zip(networks, outputs, strict=True))
            ]
        )


def layers_of(model: PyTree) -> list[Layer]:
    """All layers of an unresolved model, in the order of its weights."""
    nodes = jax.tree.leaves(model, is_leaf=lambda n: isinstance(n, Layer) or is_parameter(n))
    return [node for node in nodes if isinstance(node, Layer)]


def build_mlp(
    inputs: int,
    outputs: int,
    widths: Sequence[int],
    *,
    activation: str,
    skip: bool,
    bias: bool = True,
    key: Key[Array, ""],
) -> MLP:
    """A network with He-normal weights (standard deviation sqrt(2 / fan-in)) and zero biases.

    Without hidden layers all weights are zero: a linear map needs no symmetry breaking.
    """
    sizes = [inputs, *widths, outputs]
    layers = []
    for at, layer_key in enumerate(jax.random.split(key, len(sizes) - 1)):
        skips = inputs if skip and at > 0 else 0
        spread = jnp.sqrt(2.0 / (sizes[at] + skips)) if widths else 0.0
        drawn = spread * jax.random.normal(layer_key, (sizes[at + 1], sizes[at] + skips))
        layers.append(
            Layer(
                Weight(drawn[:, : sizes[at]], layer_role(at, len(widths))),
                Weight(drawn[:, sizes[at] :], skip_role(at, len(widths))) if skips else None,
                jnp.zeros(sizes[at + 1]) if bias else None,
            )
        )
    return MLP(tuple(layers), activation)


def build_per_output(inputs: int, outputs: int, *, key: Key[Array, ""], **shape) -> PerOutput:
    """A network with one output for each of `outputs`; `shape` as for `build_mlp`."""

    def one(output_key):
        return build_mlp(inputs, 1, key=output_key, **shape)

    return PerOutput(jax.vmap(one)(jax.random.split(key, outputs)))


def network_to_arrays(network: MLP | PerOutput) -> dict[str, Array]:
    """Every array by its documented name (`architectures.arrays.network_arrays`)."""
    found = {}
    for at, layer in enumerate(_alone(network).layers):
        for name in ("weight", "skip", "bias"):
            if (part := getattr(layer, name)) is not None:
                found[f"layers.{at}.{name}"] = stored(part) if is_parameter(part) else part
    return found


def network_from_arrays(
    arrays: Mapping[str, Array], widths: Sequence[int], activation: str, *, per_output: bool = False
) -> MLP | PerOutput:
    """The network that has these arrays, stacked or not."""
    last = len(widths)

    def weight(name: str, role: str) -> Weight | None:
        return Weight(arrays[name], role) if name in arrays else None

    layers = tuple(
        Layer(
            weight(f"layers.{at}.weight", layer_role(at, last)),
            weight(f"layers.{at}.skip", skip_role(at, last)),
            arrays.get(f"layers.{at}.bias"),
        )
        for at in range(last + 1)
    )
    network = MLP(layers, activation)
    return PerOutput(network) if per_output else network


def _alone(network: MLP | PerOutput) -> MLP:
    return network.networks if isinstance(network, PerOutput) else network
