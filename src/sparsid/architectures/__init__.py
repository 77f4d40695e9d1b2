"""Architectures: options, cards and files of all kinds of models. No JAX.

A kind of model has its options here and its computation in `models`; both are registered below.
"""

from sparsid.architectures.arrays import ROLES, ArraySpec
from sparsid.architectures.base import (
    ARCHITECTURES,
    DEFAULT_KINDS,
    MODELS,
    AbstractArchitecture,
    AnyArchitecture,
    AnyOutputArchitecture,
    add_kind,
    as_architecture,
    default_for,
)
from sparsid.architectures.card import Card, library_versions
from sparsid.architectures.derivative import DerivativeMLP
from sparsid.architectures.file import ModelFile, read_file, write_file
from sparsid.architectures.narx import NARX

add_kind("derivative", DerivativeMLP, "sparsid.models.derivative:DerivativeModel")
add_kind("narx", NARX, "sparsid.models.narx:NARXModel")

__all__ = [
    "ARCHITECTURES",
    "DEFAULT_KINDS",
    "MODELS",
    "NARX",
    "ROLES",
    "AbstractArchitecture",
    "AnyArchitecture",
    "AnyOutputArchitecture",
    "ArraySpec",
    "Card",
    "DerivativeMLP",
    "ModelFile",
    "add_kind",
    "as_architecture",
    "default_for",
    "library_versions",
    "read_file",
    "write_file",
]
