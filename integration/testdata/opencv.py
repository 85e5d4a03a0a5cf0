"""The second opinion on pixels: OpenCV called directly.

Reads a JSON list of {"name", "input", "expression", "output"} from standard input. Each expression is computed on the input,
which it has as img (as cv2.imread returns it), gray and data (the file's bytes), and compared with what is in the output: with
the decoded pixels where it makes an array, with the bytes of the file where it makes bytes. Prints a JSON object of those that
differ, with the difference.
"""

import json
import sys

import cv2
import numpy as np


def rect(n):
    return cv2.getStructuringElement(cv2.MORPH_RECT, (n, n))


def encoded(ext, img):
    return cv2.imencode(ext, img)[1].tobytes()


def compare(case):
    with open(case["input"], "rb") as f:
        data = f.read()
    img = cv2.imread(case["input"])
    want = eval(case["expression"], globals(), {"img": img, "gray": cv2.cvtColor(img, cv2.COLOR_BGR2GRAY), "data": data})
    if isinstance(want, bytes):
        with open(case["output"], "rb") as f:
            return None if f.read() == want else "other bytes"
    got = cv2.imread(case["output"], cv2.IMREAD_UNCHANGED)
    if got is None:
        return "no image"
    if got.shape != want.shape or got.dtype != want.dtype:
        return f"{got.shape} {got.dtype}, want {want.shape} {want.dtype}"
    if np.array_equal(got, want):
        return None
    far = np.abs(got.astype(int) - want.astype(int))
    return f"{np.count_nonzero(far)} of {far.size} bytes differ, by {far.max()} at most"


differ = {}
for case in json.load(sys.stdin):
    try:
        difference = compare(case)
    except Exception as e:
        difference = repr(e)
    if difference:
        differ[case["name"]] = difference
json.dump(differ, sys.stdout)
