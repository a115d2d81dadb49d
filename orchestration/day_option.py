"""Days as they are written on the command line."""

from __future__ import annotations

from datetime import date

import typer

from orchestration.clock import read_day


def day_option(text: str | date) -> date:
    """For `typer.Option(parser=...)`: what is no day is wrong usage, told before the command begins."""
    if isinstance(text, date):
        return text
    try:
        return read_day(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
