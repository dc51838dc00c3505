"""Command line: `python -m simulator --preset ci --seed 7 --out HOME`, `serve --home HOME`, `tiles --firms N --out HOME`, `ref --out conf/ref`."""

from __future__ import annotations

import argparse
import logging
import re
import sys
from datetime import date
from pathlib import Path

from simulator.params import PRESETS, preset


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; expected yyyy-mm-dd") from None


def _memory(text: str) -> str:
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?[mg]", text.lower()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size of memory; expected a number with m or g, such as 3g")
    return text


def _generate(args: argparse.Namespace) -> int:
    from simulator.build import build

    try:
        p = preset(
            args.preset, seed=args.seed, firms=args.firms, months=args.months, banks=args.banks, end=args.end, fault_scale=args.fault_scale
        )
    except ValueError as e:
        return _refuse(str(e))
    seconds = build(p, args.out, memory=args.memory)
    sys.stdout.write(" ".join(f"{k.replace(' ', '_')}={v:.1f}s" for k, v in seconds.items()) + "\n")
    return 0


def _refuse(message: str) -> int:
    sys.stderr.write(message + "\n")
    return 2


def _ref(args: argparse.Namespace) -> int:
    from simulator.reference_files import write

    write(args.out)
    return 0


def _tiles(args: argparse.Namespace) -> int:
    from lake.settings import load_settings
    from simulator import tile_files

    try:
        p = preset("ci", seed=args.seed, firms=args.firms, months=args.months, end=args.end)
    except ValueError as e:
        return _refuse(str(e))
    seconds = tile_files.write(load_settings("local", args.out), p)
    sys.stdout.write(" ".join(f"{k}={v:.1f}s" for k, v in seconds.items()) + "\n")
    return 0


def _answers(args: argparse.Namespace) -> int:
    from simulator.vouchers import answer

    try:
        written = answer(args.home, args.month.replace(day=1), args.seed)
    except OSError as e:
        return _refuse(f"{e}; draw the samples first: liushui sample draw")
    sys.stdout.write("".join(f"{p}\n" for p in written))
    return 0


def _serve(args: argparse.Namespace) -> int:
    from simulator.serve import serve

    try:
        serve(args.home, port=args.port, busy=not args.calm)
    except OSError as e:
        sys.stderr.write(f"{e}\n")
        return 11
    return 0


def parser() -> argparse.ArgumentParser:
    """The argument parser; without a command a province is generated."""
    top = argparse.ArgumentParser(
        prog="python -m simulator", description="A synthetic province: bank files, records of the other sources, truth."
    )
    commands = top.add_subparsers(dest="command")
    make = commands.add_parser("generate", help="generate a province (also without naming the command)")
    make.add_argument("--preset", choices=sorted(PRESETS), default="ci")
    make.add_argument("--seed", type=int, default=7)
    make.add_argument("--out", type=Path, required=True, help="home folder; files go below landing/ and source/")
    make.add_argument("--firms", type=int)
    make.add_argument("--months", type=int)
    make.add_argument("--banks", type=int)
    make.add_argument("--end", type=_day, help="last business date, yyyy-mm-dd")
    make.add_argument("--fault-scale", type=float, help="0: no planted faults, 1: default rates")
    make.add_argument("--memory", type=_memory, help="memory for tables; what does not fit goes to files below OUT/source/work")
    make.set_defaults(run=_generate)
    serving = commands.add_parser("serve", help="run the source systems: the tax database and the records API")
    serving.add_argument("--home", type=Path, required=True)
    serving.add_argument("--port", type=int, default=8765)
    serving.add_argument("--calm", action="store_true", help="never answer 429 or 503")
    serving.set_defaults(run=_serve)
    answers = commands.add_parser("answers", help="answer the samples of a month from the banks' vouchers")
    answers.add_argument("--home", type=Path, required=True)
    answers.add_argument("--month", type=_day, required=True, help="any date of the month, yyyy-mm-dd")
    answers.add_argument("--seed", type=int, default=7)
    answers.set_defaults(run=_answers)
    tiles = commands.add_parser("tiles", help="write tile tables directly, for `liushui indicators --as-of END` on any number of firms")
    tiles.add_argument("--firms", type=int, required=True)
    tiles.add_argument("--months", type=int, default=24, help="closed months before the month of END")
    tiles.add_argument("--out", type=Path, required=True, help="home folder; tables go below lake/tile/")
    tiles.add_argument("--seed", type=int, default=7)
    tiles.add_argument("--end", type=_day, help="the night the tiles are of, yyyy-mm-dd (default 2026-09-14)")
    tiles.set_defaults(run=_tiles)
    ref = commands.add_parser("ref", help="write the reference tables")
    ref.add_argument("--out", type=Path, required=True)
    ref.set_defaults(run=_ref)
    return top


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0].startswith("--") and arguments[0] not in ("--help",):
        arguments.insert(0, "generate")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    args = parser().parse_args(arguments)
    if args.command is None:
        parser().print_help()
        return 2
    code: int = args.run(args)
    return code


if __name__ == "__main__":
    sys.exit(main())
