"""Work behind slow imports, done in processes of their own that import while the night begins.

dbt takes 3 seconds to import and Great Expectations 5; the night has a second core and other things to do meanwhile.
A worker gets functions by name and arguments by pickle over a pipe, and dies with the process that started it, however
that ends. Plain processes, because multiprocessing would import the caller's main module again.
"""

from __future__ import annotations

import atexit
import importlib
import os
import pickle
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from orchestration.startup import importing, leave

_tell: Callable[[Any], None] | None = None  # in a worker: how it answers


# What a worker ended by force leaves, multiprocessing's tracker clears away, with a warning that is nobody's business.
_QUIET = ("-W", "ignore:resource_tracker:UserWarning")


class WorkerDied(Exception):
    """A worker ended in the middle of its work, most likely for want of memory."""


def tell_parent(what: Any) -> None:
    """From within a worker: reaches who reads the stream of the call at work."""
    if _tell is not None:
        _tell(("told", what))


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """A process begun within does not hear of Ctrl-C in its first instants, before it says itself that it will not.

    This one hears of it afterwards.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Worker:
    """One process, started by `warm_up` or the first call and then kept. It begins with `module:function`."""

    def __init__(self, beginning: str) -> None:
        self._beginning = beginning
        self._process: subprocess.Popen | None = None
        self._asked = False
        self._busy = threading.Lock()
        self._starting = threading.Lock()

    def warm_up(self) -> None:
        with self._starting:
            if self._process is None or self._process.poll() is not None:
                with _deaf_to_ctrl_c():
                    self._process = subprocess.Popen(
                        [sys.executable, *_QUIET, "-m", "orchestration.aside", self._beginning],
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        cwd=Path(__file__).resolve().parent.parent,
                    )
                    atexit.register(self._end)

    def stream(self, function: Callable, *arguments: Any) -> Iterator[Any]:
        """What a top-level function tells on its way, as it tells it; its result is the generator's.

        Raises what the function raised, and WorkerDied.
        """
        with self._busy:
            self.warm_up()
            self._asked, done = True, False
            try:
                pickle.dump((function, arguments, dict(os.environ)), self._process.stdin)
                self._process.stdin.flush()
                while not done:
                    kind, what = pickle.load(self._process.stdout)
                    done = kind != "told"
                    if not done:
                        yield what
            except (EOFError, BrokenPipeError, pickle.UnpicklingError) as error:
                self.stop()
                raise WorkerDied(
                    "a worker process ended before its work did, most likely for want of memory:"
                    " lower PARINDEX_MEMORY_LIMIT or free memory, then run again"
                ) from error
            finally:
                if not done:  # Ctrl-C, or nobody listens any more: the rest of its answers are of no use
                    self.stop()
        if kind == "raised":
            error, trace = what
            error.add_note(trace)
            raise error
        return what

    def run(self, function: Callable, *arguments: Any) -> Any:
        """The result of a top-level function, or what it raised."""
        answers = self.stream(function, *arguments)
        while True:
            try:
                next(answers)
            except StopIteration as end:
                return end.value

    def _end(self) -> None:
        """With this process. Whom nobody asked for anything is still importing: not waited for."""
        self.stop(patience=5 if self._asked else 0)

    def stop(self, patience: float = 0) -> None:
        """End the process: by the end of its input within `patience` seconds, else by force."""
        process, self._process = self._process, None
        if process is None:
            return
        atexit.unregister(self._end)
        with suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


building = Worker("orchestration.dbt:begin")
checking = Worker("orchestration.checking:begin")


def _serve(beginning: str) -> None:
    global _tell
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the night; we end with it
    from warehouse.settings import write_for_the_team_only  # not by the night, which only begins this process

    write_for_the_team_only()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get between the answers
    calls: SimpleQueue = SimpleQueue()

    at_work = threading.Event()

    def listen() -> None:
        while True:
            try:
                calls.put(pickle.load(sys.stdin.buffer))
            except EOFError:
                if at_work.is_set():
                    os._exit(1)  # the night is gone, perhaps killed: nobody wants what we are doing
                calls.put(None)
                return
            except Exception:  # a call that cannot be read would be waited for without end
                traceback.print_exc()
                os._exit(1)

    def answer(what: Any) -> None:
        pickle.dump(what, answers)
        answers.flush()

    _tell = answer
    module, _, function = beginning.partition(":")
    failed = (
        None  # a beginning that fails (a model that does not parse) is told to the first who asks for work
    )
    try:
        with importing():
            getattr(importlib.import_module(module), function)()
    except Exception as error:
        failed = ("raised", (error, traceback.format_exc()))
    # Only now: two threads that import at once wait for each other.
    threading.Thread(target=listen, daemon=True).start()
    while (call := calls.get()) is not None:
        function, arguments, environment = call
        at_work.set()
        os.environ.clear()
        os.environ.update(environment)
        try:
            result = failed or ("done", function(*arguments))
        except Exception as error:
            result = ("raised", (error, traceback.format_exc()))
        at_work.clear()
        answer(result)
    leave(0)


if __name__ == "__main__":
    from orchestration import aside  # the functions called know this module by its name, not as __main__

    aside._serve(sys.argv[1])
