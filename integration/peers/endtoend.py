"""Compares `coordinator run VIDEO -p 'gray | canny low=50 high=150' -o none` with endtoend.cpp, which does the same as one program
with threads. `make bench-endtoend` calls it.

    endtoend.py COORDINATOR ENDTOEND VIDEO PAIRS

They take turns, PAIRS times, every second time in reverse order. A time is that of the whole process, from its start to its end:
cvfarm's has the start of its workers in it. The ratio is the median of the pairs' ratios.
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

WORKERS = 2


def timed(command):
    """The seconds that a program takes, and what it prints."""
    began = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return time.monotonic() - began, done.stdout


def farm(coordinator, video):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report.json")
        seconds, _ = timed([coordinator, "run", video, "-p", "gray | canny low=50 high=150", "-o", "none", "--workers", str(WORKERS),
                            "--progress", "none", "--report", path])
        return seconds, json.loads(pathlib.Path(path).read_text())["frames_out"]


def program(endtoend, video):
    seconds, out = timed([endtoend, video, str(WORKERS)])
    return seconds, json.loads(out)["frames"]


def pair(sides, number):
    """The seconds of both sides, by name."""
    took = {}
    for name, side in sides if number % 2 == 0 else reversed(sides):
        took[name], frames = side()
        print(f"pair {number + 1}: {name}: {frames} frames in {took[name]:.2f} s, {frames / took[name]:.1f} a second", flush=True)
        if took.setdefault("frames", frames) != frames:
            raise SystemExit(f"one side has {took['frames']} frames, the other {frames}: they did not do the same")
    return took


def main():
    coordinator, endtoend, video, pairs = sys.argv[1:]
    sides = [("cvfarm", lambda: farm(coordinator, video)), ("C++", lambda: program(endtoend, video))]
    all_pairs = [pair(sides, number) for number in range(int(pairs))]
    for name, _ in sides:
        print(f"{name}: {statistics.median(p[name] for p in all_pairs):.2f} s, median of {len(all_pairs)}")
    ratios = sorted(p["C++"] / p["cvfarm"] for p in all_pairs)
    print(f"cvfarm ÷ C++, frames a second: {statistics.median(ratios):.3f}, median of the pairs' ratios; {ratios[0]:.3f} to {ratios[-1]:.3f}")


if __name__ == "__main__":
    main()
