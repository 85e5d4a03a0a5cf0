//go:build opencv

#ifndef CVFARM_BRIDGE_ARITHMETIC_H
#define CVFARM_BRIDGE_ARITHMETIC_H

#include "bridge.h"

#ifdef __cplusplus
extern "C" {
#endif

enum arithmetic {
    ARITHMETIC_ADD,
    ARITHMETIC_SUBTRACT,
    ARITHMETIC_MULTIPLY,
    ARITHMETIC_DIVIDE,
    ARITHMETIC_ABS_DIFF,
    ARITHMETIC_MIN,
    ARITHMETIC_MAX,
    ARITHMETIC_AND,
    ARITHMETIC_OR,
    ARITHMETIC_XOR,
};

// value has a number for each channel of src. scale is of multiply and divide; depth, of the four first, is -1 for src's.
char *bridge_arithmetic(enum arithmetic op, mat src, const double *value, double scale, int depth, mat dst);
// bridge_arithmetic_pair takes another picture of the geometry of src instead.
char *bridge_arithmetic_pair(enum arithmetic op, mat src, mat other, double scale, int depth, mat dst);
char *bridge_compare(mat src, double value, int cmpop, mat dst);

char *bridge_convert(mat src, mat dst, int depth, double alpha, double beta);
char *bridge_normalize(mat src, mat dst, double alpha, double beta, int norm, int depth);
// table has 256 rows of as many channels as n says: 1, or those of src.
char *bridge_lut(mat src, mat dst, const unsigned char *table, int n);

char *bridge_in_range(mat src, const double *lower, const double *upper, mat dst);
char *bridge_mix_channels(mat src, mat dst, int channels, const int *from_to, int pairs);
char *bridge_transform(mat src, mat dst, const double *m, int rows, int cols);

#ifdef __cplusplus
}
#endif

#endif
