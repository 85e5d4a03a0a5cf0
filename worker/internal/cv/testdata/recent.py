"""A second opinion on objects, streams and networks: what OpenCV's own Python bindings find in the same frames.

It reads {"photos": {name: path}, "files": {name: path}, "dir", "cases": {name: [expression, input]}} from stdin, writes the frames
of each input to dir, and prints {"inputs": {name: [{"height", "width", "channels", "depth", "file"}]}, "results": {name: [{"data",
"sha256"}]}}, frame by frame, an empty list where OpenCV refused. An expression sees the input as frames; its value is a list of
(data, picture), where None for the picture means the frame itself.
"""
import ctypes
import hashlib
import json
import sys

import cv2
import numpy as np

GREEN = (0, 255, 0)
DEPTHS = {"uint8": 0, "float32": 5}
FILES = {}


def gray(img):
    return cv2.cvtColor(img, cv2.COLOR_BGR2GRAY)


def over(img):
    return cv2.cvtColor(img, cv2.COLOR_GRAY2BGR) if img.ndim == 2 else img.copy()


def each(frames, f):
    return [f(img) for img in frames]


def boxed(img, boxes):
    out = over(img)
    for x, y, w, h in boxes:
        cv2.rectangle(out, (x, y), (x + w - 1, y + h - 1), GREEN)
    return out


def outlined(img, quads):
    out = over(img)
    for q in quads:
        cv2.polylines(out, [np.rint(np.float64(q)).astype(np.int32)], True, GREEN)
    return out


def rounded(box):
    return [int(round(float(v))) for v in box]


def cascade(img, draw=False, **kw):
    boxes, counts = cv2.CascadeClassifier(FILES["cascade.xml"]).detectMultiScale2(img, **kw)
    boxes = [list(map(int, b)) for b in boxes]
    data = {"count": len(boxes), "objects": [{"box": b, "neighbors": int(n)} for b, n in zip(boxes, counts)]}
    return data, boxed(img, boxes) if draw else None


def faces(img, score=0.9, nms=0.3, draw=False):
    detector = cv2.FaceDetectorYN.create(FILES["yunet.onnx"], "", img.shape[1::-1], score, nms)
    found = detector.detect(img)[1]
    found = [] if found is None else found.tolist()
    out = boxed(img, [rounded(f[:4]) for f in found])
    for f in found:
        for i in range(4, 14, 2):
            cv2.circle(out, tuple(rounded(f[i:i + 2])), 3, GREEN)
    told = [{"box": f[:4], "landmarks": np.reshape(f[4:14], (5, 2)).tolist(), "score": f[14]} for f in found]
    return {"count": len(found), "faces": told}, out if draw else None


def people(img, draw=False, **kw):
    hog = cv2.HOGDescriptor()
    hog.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())
    boxes, weights = hog.detectMultiScale(img, **kw)
    boxes = [list(map(int, b)) for b in boxes]
    data = {"count": len(boxes), "people": [{"box": b, "weight": float(w)} for b, w in zip(boxes, np.ravel(weights))]}
    return data, boxed(img, boxes) if draw else None


def qr(img, detector=cv2.QRCodeDetector, decode=True, draw=False):
    cv2.setRNGSeed(0)  # as in a process that has drawn nothing yet
    if decode:
        _, texts, quads, _ = detector().detectAndDecodeMulti(img)
    else:
        quads = detector().detectMulti(img)[1]
        texts = [""] * len(quads)
    quads = [] if quads is None else quads.tolist()
    data = {"count": len(quads), "codes": [{"text": t, "corners": q} for t, q in zip(texts, quads)]}
    return data, outlined(img, quads) if draw else None


def barcodes(img, draw=False):
    _, texts, kinds, quads = cv2.barcode.BarcodeDetector().detectAndDecodeWithType(img)
    quads = [] if quads is None else quads.tolist()
    codes = [dict({"text": t, "corners": q}, **({"type": k} if k else {})) for t, k, q in zip(texts, kinds, quads)]
    return {"count": len(quads), "codes": codes}, outlined(img, quads) if draw else None


def markers(img, dictionary, draw=False, **kw):
    parameters = cv2.aruco.DetectorParameters()
    for name, value in kw.items():
        setattr(parameters, name, value)
    quads, ids, rejected = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(dictionary), parameters).detectMarkers(img)
    quads = [q[0].tolist() for q in quads]
    found = [] if ids is None else [{"id": int(i), "corners": q} for i, q in zip(ids.ravel(), quads)]
    return {"count": len(found), "markers": found, "rejected": len(rejected)}, outlined(img, quads) if draw else None


def background(frames, model, rate=-1):
    results = []
    for i, img in enumerate(frames):
        mask = model.apply(img, learningRate=rate)
        n = int(np.count_nonzero(mask == 255))
        results.append(({"frames": i + 1, "foreground": n, "part": n / mask.size}, mask))
    return results


def farneback(frames, pyr_scale=0.5, levels=3, winsize=15, iterations=3, poly_n=5, poly_sigma=1.2, flags=0, draw=False):
    results, before = [], None
    for i, img in enumerate(frames):
        flow = np.zeros(img.shape + (2,), np.float32) if before is None else cv2.calcOpticalFlowFarneback(before, img, None, pyr_scale, levels, winsize, iterations, poly_n, poly_sigma, flags)
        results.append(({"frames": i + 1, "mean": list(cv2.mean(flow)[:2])}, flow_colors(flow) if draw else flow))
        before = img
    return results


def flow_colors(flow):
    length, angle = cv2.cartToPolar(flow[..., 0], flow[..., 1], angleInDegrees=True)
    hsv = np.full(flow.shape[:2] + (3,), 255, np.uint8)
    hsv[..., 0] = np.rint(angle / 2)
    hsv[..., 2] = np.rint(cv2.normalize(length, None, 0, 255, cv2.NORM_MINMAX))
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)


def lucas_kanade(frames, most=100, quality=0.01, distance=10, block=3, win=21, level=3, least=10, draw=False):
    results, points, ids, before, following = [], np.zeros((0, 1, 2), np.float32), [], None, 0
    for i, img in enumerate(frames):
        tracks, lost, new, out = [], 0, 0, over(img)
        if len(points):
            now, status, error = cv2.calcOpticalFlowPyrLK(before, img, points, None, winSize=(win, win), maxLevel=level)
            good = status.ravel() == 1
            ids = [k for k, g in zip(ids, good) if g]
            for k, a, b, e in zip(ids, points[good], now[good], error[good]):
                tracks.append({"id": k, "from": a[0].tolist(), "to": b[0].tolist(), "error": float(e[0])})
                cv2.line(out, tuple(rounded(a[0])), tuple(rounded(b[0])), GREEN)
                cv2.circle(out, tuple(rounded(b[0])), 3, GREEN)
            lost, points = int(np.count_nonzero(~good)), now[good]
        if len(points) < least:
            points = cv2.goodFeaturesToTrack(img, most, quality, distance, blockSize=block)
            points = np.zeros((0, 1, 2), np.float32) if points is None else points
            new = len(points)
            ids = list(range(following, following + new))
            following += new
        before = img
        results.append(({"frames": i + 1, "tracks": tracks, "lost": lost, "new": new}, out if draw else None))
    return results


def track(frames, tracker, box, draw=False):
    cv2.setRNGSeed(0)  # both as in a process that has drawn nothing yet
    ctypes.CDLL(None).srand(1)
    tracker.init(frames[0], box)
    results = [({"frames": 1, "found": True, "box": list(box)}, boxed(frames[0], [box]) if draw else None)]
    for i, img in enumerate(frames[1:]):
        found, now = tracker.update(img)
        data = {"frames": i + 2, "found": found}
        if found:
            data["box"] = list(map(int, now))
        results.append((data, boxed(img, [data["box"]] if found else []) if draw else None))
    return results


def forward(img, model, size, scale=(1, 1, 1, 1), mean=(0, 0, 0, 0), swap=False, fit=cv2.dnn.DNN_PMODE_NULL):
    net = cv2.dnn.readNetFromONNX(FILES[model])
    params = cv2.dnn.Image2BlobParams(scale, size, mean, swap, cv2.CV_32F, cv2.dnn.DNN_LAYOUT_NCHW, fit)
    net.setInput(cv2.dnn.blobFromImageWithParams(img, params))
    return net.forward()


def classify(img, softmax=False, top=5, labels=(), **kw):
    scores = forward(img, "classifier.onnx", (32, 32), **kw).ravel().astype(np.float64)
    if softmax:
        scores = np.exp(scores - scores.max())
        scores /= scores.sum()
    order = np.argsort(-scores, kind="stable")[:top]
    return {"classes": [labelled({"class": int(c), "score": scores[c]}, labels) for c in order]}, None


def labelled(found, labels):
    return dict(found, label=labels[found["class"]]) if found["class"] < len(labels) else found


def objects(img, model, least, nms=0.45, letterbox=True, draw=False, labels=(), **kw):
    h, w = img.shape[:2]
    out = forward(img, model, (64, 64), fit=cv2.dnn.DNN_PMODE_LETTERBOX if letterbox else cv2.dnn.DNN_PMODE_NULL, **kw)
    fx, fy, dx, dy = w / 64, h / 64, 0, 0
    if letterbox:
        fx = fy = max(fx, fy)
        dx, dy = (64 - w / fx) / 2, (64 - h / fy) / 2
    boxes, scores, classes = [], [], []
    if model == "ssd.onnx":
        for _, c, s, x1, y1, x2, y2 in out[0, 0].astype(np.float64):
            if s >= least:
                boxes.append((x1 * w, y1 * h, x2 * w - x1 * w, y2 * h - y1 * h))
                scores.append(s)
                classes.append(int(c))
    else:
        rows, skip = (out[0].T, 4) if model == "small8.onnx" else (out[0], 5)
        for r in rows:
            c = int(np.argmax(r[skip:]))
            s = r[skip + c] if skip == 4 else r[skip + c] * r[4]
            if s >= least:
                x, y, bw, bh = map(float, r[:4])
                boxes.append(((x - bw / 2 - dx) * fx, (y - bh / 2 - dy) * fy, bw * fx, bh * fy))
                scores.append(float(s))
                classes.append(c)
    good = cv2.dnn.NMSBoxesBatched(boxes, scores, classes, least, nms) if boxes else []
    told = [labelled({"class": classes[i], "score": scores[i], "box": list(boxes[i])}, labels) for i in good]
    return {"count": len(told), "objects": told}, boxed(img, [rounded(o["box"]) for o in told]) if draw else None


def segment(img, model, threshold=0.5, draw=False, labels=(), **kw):
    out = forward(img, model, (64, 64), **kw)[0]
    best = (out[0] > threshold if len(out) == 1 else np.argmax(out, axis=0)).astype(np.uint8)
    mask = cv2.resize(best, img.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    counts = np.bincount(mask.ravel())
    data = {"classes": [labelled({"class": c, "pixels": int(n)}, labels) for c, n in enumerate(counts) if n]}
    if not draw:
        return data, mask
    palette = np.zeros((256, 3), np.uint8)
    for c in range(256):
        for bit in range(8):
            for channel in range(3):  # red, green, blue
                if c >> (3 * bit + channel) & 1:
                    palette[c, 2 - channel] |= 1 << (7 - bit)
    picture = over(img)
    covered = cv2.addWeighted(picture, 0.5, palette[mask], 0.5, 0)
    return data, np.where(mask[..., None] != 0, covered, picture)


def ean13(digits):
    """A bar code of twelve digits and the sum that follows from them."""
    digits = digits + str(-sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(digits)) % 10)
    left = "0001101 0011001 0010011 0111101 0100011 0110001 0101111 0111011 0110111 0001011".split()
    parity = "LLLLLL LLGLGG LLGGLG LLGGGL LGLLGG LGGLLG LGGGLL LGLGLG LGLGGL LGGLGL".split()[int(digits[0])]
    right = ["".join("10"[int(b)] for b in code) for code in left]
    bits = "101" + "".join(left[int(d)] if p == "L" else right[int(d)][::-1] for d, p in zip(digits[1:7], parity))
    bits += "01010" + "".join(right[int(d)] for d in digits[7:]) + "101"
    row = np.repeat([255 * (b == "0") for b in bits], 2).astype(np.uint8)
    code = cv2.copyMakeBorder(np.tile(row, (60, 1)), 30, 30, 40, 40, cv2.BORDER_CONSTANT, value=255)
    return cv2.GaussianBlur(code, (3, 3), 0)


def marker_board():
    board = np.full((400, 500), 255, np.uint8)
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_6X6_250)
    for number, (x, y) in {1: (40, 40), 6: (300, 60), 249: (150, 240)}.items():
        board[y:y + 120, x:x + 120] = cv2.aruco.generateImageMarker(dictionary, number, 120)
    turn = np.array([[0.95, -0.1, 30], [0.08, 0.9, 5], [0.0002, 0.0001, 1]])
    return cv2.warpPerspective(board, turn, (500, 400), borderValue=200)


def make_inputs(photos):
    photo, face = cv2.imread(photos["shuttle"]), cv2.imread(photos["face"])
    moving = [photo[5 + 2 * i:165 + 2 * i, 3 + 3 * i:203 + 3 * i].copy() for i in range(7)]
    passing = [photo[:160, :200].copy() for _ in range(9)]
    for i, img in enumerate(passing[3:]):
        img[60:90, 20 * i:20 * i + 30] = (40, 80, 240)
    noise = np.random.default_rng(1).integers(0, 256, (90, 110, 3), np.uint8)
    return {
        "face": [face], "grayface": [gray(face)], "shuttle": [photo], "pixel": [photo[:1, :1]], "row": [photo[:1]], "noise": [noise],
        "graypixel": [gray(photo)[:1, :1]], "odd": [photo[3:206, 5:318]], "qr": [cv2.imread(photos["qr"])],
        "grayqr": [gray(cv2.imread(photos["qr"]))], "qrs": [cv2.imread(photos["qrs"])], "barcode": [ean13("400638133393")], "colourbarcode": [over(ean13("871125300120"))],
        "board": [marker_board()], "aruco": [cv2.imread(photos["aruco"])], "moving": moving, "graymoving": [gray(m) for m in moving],
        "passing": passing, "leaving": passing[3:], "graypassing": [gray(p) for p in passing], "graypixels": [gray(photo)[:1, :1]] * 3, "pixels": [photo[:1, :1]] * 3,
    }


def describe(a):
    shape = list(a.shape) + [1] * (3 - a.ndim)
    return {"height": shape[0], "width": shape[1], "channels": shape[2], "depth": DEPTHS[str(a.dtype)]}


def plain(v):
    return v.tolist() if isinstance(v, np.ndarray) else v.item()


def main():
    cv2.setNumThreads(1)  # with more of them, what is found at once comes in any order
    ask = json.load(sys.stdin)
    FILES.update(ask["files"])
    told, frames_of = {"inputs": {}, "results": {}}, make_inputs(ask["photos"])
    for name, frames in frames_of.items():
        told["inputs"][name] = []
        for i, img in enumerate(frames):
            path = "%s/%s-%d.raw" % (ask["dir"], name, i)
            img = frames[i] = np.ascontiguousarray(img)
            img.tofile(path)
            told["inputs"][name].append(dict(describe(img), file=path))
    for case, (code, name) in ask["cases"].items():
        results = []
        try:
            for img, (data, picture) in zip(frames_of[name], eval(code, dict(globals(), frames=frames_of[name]))):
                picture = np.ascontiguousarray(img if picture is None else picture)
                results.append({"data": data, "sha256": hashlib.sha256(picture.tobytes()).hexdigest()})
        except cv2.error as refused:
            print(case, refused, file=sys.stderr)
        told["results"][case] = results
    json.dump(told, sys.stdout, default=plain)


if __name__ == "__main__":
    main()
