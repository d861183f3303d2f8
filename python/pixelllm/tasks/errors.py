"""A caller's mistake, as the worker reports it."""

from pixelllm.contract import ErrorCode


class TaskError(Exception):
    """The request cannot be answered, for a reason that its caller can understand.

    Anything else that is raised is a defect: the worker logs it and replies `internal`.

    Args:
        code: its entry in the table of errors, `contract.ERRORS`.
        message: one sentence for the caller; nothing of the file's content, no path.
    """

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
