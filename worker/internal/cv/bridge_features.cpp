//go:build opencv

#include "bridge_features.h"
#include "tape.hpp"

#include <algorithm>
#include <memory>
#include <numeric>
#include <opencv2/features2d.hpp>
#include <opencv2/imgproc.hpp>

char *bridge_good_features(mat src, int max_corners, double quality, double min_distance, int block, int gradient, bool harris,
                           double k, numbers *out) {
    return find(out, [=](Tape &tape) {
        std::vector<cv::Point2f> corners;
        cv::goodFeaturesToTrack(at(src), corners, max_corners, quality, min_distance, cv::noArray(), block, gradient, harris, k);
        tape << corners;
    });
}

char *bridge_corner_sub_pix(mat src, const double *xy, int n, int win, int zero_zone, int iterations, double epsilon,
                            numbers *out) {
    return find(out, [=](Tape &tape) {
        std::vector<cv::Point2f> corners;
        for (int i = 0; i < n; i++) {
            corners.emplace_back(xy[2 * i], xy[2 * i + 1]);
        }
        cv::TermCriteria until(cv::TermCriteria::COUNT | cv::TermCriteria::EPS, iterations, epsilon);
        if (n > 0) {
            cv::cornerSubPix(at(src), corners, {win, win}, {zero_zone, zero_zone}, until);
        }
        tape << corners;
    });
}

char *bridge_corner_harris(mat src, mat dst, int block, int ksize, double k, int border) {
    return guard([=] { cv::cornerHarris(at(src), at(dst), block, ksize, k, border); });
}

char *bridge_corner_min_eigen_val(mat src, mat dst, int block, int ksize, int border) {
    return guard([=] { cv::cornerMinEigenVal(at(src), at(dst), block, ksize, border); });
}

using Detector = cv::Ptr<cv::Feature2D>;

template <class F> static char *make(detector *out, F f) {
    return guard([&] { *out = new Detector(f()); });
}

char *bridge_fast(int threshold, bool suppress, int type, detector *out) {
    return make(out, [=] {
        return cv::FastFeatureDetector::create(threshold, suppress, cv::FastFeatureDetector::DetectorType(type));
    });
}

char *bridge_agast(int threshold, bool suppress, int type, detector *out) {
    return make(out, [=] {
        return cv::AgastFeatureDetector::create(threshold, suppress, cv::AgastFeatureDetector::DetectorType(type));
    });
}

char *bridge_orb(int n, float scale, int levels, int edge, int first, int wta_k, int score, int patch, int fast, detector *out) {
    return make(out, [=] {
        return cv::ORB::create(n, scale, levels, edge, first, wta_k, cv::ORB::ScoreType(score), patch, fast);
    });
}

char *bridge_akaze(int type, int size, int channels, float threshold, int octaves, int layers, int diffusivity, detector *out) {
    return make(out, [=] {
        return cv::AKAZE::create(cv::AKAZE::DescriptorType(type), size, channels, threshold, octaves, layers,
                                 cv::KAZE::DiffusivityType(diffusivity));
    });
}

char *bridge_kaze(bool extended, bool upright, float threshold, int octaves, int layers, int diffusivity, detector *out) {
    return make(out, [=] {
        return cv::KAZE::create(extended, upright, threshold, octaves, layers, cv::KAZE::DiffusivityType(diffusivity));
    });
}

char *bridge_sift(int n, int layers, double contrast, double edge, double sigma, detector *out) {
    return make(out, [=] { return cv::SIFT::create(n, layers, contrast, edge, sigma); });
}

char *bridge_brisk(int threshold, int octaves, float scale, detector *out) {
    return make(out, [=] { return cv::BRISK::create(threshold, octaves, scale); });
}

char *bridge_simple_blob(blob_filter f, detector *out) {
    return make(out, [=] {
        cv::SimpleBlobDetector::Params p;
        p.thresholdStep = f.threshold_step;
        p.minThreshold = f.min_threshold;
        p.maxThreshold = f.max_threshold;
        p.minRepeatability = f.min_repeatability;
        p.minDistBetweenBlobs = f.min_dist;
        p.filterByColor = f.color >= 0;
        p.blobColor = cv::saturate_cast<uchar>(f.color);
        // From 4.8 on, 0 is refused also where there is no filter.
        if ((p.filterByArea = f.min_area > 0)) {
            p.minArea = f.min_area;
            p.maxArea = f.max_area;
        }
        if ((p.filterByCircularity = f.min_circularity > 0)) {
            p.minCircularity = f.min_circularity;
        }
        if ((p.filterByInertia = f.min_inertia > 0)) {
            p.minInertiaRatio = f.min_inertia;
        }
        if ((p.filterByConvexity = f.min_convexity > 0)) {
            p.minConvexity = f.min_convexity;
        }
        return cv::SimpleBlobDetector::create(p);
    });
}

// strongest returns the indices, in their order, of the n keypoints with the largest response.
static std::vector<int> strongest(const std::vector<cv::KeyPoint> &keypoints, size_t n) {
    std::vector<int> index(keypoints.size());
    std::iota(index.begin(), index.end(), 0);
    if (index.size() > n) {
        std::stable_sort(index.begin(), index.end(),
                         [&](int a, int b) { return keypoints[a].response > keypoints[b].response; });
        index.resize(n);
        std::sort(index.begin(), index.end());
    }
    return index;
}

char *bridge_detect(detector d, mat src, bool describe, int max_count, numbers *out) {
    std::unique_ptr<Detector> detector(static_cast<Detector *>(d));
    return find(out, [&](Tape &tape) {
        std::vector<cv::KeyPoint> keypoints;
        cv::Mat descriptors;
        if (describe) {
            (*detector)->detectAndCompute(at(src), cv::noArray(), keypoints, descriptors);
        } else {
            (*detector)->detect(at(src), keypoints);
        }
        std::vector<int> told = strongest(keypoints, max_count);
        tape << keypoints.size() << told.size();
        for (int i : told) {
            const cv::KeyPoint &k = keypoints[i];
            tape << k.pt << k.size << k.angle << k.response << k.octave << k.class_id;
        }
        tape << descriptors.cols;
        descriptors.convertTo(descriptors, CV_64F);
        for (int i : told) {
            for (int j = 0; j < descriptors.cols; j++) {
                tape << descriptors.at<double>(i, j);
            }
        }
    });
}

char *bridge_mser(mat src, int delta, int min_area, int max_area, double max_variation, double min_diversity, int max_evolution,
                  double area_threshold, double min_margin, int edge_blur, int max_count, numbers *out) {
    return find(out, [=](Tape &tape) {
        auto mser = cv::MSER::create(delta, min_area, max_area, max_variation, min_diversity, max_evolution, area_threshold,
                                     min_margin, edge_blur);
        std::vector<std::vector<cv::Point>> regions;
        std::vector<cv::Rect> boxes;
        mser->detectRegions(at(src), regions, boxes);
        size_t told = std::min(regions.size(), size_t(max_count));
        tape << regions.size() << told;
        for (size_t i = 0; i < told; i++) {
            std::vector<cv::Point> hull;
            cv::convexHull(regions[i], hull);
            tape << boxes[i] << regions[i].size() << hull;
        }
    });
}
