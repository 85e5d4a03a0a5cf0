//go:build opencv && !gocv_specific_modules

#ifndef CVFARM_KEPT_HPP
#define CVFARM_KEPT_HPP

#include "bridge_recent.h"
#include "tape.hpp"

#include <memory>
#include <mutex>

// Kept is what a kept points to.
struct Kept {
    std::mutex turn; // of what OpenCV does not allow to be used concurrently
    virtual ~Kept() = default;
};

template <class T> static T &held(kept k) { return *static_cast<T *>(static_cast<Kept *>(k)); }

// keep gives Go what make makes; nothing where it throws.
template <class F> static char *keep(kept *out, F make) {
    return guard([&] { *out = static_cast<Kept *>(make().release()); });
}

// Random lends OpenCV other random numbers than the thread's own, for as long as it lives: so what is found in a picture does not
// hang on what else its thread has done.
class Random {
  public:
    explicit Random(cv::RNG &numbers) : lent(numbers) { std::swap(cv::theRNG(), lent); }
    ~Random() { std::swap(cv::theRNG(), lent); }
    Random(const Random &) = delete;

  private:
    cv::RNG &lent;
};

// put writes a text on a tape.
static inline Tape &put(Tape &tape, const std::string &text) {
    return tape << std::vector<uchar>(text.begin(), text.end());
}

// corners writes the four corners of item i.
static inline void corners(Tape &tape, const std::vector<cv::Point2f> &all, size_t i) {
    for (size_t j = 4 * i; j < 4 * i + 4; j++) {
        tape << all.at(j);
    }
}

#endif
