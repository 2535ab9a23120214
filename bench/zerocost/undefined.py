"""A score that a network does not have."""

from __future__ import annotations


class Undefined(Exception):
    """The score is undefined for a network; says why."""
