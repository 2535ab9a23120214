"""Report an unexpected error: one line, and a file with the traceback."""

from __future__ import annotations

import os
import tempfile
import traceback

#: The exit code of an error in wildnas itself (sysexits.h, EX_SOFTWARE).
UNFORESEEN = 70


def note_unforeseen(error: BaseException) -> str:
    """Write the traceback to a new file, and return the line that names it."""
    kind = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    text = "".join(traceback.format_exception(error))
    try:
        descriptor, file = tempfile.mkstemp(prefix="wildnas-", suffix=".log", text=True)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
    except OSError as refused:
        return f"an error of wildnas itself, {kind}; no log could be written ({refused.strerror}); --debug shows more"
    return f"an error of wildnas itself, {kind}; please report it with its traceback, which is in {file}"
