"""Run stages as Ray tasks, on this machine or a cluster.

A stage is one task with its CPUs and GPUs. If a worker is lost, Ray starts another one, and the stage resumes from its
last checkpoint; for this, results, work folder, data and the current folder must lie on a path that all machines share.
The worker that runs a stage holds its lock, so a lost worker that is still alive and its replacement never write at the
same time.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from backbones.errors import InputError
from bench.pipeline.notes import Failure, StorageError
from bench.pipeline.work import Outcome, Work, execute
from search.configs import DATA_VARIABLES

#: How often Ray restarts a stage after the loss of its worker.
RETRIES = 5

#: Address that a private cluster listens on.
LOOPBACK = "127.0.0.1"

#: Environment variables that workers get from this process.
_VARIABLES = (*DATA_VARIABLES, "PYTHONPATH", "OMP_NUM_THREADS", "GOMP_SPINCOUNT")


def confirm_reachable(address: str | None) -> None:
    """Check that a host answers at the address; Ray itself would try for minutes.

    Raises:
        InputError: no host answers.
    """
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise InputError(f"address {address}: no Ray cluster answers there: {error}") from error


def _own_variables() -> dict[str, str]:
    """Environment variables that protect a private cluster with a secret token."""
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    }


class RayEngine:
    """Run stages as tasks of a Ray cluster.

    Args:
        address: address of the cluster, such as `auto` or `ray://head:10001`; its network must be trusted, because
            everyone who reaches it can run code there. None starts Ray on this machine for this process alone.

    Raises:
        InputError: Ray is not installed, or there is no cluster at the address.
    """

    slots: int | None = None

    def __init__(self, address: str | None) -> None:
        private = _own_variables() if address is None and "ray" not in sys.modules else {}
        # Ray reads them once, as it is imported.
        os.environ.update(private)
        try:
            import ray
        except ImportError as error:
            raise InputError("engine ray: Ray is not installed; pip install 'wildnas[ray]'") from error
        self._ray = ray
        self._folder: Path | None = None
        # A cluster that the caller has joined is used, but not shut down.
        self._own = not ray.is_initialized()
        if self._own:
            confirm_reachable(address)
            alone = {} if address is not None else self._on_this_machine_only()
            variables = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
            try:
                ray.init(
                    address=address,
                    runtime_env={"env_vars": variables},
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    configure_logging=False,
                    **alone,
                )
            except (ConnectionError, ValueError) as error:
                raise InputError(f"address {address}: {' '.join(str(error).split())}") from error
        self._gpus = ray.cluster_resources().get("GPU", 0)
        self._running: dict[Any, Work] = {}

    def start(self, work: Work) -> bool:
        needs, folder = work.resources, os.getcwd()
        gpus = needs.gpus if needs.gpus is not None else min(1.0, self._gpus)
        task = self._ray.remote(_run_there).options(
            name=work.title,
            num_cpus=needs.cpus * needs.processes,
            num_gpus=gpus * needs.processes,
            max_retries=RETRIES,
        )
        self._running[task.remote(work, folder)] = work
        return True

    def ended(self, timeout: float) -> list[tuple[str, Outcome]]:
        ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=timeout) if self._running else ([], [])
        return [(work.title, self._outcome(task, work)) for task in ready for work in [self._running.pop(task)]]

    def _outcome(self, task: Any, work: Work) -> Outcome:
        try:
            outcome: Outcome = self._ray.get(task)
            return outcome
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, StorageError):
                raise error.cause from error
            failure = Failure.of(error, work.title, work.name, work.planned.key)
        except self._ray.exceptions.RayError as error:
            # Its workers were lost too often, or the cluster lacks its resources.
            failure = Failure.of(error, work.title, work.name, work.planned.key)
        failure.write(work.places.results)
        return failure

    def close(self) -> None:
        for task in self._running:
            self._ray.cancel(task, force=True)
        if self._own:
            self._ray.shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _on_this_machine_only(self) -> dict[str, Any]:
        """Arguments that make a private cluster listen on loopback only, without a dashboard, in its own folder."""
        # Ray's default /tmp/ray belongs to its first user. Short, because paths of sockets have a limit.
        self._folder = Path(tempfile.mkdtemp(prefix="wildnas-"))
        # A folder below it, because Ray makes its folder readable for everybody.
        return {"_node_ip_address": LOOPBACK, "include_dashboard": False, "_temp_dir": str(self._folder / "ray")}


def _run_there(work: Work, folder: str) -> Outcome:
    """Run a stage in a worker, which writes its progress to a file (`bench.pipeline.notes`)."""
    os.chdir(folder)
    return execute(work, lambda fraction, doing: None, wait=True)
