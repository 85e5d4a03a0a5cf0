"""The ways in which Python programs run OpenCV beside their event loop, each as its documentation shows it.

A way is a function run(frames, op, workers, seconds, count) that keeps `workers` cores busy, with a few frames in flight, until
`seconds` have passed or `count` frames are answered. It returns the frames answered and the time. The result of each frame has to
arrive in this process.

    ways.py WAY OP WIDTHxHEIGHT WORKERS SECONDS IMAGE    measures: prints {"fps": ...}
    ways.py WAY crash WIDTHxHEIGHT WORKERS COUNT IMAGE FOLDER    frame 500 ends its worker by kill -9, the first time it is tried
"""
import concurrent.futures
import itertools
import json
import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
from multiprocessing import shared_memory

import cv2
import numpy

cv2.setNumThreads(1)

ANSWERED = None  # in a crash run: the file with the number of frames answered so far
PATIENCE = 10  # seconds without an answer after which a way counts as stuck


def noop(index, img):
    return img[:1]


def gray(index, img):
    return cv2.cvtColor(img, cv2.COLOR_BGR2GRAY)


def gray_canny(index, img):
    return cv2.Canny(cv2.cvtColor(img, cv2.COLOR_BGR2GRAY), 50, 150)


def crash(index, img):
    if index == 500:
        try:
            os.close(os.open(os.environ["PEERS_ONCE"], os.O_CREAT | os.O_EXCL))
            os.kill(os.getpid(), signal.SIGKILL)
        except FileExistsError:
            pass
    return gray_canny(index, img)


OPS = {"no-op": noop, "gray": gray, "gray+canny": gray_canny, "crash": crash}


class Meter:
    """Says when to stop, and counts."""

    def __init__(self, seconds, count):
        self.seconds, self.count, self.done, self.warm = seconds, count, 0, 0
        self.began = time.perf_counter()

    def more(self, submitted):
        if self.count:
            return submitted < self.count
        return time.perf_counter() - self.began < self.seconds

    def answered(self, result):
        assert result is not None
        self.done += 1
        if ANSWERED is not None:
            os.pwrite(ANSWERED, b"%d" % self.done, 0)

    def result(self):
        return self.done, time.perf_counter() - self.began


def inline(frames, op, workers, meter):
    for i in itertools.count():
        if not meter.more(i):
            break
        meter.answered(op(i, frames[i % len(frames)]))


def futures(submit, frames, workers, meter):
    """A window of futures, taken in order."""
    window, i = [], 0
    while window or meter.more(i):
        while len(window) < 2 * workers + 2 and meter.more(i):
            window.append(submit(i, frames[i % len(frames)]))
            i += 1
        meter.answered(window.pop(0).result(timeout=PATIENCE))


def threads(frames, op, workers, meter):
    executor = concurrent.futures.ThreadPoolExecutor(workers)
    futures(lambda i, img: executor.submit(op, i, img), frames, workers, meter)


def processes(frames, op, workers, meter):
    executor = concurrent.futures.ProcessPoolExecutor(workers)
    futures(lambda i, img: executor.submit(op, i, img), frames, workers, meter)


def loky(frames, op, workers, meter):
    import loky

    executor = loky.get_reusable_executor(max_workers=workers)
    futures(lambda i, img: executor.submit(op, i, img), frames, workers, meter)


def pebble(frames, op, workers, meter):
    import pebble

    pool = pebble.ProcessPool(max_workers=workers)

    def wait(future):
        try:
            return future.result(timeout=PATIENCE)
        except pebble.ProcessExpired:
            return None

    window, i = [], 0
    while window or meter.more(i):
        while len(window) < 2 * workers + 2 and meter.more(i):
            window.append(pool.schedule(op, args=(i, frames[i % len(frames)])))
            i += 1
        result = wait(window.pop(0))
        if result is not None:
            meter.answered(result)
    pool.stop()


def ray(frames, op, workers, meter):
    import ray

    ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level="error", object_store_memory=1 << 30)
    task = ray.remote(op)
    window, i = [], 0
    while window or meter.more(i):
        while len(window) < 2 * workers + 2 and meter.more(i):
            window.append(task.remote(i, frames[i % len(frames)]))
            i += 1
        meter.answered(ray.get(window.pop(0), timeout=6 * PATIENCE))
    ray.shutdown()


def thread_queue(frames, op, workers, meter):
    """Threads of one's own, and queues."""
    todo, done = queue.Queue(2 * workers + 2), queue.Queue()

    def serve():
        for i, img in iter(todo.get, None):
            done.put((i, op(i, img)))

    for _ in range(workers):
        threading.Thread(target=serve, daemon=True).start()
    pump(frames, workers, meter, todo.put, lambda: done.get(timeout=PATIENCE)[1])


def pump(frames, workers, meter, put, get):
    flying, i = 0, 0
    while flying or meter.more(i):
        while flying < 2 * workers + 2 and meter.more(i):
            put((i, frames[i % len(frames)]))
            i, flying = i + 1, flying + 1
        meter.answered(get())
        flying -= 1


def serve_queue(op, todo, done):
    for i, img in iter(todo.get, None):
        done.put((i, op(i, img)))


def mp_queue(frames, op, workers, meter):
    """The article's way: worker processes between two queues."""
    todo, done = multiprocessing.Queue(), multiprocessing.Queue()
    for _ in range(workers):
        multiprocessing.Process(target=serve_queue, args=(op, todo, done), daemon=True).start()
    pump(frames, workers, meter, todo.put, lambda: done.get(timeout=PATIENCE)[1])


def serve_shared(op, name, shape, slots, todo, done):
    memory = shared_memory.SharedMemory(name)
    size = int(numpy.prod(shape))
    for i, slot in iter(todo.get, None):
        at = 2 * slot * size
        result = op(i, numpy.ndarray(shape, numpy.uint8, memory.buf, at))
        out = numpy.ndarray(result.shape, numpy.uint8, memory.buf, at + size)
        out[...] = result
        done.put((slot, result.shape))
        del result, out


def shm_queue(frames, op, workers, meter):
    """Hand-written: pixels in shared memory, one slot for each frame in flight, the slots' numbers through queues."""
    shape, slots = frames[0].shape, 2 * workers + 2
    size = frames[0].nbytes
    memory = shared_memory.SharedMemory(create=True, size=2 * slots * size)
    try:
        todo, done = multiprocessing.SimpleQueue(), multiprocessing.Queue()
        for _ in range(workers):
            args = (op, memory.name, shape, slots, todo, done)
            multiprocessing.Process(target=serve_shared, args=args, daemon=True).start()
        free = list(range(slots))

        def put(job):
            slot = free.pop()
            numpy.ndarray(shape, numpy.uint8, memory.buf, 2 * slot * size)[...] = job[1]
            todo.put((job[0], slot))

        def get():
            slot, result_shape = done.get(timeout=PATIENCE)
            free.append(slot)
            return numpy.ndarray(result_shape, numpy.uint8, memory.buf, (2 * slot + 1) * size)

        pump(frames, workers, meter, put, get)
    finally:
        memory.unlink()


WAYS = {
    "inline": inline, "threads": thread_queue, "ThreadPoolExecutor": threads, "mp.Queue": mp_queue,
    "ProcessPoolExecutor": processes, "shared memory + queue": shm_queue, "loky": loky, "pebble": pebble, "ray": ray,
}


def load(image, size, n=8):
    width, height = map(int, size.split("x"))
    img = cv2.resize(cv2.imread(image), (width, height))
    return [img.copy() for _ in range(n)]


def main():
    global ANSWERED
    way, op, size, workers, amount, image = sys.argv[1:7]
    frames, workers = load(image, size), int(workers)
    if op == "crash":
        os.environ["PEERS_ONCE"] = os.path.join(sys.argv[7], "once")
        ANSWERED = os.open(os.path.join(sys.argv[7], "answered"), os.O_CREAT | os.O_WRONLY)
        meter = Meter(0, int(amount))
        try:
            WAYS[way](frames, OPS[op], workers, meter)
        except Exception as error:
            print(type(error).__name__, file=sys.stderr, flush=True)
            os._exit(1)  # some pools hang at a clean exit when a process of theirs was killed
        os._exit(0)
    meter = Meter(float(amount), 0)
    whole = Warmed(meter)
    WAYS[way](frames, OPS[op], workers, whole)
    print(json.dumps({"fps": whole.fps()}))
    sys.stdout.flush()
    os._exit(0)  # pools differ in how long they take to end


class Warmed(Meter):
    """Counts from the end of the first fifth: processes have started by then."""

    def __init__(self, meter):
        super().__init__(meter.seconds, 0)
        self.first = None

    def more(self, submitted):
        if self.first is None:
            return True
        return time.perf_counter() - self.first < 1.2 * self.seconds

    def answered(self, result):
        assert result is not None
        now = time.perf_counter()
        if self.first is None:
            self.first = now
        if 0.2 * self.seconds <= now - self.first <= 1.2 * self.seconds:
            self.done += 1

    def fps(self):
        return self.done / self.seconds


if __name__ == "__main__":
    main()
