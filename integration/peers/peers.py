"""Runs the same work on the same pictures through what people use today and through cvfarm, in one run, and writes tables and a
chart. `make bench-peers` calls it.

The same for all: OpenCV, the distribution's, whose library files both cv2 and cvfarm's worker load; 2 workers; how many frames are
in flight (but inline, which has one), and how many are gone round over, by their size. Each way gets its frames from its own
process's memory and its results, whole new pictures, back into it; "cvfarm, zero copy" has the frames in shared memory already, as
from cvfarm's own decoder. "bare OpenCV" is the loop of `coordinator bench`: 2 processes, each with frames of its own and nobody to
talk to.

In a round each way has one turn, every second round in reverse order. A time is the median of a way's turns; a ratio is the median
of the rounds' ratios, of two turns of the same round.

Lost frames: of 1,000 frames, one ends its worker by kill -9 the first time it is tried; a frame without a result is lost. Nobody
catches anything: it is what the way itself does.
"""
import argparse
import ctypes
import datetime
import json
import os
import pathlib
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time

import cv2

sys.dont_write_bytecode = True  # into the source tree
import report
import ways

HERE = pathlib.Path(__file__).parent
WORKERS = 2
WORK = [("flip", "100x100"), ("gray+canny", "100x100"), ("gray+canny", "640x480"), ("gray", "1920x1080"), ("gray+canny", "1920x1080")]
PIPELINES = {"flip": "flip flipCode=0", "gray": "gray", "gray+canny": "gray | canny low=50 high=150"}
# Frames in flight. Short ones travel several at a time where a way can do that.
WINDOWS = {"100x100": 128, "640x480": 16, "1920x1080": 2 * WORKERS + 2}
FARM = {"cvfarm": "copy_fps", "cvfarm, zero copy": "farm_fps", report.BARE: "bare_fps"}
CRASH_SIZE, CRASH_FRAMES = "640x480", 1000


def frames_for(size):
    """As many as `coordinator bench` goes round over, which farm_turn checks: more than caches hold, within reason."""
    width, height = map(int, size.split("x"))
    return min(max((64 << 20) // (3 * width * height), 4), 64)


def scratch():
    """A folder for one turn. Its name is short: sockets that ray puts there have room for 107 bytes."""
    return tempfile.TemporaryDirectory(prefix="peers-", dir="/tmp")


def run(command, folder, timeout):
    """Runs a program, and leaves nothing of it, however it ends. Files, not pipes: children hold those open."""
    environment = dict(os.environ, TMPDIR=folder, RAY_USAGE_STATS_ENABLED="0", RAY_DEDUP_LOGS="0")
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = subprocess.Popen(list(map(str, command)), stdout=out, stderr=err, env=environment, start_new_session=True)
        try:
            code = child.wait(timeout)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            end_children()
            for pattern in (f"sem.loky-{child.pid}-*", f"peers-{child.pid}"):
                for left in pathlib.Path("/dev/shm").glob(pattern):
                    left.unlink()
        out.seek(0)
        err.seek(0)
        return code, out.read(), err.read() if code is not None else f"not done in {timeout} s"


def adopt():
    """Has the kernel give us the processes whose parents die, whatever session they are in."""
    PR_SET_CHILD_SUBREAPER = 36
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot become the reaper of what a way leaves behind")


def end_children():
    """Kills our children, and theirs, which are ours then, until none is left."""
    while True:
        for task in pathlib.Path("/proc/self/task").iterdir():
            for pid in (task / "children").read_text().split():
                os.kill(int(pid), signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def python_turn(way, op, size, options):
    with scratch() as folder:
        command = [sys.executable, HERE / "ways.py", way, op, size, WORKERS, WINDOWS[size], frames_for(size), options.seconds,
                   options.image, folder]
        code, out, err = run(command, folder, 60 + 10 * options.seconds)
    if code != 0:
        raise SystemExit(f"{way}, {op} {size}: exit code {code}\n{err}")
    return {way: json.loads(out)["fps"] or sys.exit(f"{way}, {op} {size}: no frame in {options.seconds} s; give it more --seconds")}


def farm_turn(op, size, options):
    """One turn each of cvfarm, of cvfarm without copies, and of the bare loop."""
    with scratch() as folder:
        path = os.path.join(folder, "bench.json")
        command = [options.coordinator, "bench", "-p", PIPELINES[op], "--size", size, "--image", options.image, "--rounds", 1,
                   "--seconds", options.seconds, "--workers", WORKERS, "--in-flight", WINDOWS[size], "--json", path]
        code, _, err = run(command, folder, 60 + 10 * options.seconds)
        if code != 0:
            raise SystemExit(f"cvfarm, {op} {size}: exit code {code}\n{err}")
        result = json.loads(pathlib.Path(path).read_text())[0]
    had = result["workers"], result["in_flight"], result["frames"]
    if had != (WORKERS, WINDOWS[size], frames_for(size)):
        raise SystemExit(f"cvfarm, {op} {size}: its workers, frames in flight and frames were {had}")
    return {name: result[field] for name, field in FARM.items()}


def measure(options):
    """Frames a second of each way at each work, one figure for each round."""
    rates = {}
    for number in range(options.rounds):
        for op, size in options.work:
            print(f"round {number + 1} of {options.rounds}: {op} {size}", file=sys.stderr, flush=True)
            turns = [lambda way=way: python_turn(way, op, size, options) for way in options.ways]
            turns.append(lambda: farm_turn(op, size, options))
            for turn in turns if number % 2 == 0 else reversed(turns):
                for way, fps in turn().items():
                    rates.setdefault((way, op, size), []).append(fps)
    return rates


def crash(way, command, folder):
    """The frames without a result, and how it ended."""
    began = time.monotonic()
    code, out, err = run(command, folder, 180)
    answered = pathlib.Path(folder, "answered")
    lost = CRASH_FRAMES - int(answered.read_text() or 0) if answered.exists() else CRASH_FRAMES
    if not pathlib.Path(folder, "once").exists():
        raise SystemExit(f"{way}: no worker was killed, so nothing was shown; exit code {code}\n{err}")
    end = ending(code, (err.strip().splitlines() or [""])[-1])
    print(f"{way}: {lost} lost, {end}, {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
    return lost, end


def ending(code, error):
    if code == -signal.SIGKILL:
        return "the program is gone"
    if code == 0:
        return "runs on"
    kind = error.partition(":")[0]
    return "waits for ever" if kind in ("Empty", "TimeoutError") else f"the rest fails: {kind}"


def crashes(options):
    common = [WORKERS, WINDOWS[CRASH_SIZE]]
    lost = {}
    for way in options.ways:
        with scratch() as folder:
            lost[way] = crash(way, [sys.executable, HERE / "ways.py", way, "crash", CRASH_SIZE, *common, frames_for(CRASH_SIZE),
                                    CRASH_FRAMES, options.image, folder], folder)
    with scratch() as folder:
        picture = os.path.join(folder, "picture.bgr")
        pathlib.Path(picture).write_bytes(ways.copies(options.image, CRASH_SIZE, 1)[0].tobytes())
        lost["cvfarm"] = crash("cvfarm", [options.crash_farm, options.crash_worker, CRASH_SIZE, *common, frames_for(CRASH_SIZE),
                                          CRASH_FRAMES, picture, folder], folder)
    return lost


def machine():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return (f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} CPUs, Linux {platform.release()}, OpenCV {cv2.__version__}, "
            f"Python {platform.python_version()}, {datetime.date.today()}, load average {os.getloadavg()[0]:.1f}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coordinator", required=True)
    parser.add_argument("--crash-farm", required=True, help="the program of crashfarm")
    parser.add_argument("--crash-worker", required=True, help="the program of crashworker")
    parser.add_argument("--image", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one turn")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", type=lambda text: text.split(","), default=list(ways.WAYS), help="which, with commas between them")
    parser.add_argument("--work", type=lambda text: [tuple(w.split()) for w in text.split(",")], default=WORK,
                        help="such as 'flip 100x100,gray 1920x1080'")
    options = parser.parse_args()
    for work in options.work:
        if work not in WORK:
            parser.error(f"there is no work {' '.join(work)}: there is {', '.join(map(' '.join, WORK))}")
    for way in options.ways:
        if way not in ways.WAYS:
            parser.error(f"there is no way {way}: there are {', '.join(ways.WAYS)}")
    return options


def main():
    options = parse()
    adopt()
    for ending_signal in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending_signal, signal.default_int_handler)
    where = machine()  # before the load is our own
    try:
        lost, rates = crashes(options), measure(options)
    except KeyboardInterrupt:
        raise SystemExit(128 + signal.SIGINT)
    windows = [WINDOWS[size] for size in [*(size for _, size in options.work), CRASH_SIZE]]
    where += f"; {WORKERS} workers, {options.rounds} rounds, turns of {options.seconds:g} s"
    text = report.tables(rates, options.work, windows, lost, where)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "peers.md").write_text(text)
    (options.out / "peers.svg").write_text(report.chart(rates, options.work, where))
    print(text)


if __name__ == "__main__":
    main()
