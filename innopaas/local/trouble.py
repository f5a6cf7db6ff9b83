"""The one exception that ends a command with a sentence instead of a traceback."""


class Trouble(Exception):
    """Its text is the whole sentence a person reads, and says what to do."""
