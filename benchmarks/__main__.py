"""Run all comparisons on one core, print their table, write it with a plot to _build/bench."""

import argparse
import json
import os
import sys
from pathlib import Path


def use_one_core() -> None:
    """Give every library one thread on one core; they read this when they are imported."""
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ[f"{library}_NUM_THREADS"] = "1"
    if hasattr(os, "sched_setaffinity"):  # XLA starts as many threads as it may use cores
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help="only subjects whose title contains this")
    parser.add_argument("--seconds", type=float, default=1.5, help="per comparison (default 1.5)")
    parser.add_argument("--check", action="store_true", help="fail where a target is missed")
    parser.add_argument("--output", type=Path, default=Path("_build/bench"))
    arguments = parser.parse_args()
    use_one_core()
    from . import compare, subjects

    rows = []
    for case in subjects.all_cases():
        if arguments.only in case.subject:
            print(f"{case.subject}, {case.size}", file=sys.stderr, flush=True)
            rows += compare.measure(case, arguments.seconds)
    if not rows:
        parser.error(f"no subject has {arguments.only!r} in its title")
    report = f"{subjects.conditions()}\n\n{compare.table(rows)}\n"
    print(report)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "speed.txt").write_text(report, encoding="utf-8")
    facts = json.dumps([row.facts() for row in rows])
    (arguments.output / "speed.json").write_text(facts, encoding="utf-8")
    compare.plot(rows).savefig(arguments.output / "speed.svg")
    return int(arguments.check and any(row.met is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
