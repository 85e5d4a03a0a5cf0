"""Runs the same work on the same pictures through what people use today and through cvfarm, in one run, and writes a table and a
chart. `make bench-peers` calls it.

All ways take turns, ROUNDS times; a figure is the median of its turns. OpenCV is the same for all: the distribution's, whose
library files both cv2 and cvfarm's worker load. Each way keeps 2 workers busy with 6 frames in flight, gets its frames from its
own process's memory and its results back into it; "cvfarm, zero copy" has them in shared memory already, as from cvfarm's own
decoder. Lost frames: of 1,000 frames, one ends its worker by kill -9 the first time it is tried; a frame without a result is
lost. Nobody catches anything: it is what the way itself does.
"""
import argparse
import datetime
import html
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
WORKERS = 2
WORK = [("no-op", "100x100"), ("gray+canny", "100x100"), ("gray+canny", "640x480"), ("gray", "1920x1080"), ("gray+canny", "1920x1080")]
PIPELINES = {"no-op": "echo", "gray": "gray", "gray+canny": "gray | canny low=50 high=150"}
WAYS = {  # and what each gives in isolation
    "inline": "cv2 in the caller's thread", "threads": "threading + queue.Queue", "ThreadPoolExecutor": "concurrent.futures",
    "mp.Queue": "multiprocessing.Process + Queue", "ProcessPoolExecutor": "concurrent.futures",
    "shared memory + queue": "hand-written", "loky": "3.7.0", "pebble": "5.2.3", "ray": "2.60.0",
}
FARM = {"cvfarm": "copy_fps", "cvfarm, zero copy": "farm_fps"}


def run(command, timeout):
    """Runs a program in a session of its own, and ends whatever it leaves behind. Files, not pipes: children hold those open."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = subprocess.Popen(command, stdout=out, stderr=err, start_new_session=True)
        try:
            code = child.wait(timeout)
        except subprocess.TimeoutExpired:
            code = None
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()
        out.seek(0)
        err.seek(0)
        return code, out.read(), err.read() if code is not None else f"not done in {timeout} s"


def python_way(way, op, size, seconds, image):
    command = [sys.executable, HERE / "ways.py", way, op, size, str(WORKERS), str(seconds), image]
    code, out, err = run(command, 60 + 10 * seconds)
    if code != 0:
        raise SystemExit(f"{way}, {op} {size}: exit code {code}\n{err}")
    return json.loads(out)["fps"]


def farm_way(coordinator, op, size, seconds, image):
    """One turn of the farm, whose bench has a turn of the bare loop too."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "b.json")
        command = [coordinator, "bench", "-p", PIPELINES[op], "--size", size, "--image", image, "--seconds", str(seconds),
                   "--rounds", "1", "--workers", str(WORKERS), "--json", path]
        code, _, err = run(command, 60 + 10 * seconds)
        if code != 0:
            raise SystemExit(f"cvfarm, {op} {size}: exit code {code}\n{err}")
        with open(path) as f:
            return json.load(f)[0]


def measure(options):
    rates = {}
    for turn in range(options.rounds):
        for op, size in WORK:
            print(f"round {turn + 1} of {options.rounds}: {op} {size}", file=sys.stderr, flush=True)
            for way in WAYS:
                rates.setdefault((way, op, size), []).append(python_way(way, op, size, options.seconds, options.image))
            result = farm_way(options.coordinator, op, size, options.seconds, options.image)
            for name, field in [*FARM.items(), ("bare OpenCV", "bare_fps")]:
                rates.setdefault((name, op, size), []).append(result[field])
    return {key: statistics.median(values) for key, values in rates.items()}


def python_crash(way, image):
    """The frames without a result, and how it ended."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        command = [sys.executable, HERE / "ways.py", way, "crash", "640x480", str(WORKERS), "1000", image, folder]
        code, _, err = run(command, 180)
        try:
            answered = int(pathlib.Path(folder, "answered").read_text() or 0)
        except FileNotFoundError:
            answered = 0
    error = (err.strip().splitlines() or [""])[-1]
    if code == -signal.SIGKILL:
        end = "the program is gone"
    elif code == 0:
        end = "runs on"
    elif error in ("Empty", "TimeoutError"):
        end = "waits for ever"
    else:
        end = f"the rest fails: {error}"
    print(f"{way}: {1000 - answered} lost, {end}, {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
    return 1000 - answered, end


def farm_crash(coordinator, image):
    """1,000 images through `run`; one of the workers that are at it gets kill -9."""
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "0.jpg")
        shutil.copy(image, source)
        inputs = [source] + [os.path.join(folder, f"{i}.jpg") for i in range(1, 1000)]
        for name in inputs[1:]:
            os.link(source, name)
        report = os.path.join(folder, "report.json")
        command = [coordinator, "run", folder, "-p", "resize dsize=640x480 | gray | canny low=50 high=150", "-o", "none",
                   "--workers", str(WORKERS), "--report", report, "--progress", "none"]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        victim = None
        while victim is None and child.poll() is None:
            busy = [pid for pid in children(child.pid) if cpu_seconds(pid) > 1]
            victim = busy[0] if busy else None
            time.sleep(0.01)
        if victim is None:
            raise SystemExit("cvfarm ended before a worker could be killed")
        os.kill(victim, signal.SIGKILL)
        child.wait(180)
        with open(report) as f:
            done = json.load(f)
    if done["worker_restarts"] < 1:
        raise SystemExit("no worker was killed: nothing was shown")
    print(f"cvfarm: {1000 - done['frames_out']} lost, {done['retries']} tried again", file=sys.stderr, flush=True)
    return 1000 - done["frames_out"], "runs on"


def children(pid):
    return [int(c) for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children") for c in task.read_text().split()]


def cpu_seconds(pid):
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def machine():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    import cv2

    return (f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} CPUs, Linux {platform.release()}, OpenCV {cv2.__version__}, "
            f"Python {platform.python_version()}, {datetime.date.today()}, load average {os.getloadavg()[0]:.1f}")


def table(rates, lost):
    lines = ["| µs per frame | " + " | ".join(f"{op}, {size.replace('x', '×')}" for op, size in WORK) + " | lost of 1,000 at kill -9 |",
             "|---|" + "---:|" * len(WORK) + "---|"]
    for way in [*WAYS, *FARM, "bare OpenCV"]:
        cells = [f"{1e6 / rates[way, op, size]:,.0f}" for op, size in WORK]
        fate = "{0:,}: {1}".format(*lost[way]) if way in lost else ""
        lines.append(f"| {way} | " + " | ".join(cells) + f" | {fate} |")
    return "\n".join(lines) + "\n"


def chart(rates, where):
    """Bars of frames a second, each work on a scale of its own."""
    ways, bar, left, width = [*WAYS, *FARM, "bare OpenCV"], 16, 170, 420
    rows, y = [], 40
    for op, size in WORK:
        rows.append(f'<text x="10" y="{y + 12}" font-weight="bold">{op}, {size.replace("x", "×")}: frames a second</text>')
        y += 20
        most = max(rates[way, op, size] for way in ways)
        for way in ways:
            rate = rates[way, op, size]
            colour = "#1f6fb2" if way in FARM else "#333" if way == "bare OpenCV" else "#9aa7b3"
            rows.append(f'<text x="{left - 8}" y="{y + 12}" text-anchor="end">{html.escape(way)}</text>'
                        f'<rect x="{left}" y="{y + 1}" width="{width * rate / most:.1f}" height="{bar - 3}" fill="{colour}"/>'
                        f'<text x="{left + width * rate / most + 6:.1f}" y="{y + 12}">{rate:,.0f}</text>')
            y += bar
        y += 14
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 700 {y}" width="700" font-family="sans-serif" font-size="12">'
            f'<rect width="700" height="{y}" fill="#fff"/><text x="10" y="20" font-size="10" fill="#555">{html.escape(where)}</text>')
    return head + "\n".join(rows) + "</svg>\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--coordinator", required=True)
    parser.add_argument("--image", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_DEDUP_LOGS="0")
    lost = {way: python_crash(way, options.image) for way in WAYS}
    lost["cvfarm"] = farm_crash(options.coordinator, options.image)
    rates, where = measure(options), machine()
    options.out.mkdir(parents=True, exist_ok=True)
    text = f"{where}; {WORKERS} workers, median of {options.rounds} turns of {options.seconds:g} s each\n\n{table(rates, lost)}"
    (options.out / "peers.md").write_text(text)
    (options.out / "peers.svg").write_text(chart(rates, where))
    print(text)


if __name__ == "__main__":
    main()
