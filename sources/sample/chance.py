"""Repeatable chance: every table draws from its own stream, so that adding a table moves no other."""

from __future__ import annotations

from zlib import crc32

import numpy as np


def stream(seed: int, name: str, part: int = 0) -> np.random.Generator:
    """The generator of one table (`name`) and, for tables made in parts, of one part."""
    return np.random.default_rng([seed, crc32(name.encode()), part])


def ladder(rng: np.random.Generator, low: float, high: float, count: int) -> np.ndarray:
    """`count` factors with mean 1, spread geometrically over `low`..`high`, in random order.

    Unlike independent draws this guarantees for every seed that some agencies do well and some badly.
    """
    steps = np.geomspace(low, high, count) if count > 1 else np.ones(count)
    return rng.permutation(steps / steps.mean())
