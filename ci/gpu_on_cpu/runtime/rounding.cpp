// Arithmetic in the rounding modes that C++ does not use by default. Compiled with
// -frounding-math, so that the compiler neither folds nor moves an operation across a change of
// mode.
#include <fenv.h>
#include <math.h>

#include "numeric.hpp"

namespace gpu_on_cpu {

namespace {

struct InMode {
    explicit InMode(Rounding mode) {
        static const int modes[4] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};
        fesetround(modes[int(mode)]);
    }
    ~InMode() { fesetround(FE_TONEAREST); }
};

template <class F, class Operation>
F in_mode(Rounding mode, Operation operation) {
    InMode guard(mode);
    volatile F result = operation();
    return result;
}

template <class F>
F add(Rounding mode, F a, F b) {
    volatile F x = a, y = b;
    return in_mode<F>(mode, [&] { return x + y; });
}
template <class F>
F mul(Rounding mode, F a, F b) {
    volatile F x = a, y = b;
    return in_mode<F>(mode, [&] { return x * y; });
}
template <class F>
F div(Rounding mode, F a, F b) {
    volatile F x = a, y = b;
    return in_mode<F>(mode, [&] { return x / y; });
}

}  // namespace

float add_rounded(Rounding mode, float a, float b) { return add(mode, a, b); }
double add_rounded(Rounding mode, double a, double b) { return add(mode, a, b); }
float mul_rounded(Rounding mode, float a, float b) { return mul(mode, a, b); }
double mul_rounded(Rounding mode, double a, double b) { return mul(mode, a, b); }
float div_rounded(Rounding mode, float a, float b) { return div(mode, a, b); }
double div_rounded(Rounding mode, double a, double b) { return div(mode, a, b); }

float fma_rounded(Rounding mode, float a, float b, float c) {
    volatile float x = a, y = b, z = c;
    return in_mode<float>(mode, [&] { return fmaf(x, y, z); });
}
double fma_rounded(Rounding mode, double a, double b, double c) {
    volatile double x = a, y = b, z = c;
    return in_mode<double>(mode, [&] { return fma(x, y, z); });
}
float sqrt_rounded(Rounding mode, float a) {
    volatile float x = a;
    return in_mode<float>(mode, [&] { return sqrtf(x); });
}
double sqrt_rounded(Rounding mode, double a) {
    volatile double x = a;
    return in_mode<double>(mode, [&] { return sqrt(x); });
}
float narrow_rounded(Rounding mode, double a) {
    volatile double x = a;
    return in_mode<float>(mode, [&] { return (float)x; });
}

}  // namespace gpu_on_cpu
