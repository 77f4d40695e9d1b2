"""A small plant and plain NumPy networks: the witnesses that several test files compare with.

Nothing here calls the package's own arithmetic.
"""

from fractions import Fraction

import numpy as np

from sparsid.data import Dataset, Normaliser


def plant(trajectories=2, samples=51, *, seed=0, dt=0.5) -> Dataset:
    """Two damped, coupled, mildly nonlinear states under one random input."""
    rng = np.random.default_rng(seed)
    x = np.zeros((trajectories, samples, 2))
    u = rng.uniform(-1, 1, (trajectories, samples, 1))
    x[:, 0] = rng.uniform(-1, 1, (trajectories, 2))
    for k in range(samples - 1):
        a, b = x[:, k, 0], x[:, k, 1]
        x[:, k + 1, 0] = a + dt * (-0.3 * a + 0.4 * b)
        x[:, k + 1, 1] = b + dt * (-0.5 * b - 0.2 * a**3 + u[:, k, 0])
    physical = np.array([20.0, 0.1]) * x + np.array([300.0, -2.0])
    return Dataset.from_arrays(x=physical, u=5 + 2 * u, dt=dt)


def scaled_plant(**options):
    dataset = plant(**options)
    return Normaliser.fit(dataset).apply(dataset)


def one_step_examples(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Network inputs and targets in scaled numbers, from the definition, over all rows."""
    x, u = [t.x for t in dataset], [t.u for t in dataset]
    all_x, all_u = np.concatenate(x), np.concatenate(u)
    rises = np.concatenate([r[1:] - r[:-1] for r in x])
    z = np.hstack(
        [
            (np.concatenate([r[:-1] for r in x]) - all_x.mean(0)) / all_x.std(0),
            (np.concatenate([r[:-1] for r in u]) - all_u.mean(0)) / all_u.std(0),
        ]
    )
    return z, (rises - rises.mean(0)) / rises.std(0)


ACTIVATE = {
    "relu": lambda a: np.maximum(a, 0),
    "tanh": np.tanh,
    "silu": lambda a: a / (1 + np.exp(-a)),
}


def layers_of(network, member) -> list[dict[str, np.ndarray]]:
    """One member's layers as plain float64 arrays (no key "skip" where there is none)."""
    layers = []
    for layer in network.layers:
        arrays = {"weight": layer.weight.raw, "bias": layer.bias}
        if layer.skip is not None:
            arrays["skip"] = layer.skip.raw
        layers.append({name: np.array(a[member], np.float64) for name, a in arrays.items()})
    return layers


def forward(layers, z, activation="relu"):
    """Output of the network for one input vector z (inputs,)."""
    h = z
    for at, layer in enumerate(layers):
        a = layer["weight"] @ h + layer["bias"]
        if "skip" in layer:
            a = a + layer["skip"] @ z
        h = a if at == len(layers) - 1 else ACTIVATE[activation](a)
    return h


def physical_rollout(rate, start, u, *, stepper="euler"):
    """Free run in physical units; `rate(x, u)` is the increment of x over one sample."""
    rows = [np.array(start, np.float64)]
    for k in range(len(u) - 1):
        x = rows[-1]
        if stepper == "euler":
            later = x + rate(x, u[k])
        else:
            k1 = rate(x, u[k])
            k2 = rate(x + 0.5 * k1, u[k])
            k3 = rate(x + 0.5 * k2, u[k])
            k4 = rate(x + k3, u[k])
            later = x + (k1 + 2 * k2 + 2 * k3 + k4) / 6
        rows.append(later)
    return np.stack(rows)


def physical_rate(networks, train: Dataset, *, activation="relu"):
    """Increment over one sample in physical units, scaled by the mean and spread of `train`.

    `networks` holds one network for all states, or one for each.
    """
    x, u = np.concatenate([t.x for t in train]), np.concatenate([t.u for t in train])
    rises = np.concatenate([np.diff(t.x, axis=0) for t in train])

    def rate(x_k, u_k):
        z = np.concatenate([(x_k - x.mean(0)) / x.std(0), (u_k - u.mean(0)) / u.std(0)])
        out = np.concatenate([forward(layers, z, activation) for layers in networks])
        return rises.mean(0) + rises.std(0) * out

    return rate


def shared_out(total: int, weight, capacity) -> list[Fraction]:
    """Exact shares of `total` in proportion to `weight`; a full layer passes its share on."""
    total, full = Fraction(min(total, sum(capacity))), set()
    while True:
        others = [i for i in range(len(capacity)) if i not in full]
        rest = total - sum(capacity[i] for i in full)
        over = sum(weight[i] for i in others)
        shares = {i: rest * weight[i] / over for i in others}
        overfull = {i for i in others if shares[i] > capacity[i]}
        if not overfull:
            return [shares.get(i, Fraction(int(capacity[i]))) for i in range(len(capacity))]
        full |= overfull
