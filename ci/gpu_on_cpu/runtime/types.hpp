// Integer names and bit casts. Nothing here or in the other headers includes the C++ standard
// library: a kernel is compiled once for every PTX text, and parsing <vector> or <cmath> would
// take most of that time.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace gpu_on_cpu {

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

template <class To, class From>
inline To bits_as(From from) {
    static_assert(sizeof(To) == sizeof(From), "a bit cast keeps the width");
    To to;
    memcpy(&to, &from, sizeof to);
    return to;
}

inline float f32(u32 bits) { return bits_as<float>(bits); }
inline double f64(u64 bits) { return bits_as<double>(bits); }
inline u32 bits(float value) { return bits_as<u32>(value); }
inline u64 bits(double value) { return bits_as<u64>(value); }

template <class T>
struct IsSigned {
    static const bool value = T(-1) < T(0);
};

}  // namespace gpu_on_cpu
