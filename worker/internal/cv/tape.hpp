//go:build opencv

#ifndef CVFARM_TAPE_HPP
#define CVFARM_TAPE_HPP

#include "guard.hpp"

#include <cstdlib>
#include <vector>

// Tape collects numbers for Go, which reads them in the same order.
class Tape {
  public:
    Tape &operator<<(double v) {
        all.push_back(v);
        return *this;
    }
    template <class T> Tape &operator<<(const cv::Point_<T> &p) { return *this << p.x << p.y; }
    Tape &operator<<(const cv::Rect &r) { return *this << r.x << r.y << r.width << r.height; }
    Tape &operator<<(const cv::RotatedRect &r) { return *this << r.center << r.size.width << r.size.height << r.angle; }
    Tape &operator<<(const cv::Moments &m) {
        for (double v : {m.m00, m.m10, m.m01, m.m20, m.m11, m.m02, m.m30, m.m21, m.m12, m.m03, m.mu20, m.mu11, m.mu02, m.mu30,
                         m.mu21, m.mu12, m.mu03, m.nu20, m.nu11, m.nu02, m.nu30, m.nu21, m.nu12, m.nu03}) {
            *this << v;
        }
        return *this;
    }
    template <class T, int n> Tape &operator<<(const cv::Vec<T, n> &v) {
        for (int i = 0; i < n; i++) {
            *this << v[i];
        }
        return *this;
    }
    // A list is its length and its items.
    template <class T> Tape &operator<<(const std::vector<T> &items) {
        *this << items.size();
        for (const T &item : items) {
            *this << item;
        }
        return *this;
    }
    void give(numbers *out) const {
        out->data = static_cast<double *>(malloc(all.size() * sizeof(double) + 1));
        if (!out->data) {
            throw std::bad_alloc();
        }
        out->n = all.size();
        if (!all.empty()) {
            memcpy(out->data, all.data(), all.size() * sizeof(double));
        }
    }

  private:
    std::vector<double> all;
};

// find is guard for a function that writes what it finds on a tape.
template <class F> static char *find(numbers *out, F f) {
    return guard([&] {
        Tape tape;
        f(tape);
        tape.give(out);
    });
}

// points reads n points, x before y.
static inline std::vector<cv::Point> points(const int *xy, int n) {
    std::vector<cv::Point> list(n);
    for (int i = 0; i < n; i++) {
        list[i] = cv::Point(xy[2 * i], xy[2 * i + 1]);
    }
    return list;
}

#endif
