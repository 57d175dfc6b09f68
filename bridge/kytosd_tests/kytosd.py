"""Runs kytosd 2021.1; from Python 3.10 on without the argument `loop` that asyncio no longer takes."""

import sys


def without_loop(kind):
    """The constructor of a primitive without its argument `loop`."""
    return lambda *args, loop=None, **more: kind(*args, **more)


def repair_janus():
    """Replaces the asyncio that janus 0.4.0 uses by one whose primitives ignore `loop`."""
    import asyncio
    import types

    import janus

    names = dict(vars(asyncio))
    for name in ("Lock", "Condition", "Event", "Semaphore"):
        names[name] = without_loop(getattr(asyncio, name))
    janus.asyncio = types.SimpleNamespace(**names)


if __name__ == "__main__":
    if sys.version_info >= (3, 10):
        repair_janus()
    from kytos.core.kytosd import main

    main()
