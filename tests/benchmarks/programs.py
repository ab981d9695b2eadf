# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The queue, the start and the window, each measured in a process that has imported nothing else."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

from measuring import Measurement, Scale, in_process


def measure_queue(scale: Scale, folder: Path) -> Iterator[Measurement]:
    """What the queue itself costs: jobs that move nothing."""
    for name, value in in_process(queue, scale.queued, str(folder / "journal")).answer.items():
        what, unit = name.rsplit(" ", 1)
        yield Measurement(f"queue of {scale.queued:,} to 3 mirrors: {what}", unit, [value])


def queue(packages: str, place: str) -> dict[str, float]:
    from queue_load import measure

    return measure(int(packages), 3, Path(place))


def measure_start(scale: Scale, folder: Path) -> Iterator[Measurement]:
    """The window as people start it."""
    packages = scale.databases[0]
    runs = [in_process(start, packages, str(folder / "spack")).answer for _ in range(scale.runs)]
    values = {name: [run[name] for run in runs] for name in runs[0]}
    yield Measurement("start: computing until the first picture", "s", values["paint_cpu_s"], 1.0)
    yield Measurement(f"start: until all of {packages:,} packages are listed", "s", values["packages_s"])
    for name in ("window", "engine"):
        memory = statistics.median(values[f"{name}_bytes"]) / 1e6
        yield Measurement(f"start: memory of the {name}", "MB", [memory])


def start(packages: str, place: str) -> dict[str, float]:
    from start import measure

    return measure(int(packages), Path(place))


def measure_window(scale: Scale, folder: Path) -> Iterator[Measurement]:
    """The longest the window's thread works at once, whatever is done with it."""
    sizes = (scale.shown, scale.listed, scale.pushed)
    in_process(prepare_window, str(folder), *sizes)
    answer = in_process(window, str(folder), *sizes).answer
    yield Measurement("window: computing until the first picture", "s", [answer["paint"]], 1.0)
    for title, most, allowed, usual, usually_allowed in answer["gaps"]:
        yield Measurement(f"window: {title}", "ms", [most], allowed)
        yield Measurement(f"window: {title}, 99 %", "ms", [usual], usually_allowed)


def prepare_window(folder: str, *sizes: str) -> None:
    from window import World, prepare

    prepare(World(Path(folder), *map(int, sizes)))


def window(folder: str, *sizes: str) -> dict[str, object]:
    from window import World, run

    paint, found = run(World(Path(folder), *map(int, sizes)))
    gaps = [(each.title, each.most_work, each.work_allowed, each.usual_work, each.usual_allowed) for each in found]
    return {"paint": paint, "gaps": gaps}
