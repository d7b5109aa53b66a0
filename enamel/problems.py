"""What keeps Enamel from starting: a sentence for the operator instead of a stack."""


class CannotStart(RuntimeError):
    """The settings or the place do not allow it; the text says what to do."""
