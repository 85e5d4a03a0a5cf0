//go:build opencv

#include "guard.hpp"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <stdexcept>

char *bridge_wrap(mat m, void *data, size_t step, int rows, int cols, int type) {
    return guard([=] { at(m) = cv::Mat(rows, cols, type, data, step); });
}

void *bridge_data(mat m) { return at(m).data; }

// OneBlock is an allocator that gives out one block, once, to a Mat of exactly this shape, and ordinary memory otherwise.
//
// imdecode has no result that says whether it decoded: where the bytes are no image it leaves a destination as it was, old
// pixels included. So it is given an empty Mat, which stays empty then, and this allocator brings the memory.
class OneBlock : public cv::MatAllocator {
  public:
    OneBlock(const cv::Mat &m) : block(m) {}

    cv::UMatData *allocate(int dims, const int *sizes, int type, void *data, size_t *step, cv::AccessFlag flags,
                           cv::UMatUsageFlags usage) const override {
        bool fits = !taken && !data && dims == 2 && !block.empty() && block.isContinuous() && sizes[0] == block.rows &&
                    sizes[1] == block.cols && CV_MAT_TYPE(type) == block.type();
        if (!fits) {
            return cv::Mat::getDefaultAllocator()->allocate(dims, sizes, type, data, step, flags, usage);
        }
        taken = true;
        step[1] = CV_ELEM_SIZE(type);
        step[0] = step[1] * sizes[1];
        auto u = new cv::UMatData(this);
        u->data = u->origdata = block.data;
        u->size = step[0] * sizes[0];
        u->flags |= cv::UMatData::USER_ALLOCATED;
        return u;
    }
    bool allocate(cv::UMatData *u, cv::AccessFlag, cv::UMatUsageFlags) const override { return u != nullptr; }
    void deallocate(cv::UMatData *u) const override { delete u; }

  private:
    const cv::Mat &block;
    mutable bool taken = false;
};

char *bridge_decode(void *data, int length, int flags, mat dst) {
    char *message = nullptr;
    bool done = false;
    message = guard([&] {
        OneBlock allocator(at(dst));
        cv::Mat picture;
        picture.allocator = &allocator;
        // From 4.10 on, the result alone is empty where the data ends too early.
        cv::Mat whole = cv::imdecode(cv::Mat(1, length, CV_8U, data), flags, &picture);
        if (!whole.empty() && picture.data != at(dst).data) {
            picture.allocator = nullptr;
            at(dst) = picture;
        }
        done = !whole.empty();
    });
    if (!done) {
        at(dst).release();
    }
    return message;
}

char *bridge_stats(mat src, double *mean, double *stddev, double *min, double *max) {
    return guard([=] {
        cv::Scalar m, s;
        cv::meanStdDev(at(src), m, s);
        cv::Mat channel;
        for (int i = 0; i < at(src).channels(); i++) {
            mean[i] = m[i];
            stddev[i] = s[i];
            if (at(src).channels() == 1) {
                channel = at(src);
            } else {
                cv::extractChannel(at(src), channel, i);
            }
            cv::minMaxIdx(channel, &min[i], &max[i]);
        }
    });
}

char *bridge_canny(mat src, mat dst, double low, double high, int aperture, bool l2) {
    return guard([=] { cv::Canny(at(src), at(dst), low, high, aperture, l2); });
}

char *bridge_blur(mat src, mat dst, int width, int height, int border) {
    return guard([=] { cv::blur(at(src), at(dst), cv::Size(width, height), cv::Point(-1, -1), border); });
}

char *bridge_bilateral(mat src, mat dst, int d, double sigma_color, double sigma_space, int border) {
    return guard([=] {
        // A difference of two floats that is no number would be an index into its table, far outside.
        if (at(src).depth() == CV_32F && !cv::checkRange(at(src), true, nullptr, -1e30, 1e30))
            throw std::out_of_range("needs numbers of -1e30 to 1e30, and there are others, or none, among the pixels");
        cv::bilateralFilter(at(src), at(dst), d, sigma_color, sigma_space, border);
    });
}

char *bridge_threshold(mat src, mat dst, double *thresh, double maxval, int type) {
    return guard([=] { *thresh = cv::threshold(at(src), at(dst), *thresh, maxval, type); });
}

char *bridge_adaptive_threshold(mat src, mat dst, double maxval, int method, int type, int block, double c) {
    return guard([=] { cv::adaptiveThreshold(at(src), at(dst), maxval, method, type, block, c); });
}
