"""The exception for undefined scores."""

from __future__ import annotations


class Undefined(Exception):
    """A score is undefined for a network; the message says why."""
