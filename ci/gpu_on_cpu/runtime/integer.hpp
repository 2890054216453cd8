// Integer and bit instructions that have no C++ operator.
#pragma once
#include "types.hpp"

namespace gpu_on_cpu {

template <class T>
struct Wide;
template <> struct Wide<u16> { typedef u32 type; };
template <> struct Wide<s16> { typedef s32 type; };
template <> struct Wide<u32> { typedef u64 type; };
template <> struct Wide<s32> { typedef s64 type; };
template <> struct Wide<u64> { typedef unsigned __int128 type; };
template <> struct Wide<s64> { typedef __int128 type; };

template <class T>
inline T multiply_high(T a, T b) {
    typedef typename Wide<T>::type W;
    return T((W(a) * W(b)) >> (8 * sizeof(T)));
}

// mul24 multiplies the low 24 bits of its operands, sign-extended for s32.
template <class T>
inline T low24(T a) {
    return IsSigned<T>::value ? T(s32(u32(a) << 8) >> 8) : T(u32(a) & 0xffffffu);
}

// Addition and subtraction through the carry flag of .cc instructions.
template <class T>
inline T add_carry(T a, T b, u32 carry_in, u32 *carry_out) {
    T partial = a + b, sum = partial + T(carry_in);
    *carry_out = (partial < a) | (sum < partial);
    return sum;
}
template <class T>
inline T subtract_borrow(T a, T b, u32 borrow_in, u32 *borrow_out) {
    T partial = a - b, difference = partial - T(borrow_in);
    *borrow_out = (a < b) | (partial < T(borrow_in));
    return difference;
}

// Shifts by more than the width give zero, or copies of the sign.
template <class T>
inline T shift_left(T a, u32 n) {
    return n >= 8 * sizeof(T) ? T(0) : T(a << n);
}
template <class T>
inline T shift_right(T a, u32 n) {
    const u32 width = 8 * sizeof(T);
    if (n >= width) return IsSigned<T>::value ? T(a >> (width - 1)) : T(0);
    return T(a >> n);
}

// shf: shift the pair b:a; the upper word is left after a left shift, the lower after a right one.
inline u32 funnel_left(u32 a, u32 b, u32 n) {
    return u32(((((u64)b << 32) | a) << n) >> 32);
}
inline u32 funnel_right(u32 a, u32 b, u32 n) { return u32((((u64)b << 32) | a) >> n); }
inline u32 clamp32(u32 n) { return n < 32 ? n : 32; }

// lop3: bit k of the table answers for the input bits (a, b, c) that spell k.
inline u32 lookup3(u32 a, u32 b, u32 c, u32 table) {
    u32 result = 0;
    for (u32 k = 0; k < 8; k++)
        if ((table >> k) & 1)
            result |= ((k & 4) ? a : ~a) & ((k & 2) ? b : ~b) & ((k & 1) ? c : ~c);
    return result;
}

// prmt: each result byte picks one of the eight bytes of b:a, or its sign repeated.
inline u32 permute_bytes(u32 a, u32 b, u32 selectors) {
    const u64 source = ((u64)b << 32) | a;
    u32 result = 0;
    for (u32 k = 0; k < 4; k++) {
        const u32 selector = (selectors >> (4 * k)) & 15;
        u32 byte = u32(source >> (8 * (selector & 7))) & 255;
        if (selector & 8) byte = (byte & 128) ? 255 : 0;
        result |= byte << (8 * k);
    }
    return result;
}

// bfe: a signed field is extended by its top bit, or by the top bit of a if it reaches past it.
template <class T>
inline T extract_field(T a, u32 position, u32 length) {
    const u32 width = 8 * sizeof(T);
    position &= 255;
    length &= 255;
    if (length == 0) return 0;
    const u32 last = position + length - 1 < width ? position + length - 1 : width - 1;
    const bool sign = IsSigned<T>::value && ((u64(a) >> last) & 1);
    T result = 0;
    for (u32 k = 0; k < width; k++) {
        const bool inside = k < length && position + k < width;
        const bool bit = inside ? ((u64(a) >> (position + k)) & 1) : sign;
        result |= T(u64(bit) << k);
    }
    return result;
}

// bfi: put the low bits of a into b.
template <class T>
inline T insert_field(T a, T b, u32 position, u32 length) {
    position &= 255;
    length &= 255;
    for (u32 k = 0; k < length && position + k < 8 * sizeof(T); k++) {
        const T bit = T(1) << (position + k);
        b = ((a >> k) & 1) ? (b | bit) : (b & T(~bit));
    }
    return b;
}

template <class T>
inline u32 leading_zeros(T a) {
    if (a == 0) return 8 * sizeof(T);
    return sizeof(T) == 8 ? __builtin_clzll(u64(a)) : __builtin_clz(u32(a));
}
template <class T>
inline T reverse_bits(T a) {
    T result = 0;
    for (u32 k = 0; k < 8 * sizeof(T); k++) result |= T((a >> k) & 1) << (8 * sizeof(T) - 1 - k);
    return result;
}
// bfind: position of the highest bit that differs from the sign, all ones if there is none.
template <class T>
inline u32 find_top_bit(T a) {
    typedef u64 Bits;
    Bits magnitude = IsSigned<T>::value && a < T(0) ? Bits(T(~a)) : Bits(a);
    return magnitude == 0 ? ~0u : 63 - __builtin_clzll(magnitude);
}

template <class T>
inline T divide(T a, T b) {
    return IsSigned<T>::value && b == T(-1) ? T(0 - u64(a)) : T(a / b);
}
template <class T>
inline T remainder(T a, T b) {
    return IsSigned<T>::value && b == T(-1) ? T(0) : T(a % b);
}
template <class T>
inline T lesser(T a, T b) { return a < b ? a : b; }
template <class T>
inline T greater(T a, T b) { return a > b ? a : b; }

}  // namespace gpu_on_cpu
