"""A second opinion: what OpenCV's own Python bindings make of the same pictures.

It reads {"photo", "dir", "cases": {name: expression}} from stdin, writes each input's pixels to dir, and prints the inputs and,
for each case and input, the result's shape, type and SHA-256, or null where OpenCV refused. An expression sees the input as img; its value may be refuse.
"""
import hashlib
import json
import sys

import cv2
import numpy as np

ask = json.load(sys.stdin)
photo = cv2.imread(ask["photo"])
gray = cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY)
alpha = cv2.cvtColor(photo, cv2.COLOR_BGR2BGRA)
alpha[:, :, 3] = 255 - gray

inputs = {
    "colour": photo,
    "gray": gray,
    "alpha": alpha,
    "odd colour": photo[3:206, 5:318],
    "odd gray": gray[3:206, 5:318],
    "one pixel": photo[100:101, 150:151],
    "one gray pixel": gray[100:101, 150:151],
    "one row": photo[100:101, 5:102],
    "one column": gray[5:102, 100:101],
    "u16 colour": photo.astype(np.uint16) * 257,
    "u16 gray": gray.astype(np.uint16) * 257,
    "s16 gray": gray.astype(np.int16) * 99 - 9000,
    "f32 colour": photo.astype(np.float32) / 255,
    "f32 gray": gray.astype(np.float32) / 255,
    "f64 gray": gray.astype(np.float64) / 255,
    "s32 gray": gray.astype(np.int32) * 1000,
    "s8 gray": (gray.astype(np.int16) - 128).astype(np.int8),
}
depths = {"uint8": 0, "int8": 1, "uint16": 2, "int16": 3, "int32": 4, "float32": 5, "float64": 6}


def describe(a):
    shape = list(a.shape) + [1] * (3 - a.ndim)
    return {"height": shape[0], "width": shape[1], "channels": shape[2], "depth": depths[str(a.dtype)]}


told = {"inputs": {}, "results": {}}
for i, (name, img) in enumerate(inputs.items()):
    img = inputs[name] = np.ascontiguousarray(img)
    path = "%s/%d.raw" % (ask["dir"], i)
    img.tofile(path)
    told["inputs"][name] = dict(describe(img), file=path)
for case, code in ask["cases"].items():
    compiled = compile(code, case, "eval")
    for name, img in inputs.items():
        try:
            out = np.ascontiguousarray(eval(compiled, {"cv2": cv2, "np": np, "img": img, "refuse": np.array(None)}))
            result = dict(describe(out), sha256=hashlib.sha256(out.tobytes()).hexdigest())
        except (cv2.error, KeyError):
            result = None
        told["results"].setdefault(case, {})[name] = result
json.dump(told, sys.stdout)
