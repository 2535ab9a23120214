"""The exception for a user's mistake, and the words of a library's error in it."""


class InputError(ValueError):
    """A mistake in what the user gave: a file, a key, a name or a value.

    The message is one line that names the file, the key or the value and says what would be right.
    The `wildnas` command prints it without a traceback and exits with code 2.
    """


def first_line(error: BaseException, longest: int = 200) -> str:
    """The first line of an error's message, or the name of its kind."""
    return next(iter(str(error).strip().splitlines()), "")[:longest] or type(error).__name__
