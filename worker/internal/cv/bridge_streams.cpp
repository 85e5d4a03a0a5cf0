//go:build opencv && !gocv_specific_modules

#include "kept.hpp"

#include <algorithm>
#include <cstdlib>
#include <opencv2/imgproc.hpp>
#include <opencv2/video.hpp>
#include <stdexcept>
#if __has_include(<opencv2/tracking.hpp>)
#include <opencv2/tracking.hpp>
#define CVFARM_CONTRIB_TRACKERS
#endif

namespace {

struct Background : Kept {
    cv::Ptr<cv::BackgroundSubtractor> model;
};

struct Points : Kept {
    points_options o;
    cv::Mat before;
    std::vector<cv::Point2f> points;
    std::vector<int> ids;
    int next = 0;
    explicit Points(const points_options &options) : o(options) {}

    size_t follow(const cv::Mat &gray, Tape &tape) {
        std::vector<cv::Point2f> now;
        std::vector<uchar> status;
        std::vector<float> error;
        if (!points.empty()) {
            cv::calcOpticalFlowPyrLK(before, gray, points, now, status, error, {o.win_size, o.win_size}, o.max_level);
        }
        size_t found = 0;
        tape << std::count(status.begin(), status.end(), 1);
        for (size_t i = 0; i < now.size(); i++) {
            if (status[i] == 1) {
                tape << ids[i] << points[i] << now[i] << error[i];
                points[found] = now[i];
                ids[found++] = ids[i];
            }
        }
        size_t lost = points.size() - found;
        points.resize(found);
        ids.resize(found);
        return lost;
    }

    // look finds points anew where too few are left.
    size_t look(const cv::Mat &gray) {
        if (points.size() >= size_t(o.at_least)) {
            return 0;
        }
        cv::goodFeaturesToTrack(gray, points, o.max_corners, o.quality, o.distance, cv::noArray(), o.block_size);
        ids.clear();
        while (ids.size() < points.size()) {
            ids.push_back(next++);
        }
        return ids.size();
    }
};

struct Tracker : Kept {
    cv::Ptr<cv::Tracker> tracker;
    cv::RNG random; // as a fresh process has it
};

cv::Ptr<cv::Tracker> new_tracker(tracker_kind kind) {
    switch (kind) {
    case TRACKER_MIL:
        srand(1); // it draws from here as well: where nobody else does meanwhile, it tracks alike each time
        return cv::TrackerMIL::create();
#ifdef CVFARM_CONTRIB_TRACKERS
    case TRACKER_KCF: return cv::TrackerKCF::create();
    case TRACKER_CSRT: return cv::TrackerCSRT::create();
#endif
    default: throw std::runtime_error("this OpenCV was built without that tracker");
    }
}

} // namespace

char *bridge_background(bool knn, int history, double threshold, bool shadows, kept *out) {
    return keep(out, [=] {
        auto b = std::make_unique<Background>();
        if (knn) {
            b->model = cv::createBackgroundSubtractorKNN(history, threshold, shadows);
        } else {
            b->model = cv::createBackgroundSubtractorMOG2(history, threshold, shadows);
        }
        return b;
    });
}

char *bridge_background_apply(kept k, mat src, mat dst, double rate, int *foreground) {
    return guard([=] {
        held<Background>(k).model->apply(at(src), at(dst), rate);
        *foreground = cv::countNonZero(at(dst) == 255);
    });
}

char *bridge_farneback(mat before, mat src, mat flow, const farneback_options *o) {
    return guard([=] {
        cv::calcOpticalFlowFarneback(at(before), at(src), at(flow), o->pyr_scale, o->levels, o->winsize, o->iterations, o->poly_n,
                                     o->poly_sigma, o->gaussian ? cv::OPTFLOW_FARNEBACK_GAUSSIAN : 0);
    });
}

char *bridge_no_flow(mat src, mat flow) {
    return guard([=] {
        at(flow).create(at(src).size(), CV_32FC2);
        at(flow).setTo(0);
    });
}

char *bridge_flow_colors(mat flow, mat dst) {
    return guard([=] {
        cv::Mat xy[2], length, angle, hsv;
        cv::split(at(flow), xy);
        cv::cartToPolar(xy[0], xy[1], length, angle, true);
        cv::normalize(length, length, 0, 255, cv::NORM_MINMAX);
        std::vector<cv::Mat> parts(3);
        angle.convertTo(parts[0], CV_8U, 0.5);
        parts[1] = cv::Mat(length.size(), CV_8U, 255);
        length.convertTo(parts[2], CV_8U);
        cv::merge(parts, hsv);
        cv::cvtColor(hsv, at(dst), cv::COLOR_HSV2BGR);
    });
}

char *bridge_points(const points_options *options, kept *out) {
    return keep(out, [=] { return std::make_unique<Points>(*options); });
}

char *bridge_points_follow(kept k, mat src, numbers *out) {
    return find(out, [=](Tape &tape) {
        Points &p = held<Points>(k);
        tape << p.follow(at(src), tape);
        tape << p.look(at(src));
        at(src).copyTo(p.before);
    });
}

bool bridge_has_tracker(tracker_kind kind) {
#ifdef CVFARM_CONTRIB_TRACKERS
    return true;
#else
    return kind == TRACKER_MIL;
#endif
}

char *bridge_tracker(tracker_kind kind, mat src, int x, int y, int width, int height, kept *out) {
    return keep(out, [=] {
        auto t = std::make_unique<Tracker>();
        Random numbers(t->random);
        t->tracker = new_tracker(kind);
        t->tracker->init(at(src), {x, y, width, height});
        return t;
    });
}

char *bridge_tracker_update(kept k, mat src, int box[4], bool *found) {
    return guard([=] {
        Tracker &t = held<Tracker>(k);
        cv::Rect r;
        Random numbers(t.random);
        *found = t.tracker->update(at(src), r);
        box[0] = r.x, box[1] = r.y, box[2] = r.width, box[3] = r.height;
    });
}
