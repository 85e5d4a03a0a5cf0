//go:build opencv

#include "bridge_contours.h"
#include "tape.hpp"

#include <map>
#include <opencv2/imgproc.hpp>

using Contour = std::vector<cv::Point>;

static void describe(Tape &tape, const Contour &contour, double epsilon, double ratio) {
    double perimeter = cv::arcLength(contour, true);
    Contour polygon = contour, hull;
    if (epsilon > 0 || ratio > 0) {
        cv::approxPolyDP(contour, polygon, epsilon > 0 ? epsilon : ratio * perimeter, true);
    }
    cv::convexHull(contour, hull);
    tape << cv::contourArea(contour) << perimeter << cv::boundingRect(contour);
    tape << polygon << cv::isContourConvex(polygon) << hull << cv::minAreaRect(contour);
    cv::Point2f center;
    float radius;
    cv::minEnclosingCircle(contour, center, radius);
    tape << center << radius << (contour.size() < 5 ? cv::RotatedRect() : cv::fitEllipse(contour));
    tape << cv::moments(contour);
}

char *bridge_find_contours(mat src, int mode, int method, double min_area, double max_area, double epsilon, double ratio,
                           int max_count, numbers *out) {
    return find(out, [=](Tape &tape) {
        std::vector<Contour> contours;
        std::vector<cv::Vec4i> hierarchy;
        cv::findContours(at(src), contours, hierarchy, mode, method);
        std::vector<int> kept;
        for (size_t i = 0; i < contours.size(); i++) {
            double area = cv::contourArea(contours[i]);
            if (area >= min_area && area <= max_area) {
                kept.push_back(i);
            }
        }
        tape << contours.size() << kept.size();
        kept.resize(std::min(kept.size(), size_t(max_count)));
        tape << kept.size();
        for (int i : kept) {
            tape << i << hierarchy[i];
            describe(tape, contours[i], epsilon, ratio);
        }
    });
}

char *bridge_components(mat src, mat labels, int connectivity, numbers *out) {
    return find(out, [=](Tape &tape) {
        cv::Mat stats, centroids;
        int n = cv::connectedComponentsWithStats(at(src), at(labels), stats, centroids, connectivity, CV_32S);
        tape << n;
        for (int i = 0; i < n; i++) {
            for (int column : {cv::CC_STAT_LEFT, cv::CC_STAT_TOP, cv::CC_STAT_WIDTH, cv::CC_STAT_HEIGHT, cv::CC_STAT_AREA}) {
                tape << stats.at<int>(i, column);
            }
            tape << centroids.at<double>(i, 0) << centroids.at<double>(i, 1);
        }
    });
}

struct Region {
    int left, top, right, bottom, area = 0;
    // Pixels from x up to end, of a row no higher than those before.
    void add(int x, int end, int y) {
        left = area ? std::min(left, x) : x;
        right = area ? std::max(right, end - 1) : end - 1;
        top = area ? top : y;
        bottom = y;
        area += end - x;
    }
    cv::Rect box() const { return {left, top, right - left + 1, bottom - top + 1}; }
};

// regions finds each label from `first` on that is there, with its box and its area, in one pass.
static void regions(Tape &tape, const cv::Mat &labels, int first) {
    std::map<int, Region> found;
    for (int y = 0; y < labels.rows; y++) {
        const int *row = labels.ptr<int>(y);
        for (int x = 0; x < labels.cols;) {
            int label = row[x], from = x;
            while (x < labels.cols && row[x] == label) {
                x++;
            }
            if (label >= first) {
                found[label].add(from, x, y);
            }
        }
    }
    tape << found.size();
    for (auto &[label, region] : found) {
        tape << label << region.box() << region.area;
    }
}

char *bridge_watershed(mat src, mat labels, int type, int iterations, double ratio, numbers *out) {
    return find(out, [=](Tape &tape) {
        cv::Mat gray, binary, background, distance, cores, unknown;
        cv::cvtColor(at(src), gray, cv::COLOR_BGR2GRAY);
        cv::threshold(gray, binary, 0, 255, type | cv::THRESH_OTSU);
        cv::Mat kernel = cv::Mat::ones(3, 3, CV_8U);
        cv::morphologyEx(binary, binary, cv::MORPH_OPEN, kernel, {-1, -1}, iterations);
        cv::dilate(binary, background, kernel, {-1, -1}, 3);
        cv::distanceTransform(binary, distance, cv::DIST_L2, 5);
        double low, high;
        cv::minMaxLoc(distance, &low, &high);
        cv::threshold(distance, cores, ratio * high, 255, cv::THRESH_BINARY);
        cores.convertTo(cores, CV_8U);
        cv::subtract(background, cores, unknown);
        cv::connectedComponents(cores, at(labels));
        at(labels) += 1;
        at(labels).setTo(0, unknown);
        cv::watershed(at(src), at(labels));
        regions(tape, at(labels), 2);
    });
}

char *bridge_watershed_from(mat src, mat markers, mat labels, numbers *out) {
    return find(out, [=](Tape &tape) {
        at(markers).convertTo(at(labels), CV_32S);
        cv::watershed(at(src), at(labels));
        regions(tape, at(labels), 1);
    });
}

char *bridge_borders(mat m, mat labels, const double *color) {
    return guard([=] { at(m).setTo(scalar(color), at(labels) == -1); });
}

// grab refines mask, and makes of it what bridge_grab_cut makes.
static void grab(Tape &tape, const cv::Mat &src, cv::Mat mask, cv::Rect box, cv::Mat &dst, int iterations, bool cut) {
    cv::setRNGSeed(0); // its k-means draws lots: the same picture shall give the same mask, also on another try
    cv::Mat background, foreground;
    cv::grabCut(src, mask, box, background, foreground, iterations, mask.empty() ? cv::GC_INIT_WITH_RECT : cv::GC_INIT_WITH_MASK);
    cv::Mat inside = (mask & 1) * 255;
    if (cut) {
        dst.create(src.size(), src.type());
        dst.setTo(cv::Scalar::all(0));
        src.copyTo(dst, inside);
    } else {
        inside.copyTo(dst);
    }
    tape << cv::countNonZero(inside);
}

char *bridge_grab_cut(mat src, mat dst, int x, int y, int width, int height, int iterations, bool cut, numbers *out) {
    return find(out, [=](Tape &tape) { grab(tape, at(src), cv::Mat(), {x, y, width, height}, at(dst), iterations, cut); });
}

char *bridge_grab_cut_from(mat src, mat mask, mat dst, int iterations, bool cut, numbers *out) {
    return find(out, [=](Tape &tape) { grab(tape, at(src), at(mask).clone(), {}, at(dst), iterations, cut); });
}

char *bridge_flood_fill(mat m, int x, int y, const double *color, const double *low, const double *high, int flags, numbers *out) {
    return find(out, [=](Tape &tape) {
        cv::Rect box;
        tape << cv::floodFill(at(m), {x, y}, scalar(color), &box, scalar(low), scalar(high), flags) << box;
    });
}
