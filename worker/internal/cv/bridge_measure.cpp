//go:build opencv

#include "bridge_measure.h"
#include "tape.hpp"

#include <opencv2/imgproc.hpp>

char *bridge_calc_hist(mat src, int bins, float low, float high, numbers *out) {
    return find(out, [=](Tape &tape) {
        float range[] = {low, high};
        const float *ranges[] = {range};
        for (int channel = 0; channel < at(src).channels(); channel++) {
            cv::Mat hist;
            cv::calcHist(&at(src), 1, &channel, cv::noArray(), hist, 1, &bins, ranges);
            for (int i = 0; i < bins; i++) {
                tape << hist.at<float>(i);
            }
        }
    });
}

char *bridge_min_max_loc(mat src, numbers *out) {
    return find(out, [=](Tape &tape) {
        double low, high;
        cv::Point where_low, where_high;
        cv::minMaxLoc(at(src), &low, &high, &where_low, &where_high);
        tape << low << high << where_low << where_high;
    });
}

char *bridge_count_non_zero(mat src, numbers *out) {
    return find(out, [=](Tape &tape) { tape << cv::countNonZero(at(src)); });
}

char *bridge_bounding_rect(mat src, numbers *out) {
    return find(out, [=](Tape &tape) { tape << cv::boundingRect(at(src)); });
}

char *bridge_moments(mat src, bool binary, numbers *out) {
    return find(out, [=](Tape &tape) {
        cv::Moments m = cv::moments(at(src), binary);
        tape << m;
        double hu[7];
        cv::HuMoments(m, hu);
        for (double v : hu) {
            tape << v;
        }
    });
}

char *bridge_blur_score(mat src, int ksize, numbers *out) {
    return find(out, [=](Tape &tape) {
        cv::Mat gray = at(src), second;
        if (gray.channels() > 1) {
            cv::cvtColor(at(src), gray, gray.channels() == 3 ? cv::COLOR_BGR2GRAY : cv::COLOR_BGRA2GRAY);
        }
        cv::Laplacian(gray, second, CV_64F, ksize);
        cv::Scalar mean, deviation;
        cv::meanStdDev(second, mean, deviation);
        tape << deviation[0] * deviation[0];
    });
}
