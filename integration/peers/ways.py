"""The ways in which Python programs run OpenCV beside their event loop, each as its documentation shows it.

A way is a function of a Load: it does the load's op on its frames in `workers` threads or processes, with `window` frames in
flight, until the load's meter has enough. The result of each frame, a whole new picture, has to arrive in this process.

    ways.py WAY OP SIZE WORKERS WINDOW FRAMES AMOUNT IMAGE FOLDER

FRAMES copies of the image are gone round over. AMOUNT is seconds, and {"fps": ...} is printed. Where OP is crash, AMOUNT is a
number of frames, of which frame 500 ends its worker by kill -9 the first time it is tried; how many have been answered is in
FOLDER/answered all the time.
"""
import collections
import concurrent.futures
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

PATIENCE = 10  # seconds without an answer after which a way counts as stuck


def flip(index, img):
    return cv2.flip(img, 0)


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


OPS = {"flip": flip, "gray": gray, "gray+canny": gray_canny, "crash": crash}


class Timed:
    """A meter that counts the answers of so many seconds. A fifth of that after the first answer, processes have started: then
    it begins."""

    def __init__(self, seconds):
        self.seconds, self.first, self.counted = seconds, None, 0

    def more(self, sent):
        return self.first is None or time.perf_counter() < self.first + 1.2 * self.seconds

    def answered(self):
        now = time.perf_counter()
        if self.first is None:
            self.first = now
        self.counted += 0.2 * self.seconds <= now - self.first < 1.2 * self.seconds


class Counted:
    """A meter that wants so many frames, and writes to a file how many were answered: this process may end at any time."""

    def __init__(self, count, path):
        self.count, self.done, self.file = count, 0, os.open(path, os.O_CREAT | os.O_WRONLY)

    def more(self, sent):
        return sent < self.count

    def answered(self):
        self.done += 1
        os.pwrite(self.file, b"%d" % self.done, 0)


class Load:
    def __init__(self, frames, op, workers, window, meter):
        self.frames, self.op, self.workers, self.window, self.meter = frames, op, workers, window, meter

    def pump(self, put, get):
        """Keeps the window full: put(index, img) sends a frame, get() waits for a result. None is for one that is lost."""
        sent = flying = 0
        while True:
            while flying < self.window and self.meter.more(sent):
                put(sent, self.frames[sent % len(self.frames)])
                sent, flying = sent + 1, flying + 1
            if not flying:
                return
            result = get()
            flying -= 1
            if result is not None:
                self.meter.answered()

    def futures(self, submit, wait=lambda future: future.result(timeout=PATIENCE)):
        """Takes the results in order: submit(op, index, img) returns a future."""
        flying = collections.deque()
        self.pump(lambda i, img: flying.append(submit(self.op, i, img)), lambda: wait(flying.popleft()))


def inline(load):
    load.window, done = 1, collections.deque()
    load.pump(lambda i, img: done.append(load.op(i, img)), done.popleft)


def thread_queue(load):
    """Threads of one's own, and queues."""
    todo, done = queue.Queue(), queue.Queue()
    for _ in range(load.workers):
        threading.Thread(target=serve_queue, args=(load.op, todo, done), daemon=True).start()
    load.pump(lambda i, img: todo.put((i, img)), lambda: done.get(timeout=PATIENCE)[1])


def serve_queue(op, todo, done):
    for i, img in iter(todo.get, None):
        done.put((i, op(i, img)))


def threads(load):
    load.futures(concurrent.futures.ThreadPoolExecutor(load.workers).submit)


def processes(load):
    load.futures(concurrent.futures.ProcessPoolExecutor(load.workers).submit)


def loky(load):
    import loky

    load.futures(loky.get_reusable_executor(max_workers=load.workers).submit)


def pebble(load):
    import pebble

    def wait(future):
        try:
            return future.result(timeout=PATIENCE)
        except pebble.ProcessExpired:
            return None

    pool = pebble.ProcessPool(max_workers=load.workers)
    load.futures(lambda op, i, img: pool.schedule(op, args=(i, img)), wait)


def ray(load):
    import ray

    ray.init(num_cpus=load.workers, include_dashboard=False, log_to_driver=False, logging_level="error", object_store_memory=1 << 30)
    task = ray.remote(load.op)
    load.futures(lambda op, i, img: task.remote(i, img), lambda ref: ray.get(ref, timeout=6 * PATIENCE))


def mp_queue(load):
    """The article's way: worker processes between two queues."""
    todo, done = multiprocessing.Queue(), multiprocessing.Queue()
    for _ in range(load.workers):
        multiprocessing.Process(target=serve_queue, args=(load.op, todo, done), daemon=True).start()
    load.pump(lambda i, img: todo.put((i, img)), lambda: done.get(timeout=PATIENCE)[1])


def shm_queue(load):
    """Hand-written: pixels in shared memory, one slot for each frame in flight, the slots' numbers through queues."""
    shape, size = load.frames[0].shape, load.frames[0].nbytes
    memory = shared_memory.SharedMemory(f"peers-{os.getpid()}", create=True, size=2 * load.window * size)
    todo, done = multiprocessing.SimpleQueue(), multiprocessing.Queue()
    for _ in range(load.workers):
        multiprocessing.Process(target=serve_shared, args=(load.op, memory.name, shape, todo, done), daemon=True).start()
    free = list(range(load.window))

    def put(i, img):
        slot = free.pop()
        numpy.ndarray(shape, numpy.uint8, memory.buf, 2 * slot * size)[...] = img
        todo.put((i, slot))

    def get():
        slot, result_shape = done.get(timeout=PATIENCE)
        free.append(slot)
        return numpy.ndarray(result_shape, numpy.uint8, memory.buf, (2 * slot + 1) * size)

    load.pump(put, get)


def serve_shared(op, name, shape, todo, done):
    memory = shared_memory.SharedMemory(name)
    size = int(numpy.prod(shape))
    for i, slot in iter(todo.get, None):
        at = 2 * slot * size
        result = op(i, numpy.ndarray(shape, numpy.uint8, memory.buf, at))
        numpy.ndarray(result.shape, numpy.uint8, memory.buf, at + size)[...] = result
        done.put((slot, result.shape))


WAYS = {
    "inline": inline, "threads": thread_queue, "ThreadPoolExecutor": threads, "mp.Queue": mp_queue,
    "ProcessPoolExecutor": processes, "shared memory + queue": shm_queue, "loky": loky, "pebble": pebble, "ray": ray,
}


def copies(image, size, n):
    img = cv2.resize(cv2.imread(image), tuple(map(int, size.split("x"))))
    return [img.copy() for _ in range(n)]


def main():
    way, op, size, workers, window, frames, amount, image, folder = sys.argv[1:]
    os.environ["PEERS_ONCE"] = os.path.join(folder, "once")
    meter = Counted(int(amount), os.path.join(folder, "answered")) if op == "crash" else Timed(float(amount))
    try:
        WAYS[way](Load(copies(image, size, int(frames)), OPS[op], int(workers), int(window), meter))
    except Exception as error:
        print(f"{type(error).__name__}:", *str(error).split(), file=sys.stderr, flush=True)  # in one line
        os._exit(1)
    if op != "crash":
        print(json.dumps({"fps": meter.counted / meter.seconds}), flush=True)
    os._exit(0)  # pools differ in how long they take to end, and some never do; what they leave behind, peers.py removes


if __name__ == "__main__":
    main()
