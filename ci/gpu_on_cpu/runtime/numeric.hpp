// Floating-point semantics of PTX where they differ from a plain C++ operator.
#pragma once
#include "types.hpp"

namespace gpu_on_cpu {

// The enumerators carry the names of the PTX modifiers .rn .rz .rm .rp.
enum class Rounding : u8 { RN, RZ, RM, RP };

// Operations in a rounding mode other than the default live in the runtime library, which is
// compiled so that the mode may change.
float add_rounded(Rounding, float, float);
double add_rounded(Rounding, double, double);
float mul_rounded(Rounding, float, float);
double mul_rounded(Rounding, double, double);
float div_rounded(Rounding, float, float);
double div_rounded(Rounding, double, double);
float fma_rounded(Rounding, float, float, float);
double fma_rounded(Rounding, double, double, double);
float sqrt_rounded(Rounding, float);
double sqrt_rounded(Rounding, double);
float narrow_rounded(Rounding, double);

inline float fused(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline double fused(double a, double b, double c) { return __builtin_fma(a, b, c); }

// .ftz: subnormal numbers become zero of the same sign.
inline float flush(float x) {
    u32 b = bits(x);
    return (b & 0x7f800000u) ? x : f32(b & 0x80000000u);
}

// .sat: clamp to [0, 1]; NaN becomes +0.
template <class F>
inline F saturate(F x) {
    return x > F(0) ? (x < F(1) ? x : F(1)) : F(0);
}

// min and max return the operand that is a number, and know that -0 < +0.
template <class F>
inline F minimum(F a, F b) {
    if (a != a) return b;
    if (b != b) return a;
    if (a == b) return __builtin_signbit(a) ? a : b;
    return a < b ? a : b;
}
template <class F>
inline F maximum(F a, F b) {
    if (a != a) return b;
    if (b != b) return a;
    if (a == b) return __builtin_signbit(a) ? b : a;
    return a > b ? a : b;
}
// With .NaN they return NaN if either operand is NaN.
template <class F>
inline F minimum_nan(F a, F b) { return (a != a || b != b) ? F(__builtin_nan("")) : minimum(a, b); }
template <class F>
inline F maximum_nan(F a, F b) { return (a != a || b != b) ? F(__builtin_nan("")) : maximum(a, b); }

inline float square_root(float x) { return __builtin_sqrtf(x); }
inline double square_root(double x) { return __builtin_sqrt(x); }
inline float absolute(float x) { return __builtin_fabsf(x); }
inline double absolute(double x) { return __builtin_fabs(x); }
// copysign d, a, b gives b with the sign of a.
inline float with_sign_of(float a, float b) { return __builtin_copysignf(b, a); }
inline double with_sign_of(double a, double b) { return __builtin_copysign(b, a); }

template <class F>
inline bool is_number(F x) { return x == x; }
template <class F>
inline bool is_finite(F x) { return __builtin_isfinite(x); }
template <class F>
inline bool is_infinite(F x) { return __builtin_isinf(x) != 0; }
template <class F>
inline bool is_normal(F x) { return __builtin_isnormal(x); }
template <class F>
inline bool is_subnormal(F x) { return is_finite(x) && x != F(0) && !is_normal(x); }

// rcp.approx.ftz.f64 and rsqrt.approx.ftz.f64 look at the upper half of the argument only and
// return a result whose lower half is zero; compilers refine it with Newton steps.
inline double upper_half(double x) {
    u64 b = bits(x);
    if (!((b >> 52) & 0x7ff)) b &= 1ull << 63;
    return f64(b & 0xffffffff00000000ull);
}

}  // namespace gpu_on_cpu
