"""Where `--out` may point: any place but the data of the home, which a slip of the pen must not write over."""

from __future__ import annotations

from pathlib import Path

import typer

from warehouse.settings import Settings


def check_out_file(settings: Settings, out: Path, *endings: str) -> None:
    """Raises typer.BadParameter for a file of the home (`reports` apart: what lies there can be made again), for a
    place among landed or published data, and for a name that ends otherwise."""
    if endings and (out.suffix.lower() not in endings or out.is_dir()):
        raise _wrong(f"the file must end with {' or '.join(endings)}")
    place = out.resolve()
    is_of_home = place.is_relative_to(settings.home.resolve()) and not place.is_relative_to(
        settings.reports.resolve()
    )
    if _is_kept_for_data(settings, place) or (is_of_home and place.is_file()):
        raise _of_the_home(settings, out)


def check_out_folder(settings: Settings, out: Path) -> None:
    """Raises typer.BadParameter for a place among landed or published data."""
    if _is_kept_for_data(settings, out.resolve()):
        raise _of_the_home(settings, out)


def _is_kept_for_data(settings: Settings, place: Path) -> bool:
    # Resolved on both sides: landing may be a link to another disk, and so may be what somebody writes.
    return any(place.is_relative_to(folder.resolve()) for folder in (settings.landing, settings.published))


def _of_the_home(settings: Settings, out: Path) -> typer.BadParameter:
    return _wrong(
        f"{out} là dữ liệu của kho, không ghi đè: chọn nơi khác – belongs to the data of {settings.home} and is not"
        " written over: choose another place"
    )


def _wrong(text: str) -> typer.BadParameter:
    return typer.BadParameter(text, param_hint="--out")
