"""Who is told what: the operator's small YAML file, checked word by word so that a typing error is no lost
alert.

Addresses may hold `${NAME}` for secrets kept in the environment; the store knows an address only by a hash
of the text in the file.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from orchestration.alerting.model import KINDS, SEVERITIES, AlertError, severity_rank
from sources.text import match_key
from warehouse.settings import Settings

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class AlertConfigError(AlertError):
    """The configuration of the alerts is wrong; the message names the file and the entry."""


@dataclass(frozen=True)
class Rules:
    """When a problem is one, and when it is told again."""

    repeat_days: int = 7
    repeat_days_for: dict[str, int] = field(default_factory=dict)  # by kind, where it differs
    escalate_days: int = 14
    worse_points: float = 5.0  # so much further from the threshold is clearly worse
    drop_points: float = 5.0  # so much below its own history is a sudden drop
    min_denominator: int = 20  # below it an agency's rate says nothing
    roll_up_over: int = 10  # more agencies than this are one problem

    def repeat_after(self, kind: str) -> int:
        return self.repeat_days_for.get(kind, self.repeat_days)


@dataclass(frozen=True)
class Endpoint:
    """One address. `key` is what the store knows of it."""

    written: str

    @property
    def key(self) -> str:
        return hashlib.sha256(self.written.encode()).hexdigest()[:16]

    def url(self) -> str:
        """The address with its secrets. Raises AlertConfigError when one is not set."""
        return resolve(self.written)


@dataclass(frozen=True)
class Route:
    """Events that match every condition given go to all addresses; no condition matches all."""

    name: str
    to: tuple[Endpoint, ...]
    owner: tuple[str, ...] = ()  # words that must occur in the name of who answers
    kind: tuple[str, ...] = ()
    agency: tuple[str, ...] = ()
    severity: str = SEVERITIES[0]  # at least

    def matches(self, kind: str, owner: str, agency_code: str | None, severity: str) -> bool:
        words = match_key(owner)
        return (
            (not self.kind or kind in self.kind)
            and (not self.owner or any(match_key(name) in words for name in self.owner))
            and (not self.agency or agency_code in self.agency)
            and severity_rank(severity) >= severity_rank(self.severity)
        )


@dataclass(frozen=True)
class Config:
    path: Path
    routes: tuple[Route, ...] = ()
    rules: Rules = field(default_factory=Rules)
    heartbeat: str | None = None
    timeout_seconds: float = 10.0

    def endpoints(self) -> dict[str, Endpoint]:
        return {endpoint.key: endpoint for route in self.routes for endpoint in route.to}

    def routes_to(self, key: str) -> str:
        """The names of the routes that lead to an address: it may hold a secret, and is not told itself."""
        return ", ".join(route.name for route in self.routes if any(e.key == key for e in route.to))

    def endpoints_of(self, kind: str, owner: str, agency_code: str | None, severity: str) -> list[str]:
        """Keys of the addresses, each once however many routes lead to it."""
        return list(
            dict.fromkeys(
                endpoint.key
                for route in self.routes
                if route.matches(kind, owner, agency_code, severity)
                for endpoint in route.to
            )
        )


def resolve(text: str) -> str:
    """`text` with `${NAME}` replaced. Raises AlertConfigError when a variable is not set."""

    def value(found: re.Match) -> str:
        if found[1] not in os.environ:
            raise AlertConfigError(f"the environment variable {found[1]} of an alert address is not set")
        return os.environ[found[1]]

    return _VARIABLE.sub(value, text)


def config_path(settings: Settings) -> Path:
    named = os.environ.get("PARINDEX_ALERTS", "").strip()
    return Path(named).expanduser() if named else settings.home / "alerts.yaml"


def load_config(settings: Settings) -> Config:
    """The configuration; without a file the defaults and no route. Raises AlertConfigError."""
    path = config_path(settings)
    if not path.exists():
        if os.environ.get("PARINDEX_ALERTS", "").strip():
            raise AlertConfigError(f"PARINDEX_ALERTS names {path}, which does not exist")
        return Config(path)
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise AlertConfigError(f"{path} is no readable YAML: {_place(error)}") from None
    except OSError as error:
        raise AlertConfigError(f"{path} cannot be read: {error.strerror}") from None
    return _config(path, data)


def _place(error: Exception) -> str:
    """Where the fault is, without the text around it: it may be an address with its password."""
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark else type(error).__name__


def _config(path: Path, data: Any) -> Config:
    values = _mapping(path, "the file", data, {"routes", "rules", "heartbeat", "timeout_seconds"})
    routes = values.get("routes") or []
    if not isinstance(routes, list):
        raise AlertConfigError(f"{path}: routes must be a list")
    timeout = values.get("timeout_seconds", Config.timeout_seconds)
    if not _is_number(timeout) or not 0 < timeout <= 300:
        raise AlertConfigError(f"{path}: timeout_seconds must be a number up to 300")
    heartbeat = values.get("heartbeat")
    if heartbeat is not None and not str(heartbeat).startswith(("http://", "https://", "${")):
        raise AlertConfigError(f"{path}: heartbeat must be an http or https address")
    return Config(
        path=path,
        routes=tuple(_route(path, number, route) for number, route in enumerate(routes, 1)),
        rules=_rules(path, values.get("rules") or {}),
        heartbeat=heartbeat,
        timeout_seconds=float(timeout),
    )


def _route(path: Path, number: int, data: Any) -> Route:
    where = f"route {number}"
    values = _mapping(path, where, data, {"name", "to", "owner", "kind", "agency", "severity"})
    name = str(values.get("name") or where)
    to = _words(path, f"{name}.to", values.get("to"))
    if not to:
        raise AlertConfigError(f"{path}: {name} has no address under `to`")
    kind = _words(path, f"{name}.kind", values.get("kind"))
    _known(path, f"{name}.kind", kind, KINDS)
    severity = str(values.get("severity", SEVERITIES[0]))
    _known(path, f"{name}.severity", (severity,), SEVERITIES)
    return Route(
        name=name,
        to=tuple(Endpoint(url) for url in to),
        owner=_words(path, f"{name}.owner", values.get("owner")),
        kind=kind,
        agency=_words(path, f"{name}.agency", values.get("agency")),
        severity=severity,
    )


_LARGEST = 36_500  # days of a century; whatever else is counted here is fewer


def _rules(path: Path, data: Any) -> Rules:
    names = {f.name for f in fields(Rules)}
    values = _mapping(path, "rules", data, names)
    by_kind = _mapping(path, "rules.repeat_days_for", values.get("repeat_days_for") or {}, set(KINDS))
    for name, value in [*values.items(), *by_kind.items()]:
        if name == "repeat_days_for":
            continue
        least = 0 if name == "min_denominator" else 1
        if not _is_number(value) or not least <= value <= _LARGEST:
            raise AlertConfigError(
                f"{path}: rules.{name} must be a number of at least {least}, at most {_LARGEST}"
            )
    return Rules(**{**values, "repeat_days_for": dict(by_kind)})


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _mapping(path: Path, where: str, data: Any, allowed: set[str]) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise AlertConfigError(f"{path}: {where} must hold names and values")
    _known(path, where, tuple(map(str, data)), tuple(sorted(allowed)))
    return data


def _known(path: Path, where: str, given: tuple[str, ...], allowed: tuple[str, ...]) -> None:
    unknown = [word for word in given if word not in allowed]
    if unknown:
        raise AlertConfigError(f"{path}: {where} has {', '.join(unknown)}; known are {', '.join(allowed)}")


def _words(path: Path, where: str, data: Any) -> tuple[str, ...]:
    items = [] if data is None else data if isinstance(data, list) else [data]
    if not all(isinstance(item, (str, int, float)) and str(item).strip() for item in items):
        raise AlertConfigError(f"{path}: {where} must be a text or a list of texts")
    return tuple(str(item).strip() for item in items)
