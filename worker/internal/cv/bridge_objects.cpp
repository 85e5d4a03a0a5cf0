//go:build opencv && !gocv_specific_modules

#include "kept.hpp"

#include <opencv2/objdetect.hpp>
#include <opencv2/objdetect/aruco_detector.hpp>
#include <opencv2/objdetect/barcode.hpp>
#include <stdexcept>

namespace {

struct Cascade : Kept {
    cv::CascadeClassifier classifier;
};

bool load(cv::CascadeClassifier &classifier, const std::string &text) {
    try {
        cv::FileStorage file(text, cv::FileStorage::READ | cv::FileStorage::MEMORY);
        return file.isOpened() && classifier.read(file.getFirstTopLevelNode());
    } catch (const cv::Exception &) { // it speaks of nodes of the file
        return false;
    }
}

struct YuNet : Kept {
    cv::Ptr<cv::FaceDetectorYN> detector;
};

} // namespace

void bridge_drop(kept k) { delete static_cast<Kept *>(k); }

char *bridge_cascade(const void *data, size_t n, kept *out) {
    return keep(out, [=] {
        auto c = std::make_unique<Cascade>();
        if (!load(c->classifier, std::string(static_cast<const char *>(data), n))) {
            throw std::runtime_error("it is no cascade of the kind that opencv_traincascade makes");
        }
        return c;
    });
}

char *bridge_cascade_detect(kept k, mat src, double scale, int neighbors, int min_width, int min_height, int max_width,
                            int max_height, numbers *out) {
    return find(out, [=](Tape &tape) {
        Cascade &c = held<Cascade>(k);
        std::vector<cv::Rect> objects;
        std::vector<int> counts;
        std::lock_guard<std::mutex> lock(c.turn);
        c.classifier.detectMultiScale(at(src), objects, counts, scale, neighbors, 0, {min_width, min_height},
                                      {max_width, max_height});
        tape << objects << counts;
    });
}

char *bridge_yunet(const void *model, size_t n, double score, double nms, int top_k, kept *out) {
    return keep(out, [=] {
        auto bytes = static_cast<const uchar *>(model);
        auto y = std::make_unique<YuNet>();
        y->detector = cv::FaceDetectorYN::create("onnx", std::vector<uchar>(bytes, bytes + n), {}, {320, 320},
                                                 static_cast<float>(score), static_cast<float>(nms), top_k);
        return y;
    });
}

char *bridge_yunet_detect(kept k, mat src, numbers *out) {
    return find(out, [=](Tape &tape) {
        YuNet &y = held<YuNet>(k);
        cv::Mat faces;
        std::lock_guard<std::mutex> lock(y.turn);
        y.detector->setInputSize(at(src).size());
        y.detector->detect(at(src), faces);
        tape << faces.rows;
        for (int i = 0; i < faces.rows; i++) {
            tape << faces.at<cv::Vec<float, 15>>(i);
        }
    });
}

char *bridge_people(mat src, double hit_threshold, int stride_width, int stride_height, int padding_width, int padding_height,
                    double scale, double group_threshold, numbers *out) {
    return find(out, [=](Tape &tape) {
        cv::HOGDescriptor hog;
        hog.setSVMDetector(cv::HOGDescriptor::getDefaultPeopleDetector());
        std::vector<cv::Rect> people;
        std::vector<double> weights;
        hog.detectMultiScale(at(src), people, weights, hit_threshold, {stride_width, stride_height},
                             {padding_width, padding_height}, scale, group_threshold);
        tape << people << weights;
    });
}

char *bridge_qr_codes(mat src, bool aruco, bool decode, numbers *out) {
    return find(out, [=](Tape &tape) {
        cv::Ptr<cv::GraphicalCodeDetector> detector;
        if (aruco) {
            detector = cv::makePtr<cv::QRCodeDetectorAruco>();
        } else {
            detector = cv::makePtr<cv::QRCodeDetector>();
        }
        std::vector<std::string> texts;
        std::vector<cv::Point2f> all;
        cv::RNG fresh;
        Random numbers(fresh); // the order of the codes hangs on them
        if (decode) {
            detector->detectAndDecodeMulti(at(src), texts, all);
        } else {
            detector->detectMulti(at(src), all);
        }
        texts.resize(all.size() / 4);
        tape << texts.size();
        for (size_t i = 0; i < texts.size(); i++) {
            put(tape, texts[i]);
            corners(tape, all, i);
        }
    });
}

char *bridge_barcodes(mat src, numbers *out) {
    return find(out, [=](Tape &tape) {
        std::vector<std::string> texts, kinds;
        std::vector<cv::Point2f> all;
        cv::barcode::BarcodeDetector().detectAndDecodeWithType(at(src), texts, kinds, all);
        texts.resize(all.size() / 4);
        kinds.resize(all.size() / 4);
        tape << texts.size();
        for (size_t i = 0; i < texts.size(); i++) {
            put(tape, texts[i]);
            put(tape, kinds[i]);
            corners(tape, all, i);
        }
    });
}

char *bridge_markers(mat src, const marker_options *options, numbers *out) {
    return find(out, [=](Tape &tape) {
        cv::aruco::DetectorParameters p;
        p.cornerRefinementMethod = options->refinement;
        p.adaptiveThreshWinSizeMin = options->window_min;
        p.adaptiveThreshWinSizeMax = options->window_max;
        p.adaptiveThreshWinSizeStep = options->window_step;
        p.adaptiveThreshConstant = options->constant;
        p.minMarkerPerimeterRate = options->perimeter_min;
        p.maxMarkerPerimeterRate = options->perimeter_max;
        p.errorCorrectionRate = options->error_correction;
        p.detectInvertedMarker = options->inverted;
        std::vector<std::vector<cv::Point2f>> outlines, rejected;
        std::vector<int> ids;
        cv::aruco::ArucoDetector detector(cv::aruco::getPredefinedDictionary(options->dictionary), p);
        detector.detectMarkers(at(src), outlines, ids, rejected);
        tape << ids.size();
        for (size_t i = 0; i < ids.size(); i++) {
            tape << ids[i];
            corners(tape, outlines[i], 0);
        }
        tape << rejected.size();
    });
}
