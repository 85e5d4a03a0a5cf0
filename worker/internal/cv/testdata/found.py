"""A second opinion on data: what OpenCV's own Python bindings find in the same pictures, and how they draw it.

It reads {"photos": {name: path}, "dir", "cases": {name: [expression, names of inputs or null for all]}} from stdin, writes each
input's pixels to dir, and prints the inputs and, for each case and input, {"data", "shape", "sha256"}, or null where OpenCV
refused. An expression sees the input as img; its value is (data, picture), where None for the picture means the input itself.
"""
import functools
import hashlib
import json
import math
import sys

import cv2
import numpy as np

GREEN = (0, 255, 0, 255)  # opaque where there is an alpha
ANY = "any"  # what Python cannot tell
DEPTHS = {"uint8": 0, "int8": 1, "uint16": 2, "int16": 3, "int32": 4, "float32": 5, "float64": 6}


def gray(img):
    return img if img.ndim == 2 else cv2.cvtColor(img, cv2.COLOR_BGR2GRAY)


def over(img):
    """What is drawn on in colour."""
    return cv2.cvtColor(img, cv2.COLOR_GRAY2BGR) if img.ndim == 2 else img.copy()


def rows(found):
    return [] if found is None else found.reshape(-1, found.shape[-1]).tolist()


def drawn(img, draw, items):
    """A copy on which draw(picture, item) was called."""
    out = over(img)
    for item in items:
        draw(out, item)
    return out


def draw_on(img, draw):
    out = img.copy()
    draw(out)
    return None, out


def refuse():
    raise cv2.error("refused")


def only_gray(img):
    return img if img.ndim == 2 else refuse()


def only_bgr(img):
    return img if img.ndim == 3 and img.shape[2] == 3 else refuse()


def whole(*values):
    return tuple(int(round(v)) for v in values)


def hough_lines(img, draw=False, **kw):
    lines = cv2.HoughLinesWithAccumulator(only_gray(img), **kw)
    lines = rows(lines)

    def line(out, l):
        s, c, reach = math.sin(np.float32(l[1])), math.cos(np.float32(l[1])), sum(img.shape)
        x, y = c * l[0], s * l[0]
        cv2.line(out, whole(x - reach * s, y + reach * c), whole(x + reach * s, y - reach * c), GREEN)

    told = [{"rho": l[0], "theta": l[1], "votes": l[2]} for l in lines[:100]]
    return {"count": len(lines), "lines": told}, drawn(img, line, lines[:100]) if draw else None


def hough_lines_p(img, draw=False, limit=1000, **kw):
    lines = rows(cv2.HoughLinesP(only_gray(img), **kw))
    return {"count": len(lines), "lines": lines[:limit]}, (
        drawn(img, lambda out, l: cv2.line(out, tuple(l[:2]), tuple(l[2:]), GREEN), lines[:limit]) if draw else None)


def hough_circles(img, draw=False, method=cv2.HOUGH_GRADIENT, dp=1, minDist=20, **kw):
    circles = rows(cv2.HoughCircles(only_gray(img), method, dp, minDist, **kw))
    return {"count": len(circles), "circles": [{"center": c[:2], "radius": c[2], "votes": ANY} for c in circles[:100]]}, (
        drawn(img, lambda out, c: cv2.circle(out, whole(*c[:2]), whole(c[2])[0], GREEN), circles[:100]) if draw else None)


def lsd(img, draw=False, **kw):
    lines, width, prec, nfa = cv2.createLineSegmentDetector(**kw).detect(only_gray(img))
    lines = rows(lines)
    told = [{"line": l} for l in lines[:1000]]
    for key, values in (("width", width), ("prec", prec), ("nfa", nfa)):
        for l, v in zip(told, rows(values)):
            l[key] = v[0]
    return {"count": len(lines), "lines": told}, (
        drawn(img, lambda out, l: cv2.line(out, whole(*l[:2]), whole(*l[2:]), GREEN), lines[:1000]) if draw else None)


def rect(r):
    return {"center": r[0], "size": r[1], "angle": r[2]}


def moments(img, **kw):
    return cv2.moments(only_gray(img), **kw)


def contours(img, mode=cv2.RETR_EXTERNAL, method=cv2.CHAIN_APPROX_SIMPLE, low=0, high=math.inf, epsilon=0, ratio=0, limit=100,
             draw=None, extra=False):
    found, hierarchy = cv2.findContours(only_gray(img), mode, method)
    kept = [i for i, c in enumerate(found) if low <= cv2.contourArea(c) <= high]
    told, outlines = [], []
    for i in kept[:limit]:
        c = found[i]
        perimeter = cv2.arcLength(c, True)
        near = cv2.approxPolyDP(c, epsilon or ratio * perimeter, True) if epsilon or ratio else c
        outlines.append(near)
        center, radius = cv2.minEnclosingCircle(c)
        one = {
            "index": i, "hierarchy": hierarchy[0][i].tolist(), "area": cv2.contourArea(c), "perimeter": perimeter,
            "box": cv2.boundingRect(c), "size": len(near), "points": near.reshape(-1, 2).tolist(),
            "convex": cv2.isContourConvex(near), "min_area_rect": rect(cv2.minAreaRect(c)),
            "min_enclosing_circle": {"center": center, "radius": radius},
        }
        if len(c) >= 5:
            ellipse = cv2.fitEllipse(c)
            if all(math.isfinite(v) for v in (*ellipse[0], *ellipse[1], ellipse[2])):
                one["fit_ellipse"] = rect(ellipse)
        if extra:
            one["hull"] = cv2.convexHull(c).reshape(-1, 2).tolist()
            one["moments"] = cv2.moments(c)
        told.append(one)
    out = None
    if draw is not None:
        out = over(img)
        if outlines:
            cv2.drawContours(out, outlines, -1, GREEN, draw)
    return {"found": len(found), "count": len(kept), "contours": told}, out


def components(img, connectivity=8, low=0, high=math.inf, draw=False, labels=False):
    n, picture, stats, centroids = cv2.connectedComponentsWithStats(only_gray(img), connectivity=connectivity)
    kept = [i for i in range(1, n) if low <= stats[i][4] <= high]
    told = [{"label": i, "box": stats[i][:4].tolist(), "area": int(stats[i][4]), "centroid": centroids[i].tolist()} for i in kept[:1000]]
    out = picture if labels else None
    if draw:
        out = drawn(img, lambda o, c: cv2.rectangle(o, c["box"], GREEN), told)
    return {"found": n - 1, "count": len(kept), "components": told}, out


def watershed(img, kind=cv2.THRESH_BINARY, iterations=2, ratio=0.7, labels=False):
    _, binary = cv2.threshold(gray(only_bgr(img)), 0, 255, kind + cv2.THRESH_OTSU)
    kernel = np.ones((3, 3), np.uint8)
    binary = cv2.morphologyEx(binary, cv2.MORPH_OPEN, kernel, iterations=iterations)
    background = cv2.dilate(binary, kernel, iterations=3)
    distance = cv2.distanceTransform(binary, cv2.DIST_L2, 5)
    cores = np.uint8(cv2.threshold(distance, ratio * distance.max(), 255, cv2.THRESH_BINARY)[1])
    _, markers = cv2.connectedComponents(cores)
    markers = markers + 1
    markers[cv2.subtract(background, cores) == 255] = 0
    return grown(img, markers, labels, 2)


def grown_from(img, name, labels=False):
    m = beside(name)
    return grown(only_bgr(img), m.astype(np.int32), labels) if m.shape == img.shape[:2] else refuse()


def grown(img, markers, labels, first=1):
    markers = cv2.watershed(img, markers)
    told = []
    for i in (int(i) for i in np.unique(markers) if i >= first):
        ys, xs = np.nonzero(markers == i)
        box = [int(xs.min()), int(ys.min()), int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1]
        told.append({"label": i, "box": box, "area": len(xs)})
    out = img.copy()
    out[markers == -1] = (0, 0, 255)
    return {"count": len(told), "regions": told[:1000]}, markers if labels else out


def grab_cut(img, box=None, iterations=5, cut=False, seeds=None):
    h, w = only_bgr(img).shape[:2]
    box = box or (w // 10, h // 10, w - 2 * (w // 10), h - 2 * (h // 10))
    if box[0] + box[2] > w or box[1] + box[3] > h:
        refuse()
    cv2.setRNGSeed(0)
    if seeds is None:
        mask, _, _ = cv2.grabCut(img, np.zeros((h, w), np.uint8), box, None, None, iterations, cv2.GC_INIT_WITH_RECT)
    elif seeds.shape == (h, w):
        mask, _, _ = cv2.grabCut(img, seeds.copy(), None, None, None, iterations, cv2.GC_INIT_WITH_MASK)
    else:
        refuse()
    inside = (mask & 1) * 255
    return {"area": int((inside > 0).sum())}, img * (mask & 1)[:, :, None] if cut else inside


def flood_fill(img, seed=(0, 0), color=(255,) * 4, low=(0,) * 4, high=(0,) * 4, flags=4):
    out = img.copy()
    area, out, _, box = cv2.floodFill(out, None, seed, color, low, high, flags)
    return {"area": area, "box": box}, out


def corners(img, found, draw, limit=1000):
    found = rows(found)
    return {"count": len(found), "corners": found[:limit]}, (
        drawn(img, lambda out, c: cv2.circle(out, whole(*c), 3, GREEN), found[:limit]) if draw else None)


def sub_pix(img, found, win=5):
    if found is None:
        return None
    if min(img.shape[:2]) < 2 * win + 5:
        refuse()
    return cv2.cornerSubPix(gray(img), np.array(found, np.float32), (win, win), (-1, -1), (3, 30, 0.001))


def good_features(img, n=100, quality=0.01, distance=10, draw=False, refine=False, limit=1000, **kw):
    kw = dict(dict(mask=None, blockSize=3, gradientSize=3), **kw)
    found = cv2.goodFeaturesToTrack(only_gray(img), n, quality, distance, **kw)
    if refine:
        found = sub_pix(img, found) if min(img.shape[:2]) >= 15 else refuse()
    return corners(img, found, draw, limit)


def keypoints(img, detector, draw=False, describe=False, rich=False, limit=1000, color=GREEN):
    if img.ndim == 3 and img.shape[2] != 3:
        refuse()
    if describe:
        found, descriptors = detector.detectAndCompute(img, None)
    else:
        found, descriptors = detector.detect(img, None), None
    strongest = sorted(sorted(range(len(found)), key=lambda i: -found[i].response)[:limit])
    told = []
    for i in strongest:
        k = found[i]
        told.append({"x": k.pt[0], "y": k.pt[1], "size": k.size, "angle": k.angle, "response": k.response, "octave": k.octave,
                     "class_id": k.class_id})
        if describe:
            told[-1]["descriptor"] = descriptors[i].tolist()
    out = None
    if draw:
        flags = cv2.DRAW_MATCHES_FLAGS_DRAW_RICH_KEYPOINTS if rich else 0
        out = cv2.drawKeypoints(img, [found[i] for i in strongest], None, color, flags)
    return {"count": len(found), "keypoints": told}, out


def blobs(**kw):
    p = cv2.SimpleBlobDetector_Params()
    p.minThreshold, p.maxThreshold, p.maxInertiaRatio, p.maxConvexity = 50, 220, np.finfo(np.float32).max, np.finfo(np.float32).max
    for k, v in kw.items():
        if v or k in ("filterByCircularity", "filterByConvexity", "filterByInertia", "blobColor"):  # newer ones refuse a least of 0
            setattr(p, k, v)
    return cv2.SimpleBlobDetector_create(p)


def mser(img, draw=False, limit=1000, **kw):
    if img.ndim == 3 and img.shape[2] != 3 or min(img.shape[:2]) < 3:
        refuse()
    regions, boxes = cv2.MSER_create(**kw).detectRegions(img)
    told = [{"box": b.tolist(), "area": len(r), "hull": cv2.convexHull(r).reshape(-1, 2).tolist()}
            for r, b in list(zip(regions, boxes))[:limit]]
    return {"count": len(regions), "regions": told}, (
        drawn(img, lambda out, r: cv2.polylines(out, [np.array(r["hull"])], True, GREEN), told) if draw else None)


def pattern(img, size, found, points, draw=False, refine=False):
    if img.ndim == 3 and img.shape[2] != 3:
        refuse()
    if refine and found:
        points = sub_pix(img, points)
    out = None
    if draw:
        out = over(img)
        if points is not None and len(points):
            cv2.drawChessboardCorners(out, size, points, found)
    return {"found": found, "corners": rows(points)}, out


def first_board(img, size):
    if img.ndim == 3 and img.shape[2] != 3:
        refuse()
    found, _ = cv2.findChessboardCorners(img, size)
    return {"found": found, "boards": int(found)}


def text(img, what, org=(10, 30), font=0, scale=1, color=GREEN, thickness=1, line=8, bottom=False):
    out = img.copy()
    cv2.putText(out, what, org, font, scale, color, thickness, line, bottom)
    size, baseline = cv2.getTextSize(what, font, scale, thickness)
    return {"text": what, "size": size, "baseline": baseline}, out


def pair(img, name):
    """The second picture, in gray for a gray frame, where it then is of the same kind."""
    other = gray(beside(name)) if img.ndim == 2 else beside(name)
    return other if other.shape == img.shape and other.dtype == img.dtype else refuse()


def mask_for(img, mask=None):
    mask = beside("mask") if mask is None else mask
    return mask if mask.shape == img.shape[:2] else refuse()


def copy_to(img):
    out = np.zeros_like(img)
    mask = mask_for(img) > 0
    out[mask] = img[mask]
    return None, out


def ssim(a, b, largest=255):
    c1, c2 = (0.01 * largest) ** 2, (0.03 * largest) ** 2

    def blur(m):
        return cv2.GaussianBlur(m, (11, 11), 1.5)

    x, y = a.astype(np.float64), b.astype(np.float64)
    mx, my = blur(x), blur(y)
    xx, yy, xy = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    of = ((2 * mx * my + c1) * (2 * xy + c2)) / ((mx * mx + my * my + c1) * (xx + yy + c2))
    each = np.atleast_1d(of.mean(axis=(0, 1)))
    return {"ssim": each.mean(), "channels": each}, None


def match_template(img, method=cv2.TM_CCOEFF_NORMED, threshold=0.8, limit=10, draw=False, whole_map=False):
    templ = beside("part" if img.ndim == 3 else "graypart")
    if templ.dtype != img.dtype or templ.shape[2:] != img.shape[2:] or templ.shape[0] > img.shape[0] or templ.shape[1] > img.shape[1]:
        refuse()
    fit = cv2.matchTemplate(img, templ, method)
    h, w = templ.shape[:2]
    sign = -1 if method in (cv2.TM_SQDIFF, cv2.TM_SQDIFF_NORMED) else 1
    left, told, best = sign * fit, [], None
    while True:
        _, value, _, (x, y) = cv2.minMaxLoc(left)
        match = {"box": [x, y, w, h], "value": sign * value}
        best = best or match
        if value < sign * threshold or len(told) == limit:
            break
        told.append(match)
        left[max(0, y - h // 2):y + h // 2 + 1, max(0, x - w // 2):x + w // 2 + 1] = -np.finfo(np.float32).max
    out = fit if whole_map else None
    if draw:
        out = drawn(img, lambda o, m: cv2.rectangle(o, m["box"], GREEN), told)
    return {"best": best, "matches": told}, out


def matches(img, other, create, norm, ratio, back):
    detector = create()
    kp1, d1 = detector.detectAndCompute(gray(other), None)
    kp2, d2 = detector.detectAndCompute(gray(only_bgr(img) if img.ndim == 3 else img), None)
    good = []
    if kp1 and len(kp2) >= 2:
        good = [m for m, n in cv2.BFMatcher(norm).knnMatch(d1, d2, k=2) if np.float64(m.distance) < ratio * n.distance]
        good.sort(key=lambda m: m.distance)
    src = np.array([kp1[m.queryIdx].pt for m in good], np.float32)
    dst = np.array([kp2[m.trainIdx].pt for m in good], np.float32)
    h, inlier = None, None
    if len(good) >= 4:
        h, inlier = cv2.findHomography(dst if back else src, src if back else dst, cv2.RANSAC, 3)
    return kp1, kp2, good, src, dst, h, inlier


def match_features(img, create=cv2.ORB_create, norm=cv2.NORM_HAMMING, draw=False):
    other = beside("warped")
    kp1, kp2, good, src, dst, h, inlier = matches(img, other, create, norm, 0.75, False)
    told = {"keypoints": [len(kp2), len(kp1)], "count": len(good), "inliers": 0 if h is None else int(inlier.sum()), "matches": [
        {"picture": s, "frame": d, "distance": m.distance, "inlier": h is not None and bool(i[0])}
        for s, d, m, i in list(zip(src, dst, good, [[0]] * len(good) if h is None else inlier))[:100]]}
    corners = None
    if h is not None:
        height, width = other.shape[:2]
        corners = [(h @ (x, y, 1)) for x, y in ((0, 0), (width, 0), (width, height), (0, height))]
        corners = [(np.float32(x / z), np.float32(y / z)) for x, y, z in corners]
        told["homography"] = h
        if max(abs(v) for c in corners for v in c) > 1 << 20:
            corners = None
        else:
            told["corners"] = corners
    return told, drawn(img, lambda o, c: cv2.polylines(o, [np.array([whole(*p) for p in c])], True, GREEN), [corners] if corners else []) if draw else None


def align(img, create=cv2.ORB_create, norm=cv2.NORM_HAMMING):
    other = beside("warped")
    _, _, good, _, _, h, inlier = matches(img, other, create, norm, 0.75, True)
    if h is None or inlier.sum() < 10:
        refuse()
    return {"count": len(good), "inliers": int(inlier.sum()), "homography": h}, cv2.warpPerspective(img, h, other.shape[1::-1])


def clone(img, flags=cv2.NORMAL_CLONE, p=None):
    h, w = only_bgr(img).shape[:2]
    part = beside("part")
    if img.dtype != part.dtype:
        refuse()
    return None, cv2.seamlessClone(part, img, np.full(part.shape[:2], 255, np.uint8), p or (w // 2, h // 2), flags)


@functools.cache
def beside(name):
    """The pictures beside the frame."""
    photo = cv2.imread(PHOTOS["shuttle"])
    mask = np.zeros(photo.shape[:2], np.uint8)
    cv2.circle(mask, (100, 120), 12, 255, -1)
    turn = np.array([[0.9, -0.2, 40], [0.2, 0.95, -10], [0.0001, 0, 1]])
    part = photo[120:160, 90:150]
    x, y = maps()
    return np.ascontiguousarray({
        "other": photo[:, ::-1], "grayother": gray(photo)[:, ::-1], "mask": mask, "part": part, "graypart": gray(part),
        "partmask": np.full(part.shape[:2], 255, np.uint8), "x": x, "y": y, "xy": np.dstack([x, y]),
        "seeds": seeds(photo.shape), "markers": markers(np.uint8, photo.shape), "widemarkers": markers(np.int32, photo.shape) * 300, "warped": cv2.warpPerspective(photo, turn, (300, 280)),
    }[name])


def maps():
    """Waves that reach beyond the picture; and what is no place at all."""
    x, y = np.meshgrid(np.arange(97, dtype=np.float32), np.arange(61, dtype=np.float32))
    x, y = 3 * x - 20 + 9 * np.sin(y / 7), 4 * y - 15.3 + 5 * np.cos(x / 9)
    x[5, 5], x[5, 6], y[5, 7], y[5, 8] = np.nan, np.inf, -np.inf, 1e30
    return x.astype(np.float32), y.astype(np.float32)


def seeds(shape):
    """Of all four classes of grabCut."""
    m = np.full(shape[:2], cv2.GC_BGD, np.uint8)
    m[20:160, 20:150], m[40:140, 40:130], m[80:110, 70:100] = cv2.GC_PR_BGD, cv2.GC_PR_FGD, cv2.GC_FGD
    return m


def markers(depth, shape):
    """Three of them, and numbers between that are none."""
    m = np.zeros(shape[:2], depth)
    m[:20, :], m[80:110, 100:130], m[150:160, 20:50] = 1, 4, 7
    return m


BESIDE = ("other", "grayother", "mask", "part", "graypart", "partmask", "x", "y", "xy", "seeds", "markers", "widemarkers", "warped")
PHOTOS = {}


def describe(a):
    shape = list(a.shape) + [1] * (3 - a.ndim)
    return {"height": shape[0], "width": shape[1], "channels": shape[2], "depth": DEPTHS[str(a.dtype)]}


def plain(v):
    """JSON for numpy's numbers, and for what JSON has no number for."""
    if isinstance(v, np.generic):
        v = v.item()
    if isinstance(v, np.ndarray):
        return v.tolist()
    return v


def inputs(photos):
    photo, box = cv2.imread(photos["shuttle"]), cv2.imread(photos["box"])
    all_of = {
        "colour": photo, "gray": gray(photo), "oddcolour": photo[3:206, 5:318], "oddgray": gray(photo)[3:206, 5:318],
        "pixel": photo[100:101, 150:151], "graypixel": gray(photo)[100:101, 150:151],
        "row": photo[100:101, 5:102], "grayrow": gray(photo)[100:101, 5:102], "column": gray(photo)[5:102, 100:101],
        "edges": cv2.Canny(photo, 50, 150), "binary": cv2.threshold(gray(photo), 0, 255, cv2.THRESH_OTSU)[1],
        "large": cv2.resize(photo, (641, 479)), "box": gray(box), "circles": gray(cv2.imread(photos["circles"])),
        "board": cv2.imread(photos["board"]), "grayboard": gray(cv2.imread(photos["board"])),
        "alpha": cv2.cvtColor(photo, cv2.COLOR_BGR2BGRA), "u16": gray(photo).astype(np.uint16) * 257,
        "u16colour": photo.astype(np.uint16) * 257, "f32": gray(photo).astype(np.float32) / 255,
        "f32colour": photo.astype(np.float32) / 255, "black": np.zeros((40, 50), np.uint8),
    }
    return {name: np.ascontiguousarray(img) for name, img in all_of.items()}


def main():
    ask = json.load(sys.stdin)
    told = {"inputs": {}, "beside": {}, "results": {}}
    PHOTOS.update(ask["photos"])
    all_of = inputs(PHOTOS)
    for kind, pictures in (("inputs", all_of), ("beside", {name: beside(name) for name in BESIDE})):
        for name, img in pictures.items():
            path = "%s/%s.raw" % (ask["dir"], name)
            img.tofile(path)
            told[kind][name] = dict(describe(img), file=path)
    for case, (code, names) in ask["cases"].items():
        compiled = compile(code, case, "eval")
        for name in names or all_of:
            img = all_of[name]
            try:
                data, picture = eval(compiled, dict(globals(), img=img))
                picture = np.ascontiguousarray(img if picture is None else picture)
                result = dict(describe(picture), data=data, sha256=hashlib.sha256(picture.tobytes()).hexdigest())
            except cv2.error:
                result = None
            told["results"].setdefault(case, {})[name] = result
    json.dump(told, sys.stdout, default=plain)


main()
