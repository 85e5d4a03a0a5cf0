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
    "641x479 colour": cv2.resize(photo, (641, 479)),
    "641x479 gray": cv2.resize(gray, (641, 479)),
    "planes gray": gray[:186, :300],
    "pairs": photo[:, :300, :2],
}
depths = {"uint8": 0, "int8": 1, "uint16": 2, "int16": 3, "int32": 4, "float32": 5, "float64": 6}


def describe(a):
    shape = list(a.shape) + [1] * (3 - a.ndim)
    return {"height": shape[0], "width": shape[1], "channels": shape[2], "depth": depths[str(a.dtype)]}


def convert(img, depth, alpha=1.0, beta=0.0):
    """What Mat.convertTo makes, which Python has no name for; exact where alpha and beta are short in binary."""
    made = img.astype(np.float64) * alpha + beta
    if np.issubdtype(depth, np.integer):
        made = np.clip(np.rint(made), np.iinfo(depth).min, np.iinfo(depth).max)
    return made.astype(depth)


def bgr8(img):
    """OpenCV's photo module does not check what it is given, and writes beyond the memory of other pictures."""
    if img.ndim != 3 or img.shape[2] != 3 or img.dtype != np.uint8:
        raise ValueError("not a colour picture of bytes")
    return img


def apart(call, img):
    """Of a picture of one pixel, min, compare and the bitwise functions take a scalar for a second picture: so it gets two."""
    return call(img) if img.shape[:2] != (1, 1) else call(np.vstack([img, img]))[:1]


def middle(img):
    return (img.shape[1] - 1) / 2, (img.shape[0] - 1) / 2


def edge(img):
    return max(1, min(img.shape[:2]) / 2)


def turn(img, angle, scale, **more):
    """Rotates about the middle into the size that holds all."""
    (h, w), (x, y) = img.shape[:2], middle(img)
    sin, cos = abs(np.sin(np.radians(angle))) * scale, abs(np.cos(np.radians(angle))) * scale
    size = int(np.floor(w * cos + h * sin + 0.5)), int(np.floor(w * sin + h * cos + 0.5))
    m = cv2.getRotationMatrix2D((x, y), angle, scale)
    m[0, 2] += (size[0] - 1) / 2 - x
    m[1, 2] += (size[1] - 1) / 2 - y
    return cv2.warpAffine(img, m, size, **more)


known = {"cv2": cv2, "np": np, "refuse": np.array(None), "convert": convert, "bgr8": bgr8, "apart": apart, "middle": middle, "edge": edge, "turn": turn,
         "M": np.float64([[1, 0.2, 5], [-0.1, 0.9, 10]]), "H": np.float64([[1, 0.2, 0], [0.1, 1, 10], [0, 0.001, 1]]),
         "K": np.float64([[300, 0, 150], [0, 310, 110], [0, 0, 1]])}
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
            out = np.ascontiguousarray(eval(compiled, dict(known, img=img)))
            result = dict(describe(out), sha256=hashlib.sha256(out.tobytes()).hexdigest())
        except (cv2.error, KeyError, TypeError, ValueError, IndexError):
            result = None
        told["results"].setdefault(case, {})[name] = result
json.dump(told, sys.stdout)
