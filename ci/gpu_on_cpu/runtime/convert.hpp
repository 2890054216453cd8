// cvt: between integers and floats, and half precision.
#pragma once
#include "numeric.hpp"

namespace gpu_on_cpu {

inline float to_integral(Rounding mode, float x) {
    switch (mode) {
        case Rounding::RN: return __builtin_nearbyintf(x);
        case Rounding::RZ: return __builtin_truncf(x);
        case Rounding::RM: return __builtin_floorf(x);
        default: return __builtin_ceilf(x);
    }
}
inline double to_integral(Rounding mode, double x) {
    switch (mode) {
        case Rounding::RN: return __builtin_nearbyint(x);
        case Rounding::RZ: return __builtin_trunc(x);
        case Rounding::RM: return __builtin_floor(x);
        default: return __builtin_ceil(x);
    }
}

// Out-of-range values clamp to the ends of the integer's range; NaN becomes 0.
template <class I, class F>
inline I to_integer(Rounding mode, F x) {
    const int width = 8 * sizeof(I);
    const F past_end = F(2) * F(1ull << (width - (IsSigned<I>::value ? 2 : 1)));  // 2^31, 2^32, ...
    const I most = IsSigned<I>::value ? I((1ull << (width - 1)) - 1) : I(~0ull);
    const I least = IsSigned<I>::value ? I(1ull << (width - 1)) : I(0);
    if (x != x) return 0;
    x = to_integral(mode, x);
    if (x >= past_end) return most;
    if (IsSigned<I>::value ? x < -past_end : x < F(0)) return least;
    return I(x);
}

inline float half_to_float(u16 half) {
    const u32 sign = u32(half & 0x8000u) << 16;
    const u32 exponent = (half >> 10) & 31, fraction = half & 0x3ffu;
    if (exponent == 31) return f32(sign | 0x7f800000u | (fraction << 13));
    if (exponent) return f32(sign | ((exponent + 112) << 23) | (fraction << 13));
    const float magnitude = float(fraction) * 0x1p-24f;
    return f32(sign | bits(magnitude));
}

// Round to nearest even, in one step from double, so that a float or an integer of up to 53 bits
// is rounded once only.
inline u16 double_to_half(double x) {
    const u16 sign = u16(bits(x) >> 48) & 0x8000u;
    const double magnitude = absolute(x);
    if (x != x) return 0x7fff;
    if (magnitude >= 65520.0) return sign | 0x7c00u;  // halfway above the largest half
    if (magnitude < 0x1p-14) return sign | u16(__builtin_nearbyint(magnitude * 0x1p24));
    const int exponent = int(bits(magnitude) >> 52) - 1023;
    const double unit = f64(u64(1023 + exponent - 10) << 52);
    const u32 significand = u32(__builtin_nearbyint(magnitude / unit));  // 1024 to 2048
    return sign | u16((u32(exponent + 14) << 10) + significand);
}

}  // namespace gpu_on_cpu
