"""The exception for a user's mistake."""


class InputError(ValueError):
    """A mistake in what the user gave: a file, a key, a name or a value.

    The message is one line that names the file, the key or the value and says what would be right.
    The `wildnas` command prints it without a traceback and exits with code 2.
    """
