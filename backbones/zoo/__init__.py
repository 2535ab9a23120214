"""The zoo: published genotypes, and the user's own."""

from backbones.zoo.own import GenotypeLike, genotype_of
from backbones.zoo.published import Entry, get, names

__all__ = ["Entry", "GenotypeLike", "genotype_of", "get", "names"]
