"""What can go wrong. Every error of the codec is a :class:`WavernError`; its message is a sentence for people.

A wrong type of argument is a plain :class:`TypeError`, a path that cannot be read an :class:`OSError`.
"""

from __future__ import annotations


class WavernError(Exception):
    """Base of all errors of the codec.

    ``path`` is the file that was being read, if it was given as a path.
    """

    path: str | None = None

    def __init__(self, message: str, **fields: object) -> None:
        super().__init__(message)
        for name, value in fields.items():
            setattr(self, name, value)

    def __str__(self) -> str:
        message = super().__str__()
        return message if self.path is None else f"{self.path}: {message}"


class FormatError(WavernError, ValueError):
    """The bytes are not those of a Wavern file, or damaged.

    ``offset`` is where, in bytes from the start of the file, if known. ``unit`` and ``index`` name the damaged tile or
    segment, counted from 0, if there is one.
    """

    offset: int | None = None
    unit: str | None = None
    index: int | None = None


class UnsupportedError(FormatError):
    """The file needs something that this version does not know; a newer version may read it."""


class LimitError(WavernError):
    """The file asks for more than the :class:`~wavern.Limits` in force: ``asked`` of ``quantity``, of at most
    ``allowed``."""

    quantity: str | None = None
    asked: int | None = None
    allowed: int | None = None


class WeightsError(WavernError):
    """The file was made with weights that are not inside this package: those with the id ``needed``."""

    needed: str | None = None


class KindError(WavernError, ValueError):
    """The file holds a picture where a sound was asked for, or a sound where a picture was; ``found`` is ``"image"`` or
    ``"audio"``."""

    found: str | None = None


class SignalError(WavernError, ValueError):
    """An array is no picture or sound: its shape, type or values do not fit, or do not fit those of another one."""


class OptionError(WavernError, ValueError):
    """The argument named ``option`` is out of range, or does not go together with the others."""

    option: str | None = None
