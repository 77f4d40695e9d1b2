"""Several methods as one, applied in order."""

from collections.abc import Callable
from dataclasses import dataclass

from sparsid._jax import jax
from sparsid.sparsify.base import Sparsifier, finish, init, prepare


@dataclass(frozen=True)
class _Sum:
    """Sum of the penalties of all methods; equal if its parts are, so that programs are reused."""

    parts: tuple[Callable | None, ...]

    def __call__(self, model, states, clock):
        given = [(p, s) for p, s in zip(self.parts, states, strict=True) if p is not None]
        return sum(part(model, state, clock) for part, state in given)


@dataclass(frozen=True)
class _Sequence:
    """The `after_...` hooks of all methods, each applied to the result of the previous one."""

    parts: tuple[Callable | None, ...]

    def __call__(self, model, moments, states, *arguments):
        later = []
        for part, state in zip(self.parts, states, strict=True):
            if part is not None:
                model, moments, state = part(model, moments, state, *arguments)
            later.append(state)
        return model, moments, tuple(later)


@dataclass(frozen=True)
class _Finish:
    methods: tuple[Sparsifier, ...]

    def __call__(self, model, states):
        for method, state in zip(self.methods, states, strict=True):
            model = finish(method, model, state)
        return model


def chain(*methods: Sparsifier) -> Sparsifier:
    """All methods together, in the order given: `chain(l1(1e-4), weight_average())`."""

    def prepare_all(model, *, key, regressors=None):
        for method, own in zip(methods, jax.random.split(key, len(methods)), strict=True):
            model = prepare(method, model, key=own, regressors=regressors)
        return model

    def init_all(model, *, key, regressors=None):
        keys = jax.random.split(key, len(methods))
        each = zip(methods, keys, strict=True)
        return tuple(init(m, model, key=k, regressors=regressors) for m, k in each)

    def gather(hook: str, combine: Callable):
        parts = tuple(getattr(method, hook) for method in methods)
        return combine(parts) if any(part is not None for part in parts) else None

    return Sparsifier(
        prepare=prepare_all,
        init=init_all,
        penalty=gather("penalty", _Sum),
        after_step=gather("after_step", _Sequence),
        after_epoch=gather("after_epoch", _Sequence),
        finish=_Finish(methods) if any(m.finish for m in methods) else None,
        sees_data=any(m.sees_data for m in methods),
    )
