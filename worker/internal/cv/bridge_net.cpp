//go:build opencv && !gocv_specific_modules

#include "kept.hpp"

#include <algorithm>
#include <numeric>
#include <opencv2/dnn.hpp>
#include <opencv2/imgproc.hpp>
#include <stdexcept>

namespace {

struct Network : Kept {
    cv::dnn::Net net;

    cv::Mat forward(const cv::Mat &picture, const blob_options &o) {
        cv::dnn::ImagePaddingMode fit = o.fit == FIT_CROP        ? cv::dnn::DNN_PMODE_CROP_CENTER
                                        : o.fit == FIT_LETTERBOX ? cv::dnn::DNN_PMODE_LETTERBOX
                                                                 : cv::dnn::DNN_PMODE_NULL;
        cv::dnn::Image2BlobParams p(scalar(o.scale), {o.width, o.height}, scalar(o.mean), o.swap_rb, CV_32F,
                                    cv::dnn::DNN_LAYOUT_NCHW, fit);
        std::lock_guard<std::mutex> lock(turn);
        net.setInput(cv::dnn::blobFromImageWithParams(picture, p));
        cv::Mat answer = net.forward();
        if (answer.type() != CV_32F) {
            throw std::runtime_error("the model answers in another type than float");
        }
        return answer.clone();
    }
};

void expect(bool good, const char *what, const cv::Mat &answer) {
    if (good) {
        return;
    }
    std::string shape;
    for (int i = 0; i < answer.dims; i++) {
        shape += (i ? "x" : "") + std::to_string(answer.size[i]);
    }
    throw std::runtime_error(std::string("the model answers ") + shape + ", not " + what);
}

struct Boxes {
    std::vector<cv::Rect2d> boxes;
    std::vector<float> scores;
    std::vector<int> classes;

    void add(const cv::Rect2d &box, float score, int c) {
        boxes.push_back(box);
        scores.push_back(score);
        classes.push_back(c);
    }
};

// Mapping takes a place in the blob to the place in the picture.
struct Mapping {
    double fx, fy, dx = 0, dy = 0;
    Mapping(const cv::Size &picture, const blob_options &o)
        : fx(double(picture.width) / o.width), fy(double(picture.height) / o.height) {
        if (o.fit == FIT_LETTERBOX) {
            fx = fy = std::max(fx, fy);
            dx = (o.width - picture.width / fx) / 2;
            dy = (o.height - picture.height / fy) / 2;
        }
    }
    // centered is a box in the blob, by its centre.
    cv::Rect2d centered(double x, double y, double w, double h) const {
        return {(x - w / 2 - dx) * fx, (y - h / 2 - dy) * fy, w * fx, h * fy};
    }
};

// yolo reads rows of cx, cy, w, h, with trust how sure it is of an object at all, and a score for each class.
Boxes yolo(const cv::Mat &rows, bool trust, double least, const Mapping &map) {
    Boxes found;
    int skip = trust ? 5 : 4;
    for (int i = 0; i < rows.rows; i++) {
        const float *v = rows.ptr<float>(i), *best = std::max_element(v + skip, v + rows.cols);
        float score = trust ? *best * v[4] : *best;
        if (score >= least) {
            found.add(map.centered(v[0], v[1], v[2], v[3]), score, int(best - v) - skip);
        }
    }
    return found;
}

// ssd reads rows of picture, class, score, and two corners as parts of the picture.
Boxes ssd(const cv::Mat &rows, double least, const cv::Size &picture) {
    Boxes found;
    for (int i = 0; i < rows.rows; i++) {
        const float *v = rows.ptr<float>(i);
        if (v[2] >= least) {
            double x = v[3] * picture.width, y = v[4] * picture.height;
            found.add({x, y, v[5] * picture.width - x, v[6] * picture.height - y}, v[2], int(v[1]));
        }
    }
    return found;
}

Boxes read_boxes(const cv::Mat &answer, box_layout layout, double least, const cv::Size &picture, const Mapping &map) {
    const int *n = answer.size.p;
    switch (layout) {
    case LAYOUT_YOLOV8: {
        expect(answer.dims == 3 && n[0] == 1 && n[1] > 4, "1 x 4+classes x boxes", answer);
        cv::Mat rows;
        cv::transpose(cv::Mat(n[1], n[2], CV_32F, answer.data), rows);
        return yolo(rows, false, least, map);
    }
    case LAYOUT_YOLOV5:
        expect(answer.dims == 3 && n[0] == 1 && n[2] > 5, "1 x boxes x 5+classes", answer);
        return yolo(cv::Mat(n[1], n[2], CV_32F, answer.data), true, least, map);
    default:
        expect(answer.dims == 4 && n[0] == 1 && n[1] == 1 && n[3] == 7, "1 x 1 x boxes x 7", answer);
        return ssd(cv::Mat(n[2], n[3], CV_32F, answer.data), least, picture);
    }
}

// color is that of a class in the data sets of PASCAL VOC, as bgr.
cv::Vec3b color(int c) {
    int bgr[3] = {};
    for (int bit = 7; c; bit--, c >>= 3) {
        for (int i = 0; i < 3; i++) {
            bgr[2 - i] |= (c >> i & 1) << bit;
        }
    }
    return {uchar(bgr[0]), uchar(bgr[1]), uchar(bgr[2])};
}

} // namespace

char *bridge_net(const void *onnx, size_t n, kept *out) {
    return keep(out, [=] {
        auto network = std::make_unique<Network>();
        network->net = cv::dnn::readNetFromONNX(static_cast<const char *>(onnx), n);
        if (network->net.empty()) {
            throw std::runtime_error("it has no layers");
        }
        return network;
    });
}

char *bridge_classify(kept k, mat src, const blob_options *blob, bool softmax, int top, numbers *out) {
    return find(out, [=](Tape &tape) {
        cv::Mat answer = held<Network>(k).forward(at(src), *blob);
        expect(answer.size[0] == 1, "for one picture", answer);
        std::vector<double> scores(answer.ptr<float>(), answer.ptr<float>() + answer.total());
        if (softmax) {
            double most = *std::max_element(scores.begin(), scores.end()), sum = 0;
            for (double &s : scores) {
                sum += s = std::exp(s - most);
            }
            for (double &s : scores) {
                s /= sum;
            }
        }
        std::vector<int> order(scores.size());
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return scores[a] > scores[b]; });
        order.resize(std::min(order.size(), size_t(top)));
        tape << order.size();
        for (int c : order) {
            tape << c << scores[c];
        }
    });
}

char *bridge_detect_objects(kept k, mat src, const blob_options *blob, box_layout layout, double score, double nms,
                            numbers *out) {
    return find(out, [=](Tape &tape) {
        cv::Mat answer = held<Network>(k).forward(at(src), *blob);
        cv::Size size = at(src).size();
        Boxes found = read_boxes(answer, layout, score, size, Mapping(size, *blob));
        std::vector<int> good;
        cv::dnn::NMSBoxesBatched(found.boxes, found.scores, found.classes, float(score), float(nms), good);
        tape << good.size();
        for (int i : good) {
            const cv::Rect2d &b = found.boxes[i];
            tape << found.classes[i] << found.scores[i] << b.x << b.y << b.width << b.height;
        }
    });
}

char *bridge_segment(kept k, mat src, const blob_options *blob, double threshold, mat classes, numbers *out) {
    return find(out, [=](Tape &tape) {
        cv::Mat answer = held<Network>(k).forward(at(src), *blob);
        const int *n = answer.size.p;
        expect(answer.dims == 4 && n[0] == 1 && n[1] <= 256, "1 x classes x height x width, with 256 classes at most", answer);
        cv::Mat best(n[2], n[3], CV_8U, cv::Scalar(0)), score(n[2], n[3], CV_32F, answer.ptr<float>(0, 0));
        if (n[1] == 1) {
            best.setTo(1, score > threshold);
        }
        for (int c = 1; c < n[1]; c++) {
            cv::Mat one(n[2], n[3], CV_32F, answer.ptr<float>(0, c)), better = one > score;
            best.setTo(c, better);
            one.copyTo(score, better);
        }
        cv::resize(best, at(classes), at(src).size(), 0, 0, cv::INTER_NEAREST);
        std::vector<int> pixels(std::max(n[1], 2));
        for (int y = 0; y < at(classes).rows; y++) {
            for (int x = 0; x < at(classes).cols; x++) {
                pixels[at(classes).at<uchar>(y, x)]++;
            }
        }
        tape << pixels;
    });
}

char *bridge_class_colors(mat src, mat classes, mat dst) {
    return guard([=] {
        cv::Mat table(1, 256, CV_8UC3), colors, covered, picture = at(src);
        for (int c = 0; c < 256; c++) {
            table.at<cv::Vec3b>(c) = color(c);
        }
        if (picture.channels() == 1) {
            cv::cvtColor(picture, picture, cv::COLOR_GRAY2BGR);
        }
        cv::cvtColor(at(classes), colors, cv::COLOR_GRAY2BGR);
        cv::LUT(colors, table, colors);
        cv::addWeighted(picture, 0.5, colors, 0.5, 0, covered);
        picture.copyTo(at(dst));
        covered.copyTo(at(dst), at(classes) != 0);
    });
}
