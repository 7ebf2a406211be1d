"""DyNet's softmax builders: distributions over words, and their parameters."""

from charlm.dynet.softmaxes.base import SoftmaxBuilder, StandardSoftmaxBuilder
from charlm.dynet.softmaxes.class_factored import ClassFactoredSoftmaxBuilder
from charlm.dynet.softmaxes.hierarchical import HierarchicalSoftmaxBuilder

__all__ = [
    "ClassFactoredSoftmaxBuilder",
    "HierarchicalSoftmaxBuilder",
    "SoftmaxBuilder",
    "StandardSoftmaxBuilder",
]
