//go:build opencv

#include "bridge_lines.h"
#include "tape.hpp"

#include <opencv2/imgproc.hpp>


char *bridge_hough_lines(mat src, double rho, double theta, int threshold, double srn, double stn, double min_theta,
                         double max_theta, numbers *out) {
    return find(out, [=](Tape &tape) {
        std::vector<cv::Vec3f> lines;
        cv::HoughLines(at(src), lines, rho, theta, threshold, srn, stn, min_theta, max_theta);
        tape << lines;
    });
}

char *bridge_hough_lines_p(mat src, double rho, double theta, int threshold, double min_length, double max_gap, numbers *out) {
    return find(out, [=](Tape &tape) {
        std::vector<cv::Vec4i> lines;
        cv::HoughLinesP(at(src), lines, rho, theta, threshold, min_length, max_gap);
        tape << lines;
    });
}

char *bridge_hough_circles(mat src, int method, double dp, double min_dist, double param1, double param2, int min_radius,
                           int max_radius, numbers *out) {
    return find(out, [=](Tape &tape) {
        std::vector<cv::Vec4f> circles;
        cv::HoughCircles(at(src), circles, method, dp, min_dist, param1, param2, min_radius, max_radius);
        tape << circles;
    });
}

char *bridge_lsd(mat src, int refine, double scale, double sigma, double quant, double angle, double log_eps, double density,
                 int bins, numbers *out) {
    return find(out, [=](Tape &tape) {
        auto lsd = cv::createLineSegmentDetector(refine, scale, sigma, quant, angle, log_eps, density, bins);
        std::vector<cv::Vec4f> lines;
        std::vector<double> width, precision, alarms;
        lsd->detect(at(src), lines, width, precision, alarms);
        tape << lines << width << precision << alarms;
    });
}
