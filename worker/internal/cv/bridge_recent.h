//go:build opencv && !gocv_specific_modules

#ifndef CVFARM_BRIDGE_RECENT_H
#define CVFARM_BRIDGE_RECENT_H

#include "bridge.h"

#ifdef __cplusplus
extern "C" {
#endif

// A kept is what lives longer than a call: a model, or what a stream's frames left. bridge_drop frees it. Models may be used
// concurrently, where OpenCV's own may not they are used in turn; what belongs to a stream may not.
typedef void *kept;
void bridge_drop(kept k);

// Objects. Each finds a list; text is its length and its bytes, a corner is x and y.

char *bridge_cascade(const void *data, size_t n, kept *out);
// x, y, width, height of each; then how many neighbours each has.
char *bridge_cascade_detect(kept k, mat src, double scale, int neighbors, int min_width, int min_height, int max_width,
                            int max_height, numbers *out);

char *bridge_yunet(const void *model, size_t n, double score, double nms, int top_k, kept *out);
// x, y, width, height, five landmarks and the score of each.
char *bridge_yunet_detect(kept k, mat src, numbers *out);

// x, y, width, height of each; then the weight of each.
char *bridge_people(mat src, double hit_threshold, int stride_width, int stride_height, int padding_width, int padding_height,
                    double scale, double group_threshold, numbers *out);

// Text and four corners of each.
char *bridge_qr_codes(mat src, bool aruco, bool decode, numbers *out);
// Text, kind and four corners of each.
char *bridge_barcodes(mat src, numbers *out);

typedef struct {
    int dictionary, refinement, window_min, window_max, window_step;
    double constant, perimeter_min, perimeter_max, error_correction;
    bool inverted;
} marker_options;
// Number and four corners of each; then how many candidates were none.
char *bridge_markers(mat src, const marker_options *options, numbers *out);

// Streams.

char *bridge_background(bool knn, int history, double threshold, bool shadows, kept *out);
char *bridge_background_apply(kept k, mat src, mat dst, double rate, int *foreground);

typedef struct {
    double pyr_scale, poly_sigma;
    int levels, winsize, iterations, poly_n;
    bool gaussian;
} farneback_options;
char *bridge_farneback(mat before, mat src, mat flow, const farneback_options *options);
char *bridge_no_flow(mat src, mat flow);
char *bridge_flow_colors(mat flow, mat dst);

typedef struct {
    int max_corners, block_size, win_size, max_level, at_least;
    double quality, distance;
} points_options;
char *bridge_points(const points_options *options, kept *out);
// Number, x and y before, x and y now and error of each that was followed; then how many were lost, and how many are new.
char *bridge_points_follow(kept k, mat src, numbers *out);

typedef enum { TRACKER_MIL, TRACKER_KCF, TRACKER_CSRT } tracker_kind;
bool bridge_has_tracker(tracker_kind kind);
char *bridge_tracker(tracker_kind kind, mat src, int x, int y, int width, int height, kept *out);
char *bridge_tracker_update(kept k, mat src, int box[4], bool *found);

// Networks.

typedef enum { FIT_STRETCH, FIT_CROP, FIT_LETTERBOX } blob_fit;
typedef struct {
    double scale[4], mean[4];
    int width, height;
    bool swap_rb;
    blob_fit fit;
} blob_options;
char *bridge_net(const void *onnx, size_t n, kept *out);
// Class and score of the best k.
char *bridge_classify(kept k, mat src, const blob_options *blob, bool softmax, int top, numbers *out);

typedef enum { LAYOUT_YOLOV8, LAYOUT_YOLOV5, LAYOUT_SSD } box_layout;
// Class, score and x, y, width, height of each, best first.
char *bridge_detect_objects(kept k, mat src, const blob_options *blob, box_layout layout, double score, double nms, numbers *out);
// classes becomes u8 of the size of src; found are the pixels of each class, from 0.
char *bridge_segment(kept k, mat src, const blob_options *blob, double threshold, mat classes, numbers *out);
// dst becomes src, half covered by a colour for each class but 0.
char *bridge_class_colors(mat src, mat classes, mat dst);

#ifdef __cplusplus
}
#endif

#endif
