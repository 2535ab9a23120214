"""Addresses of a Ray cluster that cannot be used, found before anything starts."""

from __future__ import annotations

import socket

import pytest

from backbones.errors import InputError
from bench.pipeline.engines.ray import RayEngine, confirm_reachable


def test_a_host_that_does_not_answer_is_found_at_once() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}"):
            with pytest.raises(InputError, match=rf"^address {address}: no Ray cluster answers there"):
                confirm_reachable(address)
        free.listen()
        confirm_reachable(f"127.0.0.1:{port}")
    for elsewhere in (None, "auto", "host:name"):
        confirm_reachable(elsewhere)
    with pytest.raises(InputError, match="no Ray cluster answers there"):
        confirm_reachable("127.0.0.1:70000")


def test_what_ray_refuses_ends_in_one_line() -> None:
    with pytest.raises(InputError, match=r"^address nowhere: \S[^\n]*$"):
        RayEngine("nowhere")
