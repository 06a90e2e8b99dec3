"""What a server answers instead of a result."""

from __future__ import annotations


class Refusal(Exception):
    """A request is not answered: an HTTP status, the field that is to blame, and why."""

    def __init__(self, status: int, message: str, field: str = "", *, retry: float | None = None) -> None:
        """`field` is a path such as `inputs[0].shape[1]`; after `retry` seconds another attempt may succeed."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.field = field
        self.retry = retry

    @property
    def text(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


def bad(field: str, message: str) -> Refusal:
    """400: a field of the request is wrong."""
    return Refusal(400, message, field)
