// Loads, stores and atomics of each memory space, with their checks.
#pragma once
#include "state.hpp"

namespace gpu_on_cpu {

enum class Space { GENERIC, GLOBAL, SHARED, LOCAL, PARAM, CONST };
enum class Access { READ, WRITE, ATOMIC };

// One per memory instruction. It remembers the allocation that the instruction touched last, so
// that the bounds check of the next thread is two comparisons.
struct Site {
    u32 line;
    u32 launch;
    u64 low, high;
    bool writable;
};

// Checks out of the fast path; they do not return if the access is wrong.
void check_shared(u64 offset, u32 size, Access access, u32 line);
void check_global(u64 address, u32 size, Access access, Site &site);
[[noreturn]] void misaligned(u64 address, u32 size, u32 line);

inline bool in_shared(u64 address) { return address - (u64)shared_memory < launch.shared_size; }
inline bool in_local(u64 address, u32 size) {
    return address >= current->stack_low && address + size <= current->stack_high;
}
bool in_global(u64 address);

inline void check_alignment(u64 address, u32 size, u32 line) {
    if (address & (size - 1)) misaligned(address, size, line);
}

inline void check_global_fast(u64 address, u32 size, Access access, Site &site) {
    const bool known = site.launch == launch.number && address >= site.low &&
                       address + size <= site.high && (access == Access::READ || site.writable);
    if (!known) check_global(address, size, access, site);
}

// Where the bytes are in the host's memory, after the checks of the space.
template <Space SPACE>
inline u8 *locate(u64 address, u32 size, Access access, Site &site) {
    check_alignment(address, size, site.line);
    if (SPACE == Space::SHARED) {
        check_shared(address, size, access, site.line);
        return shared_memory + address;
    }
    if (SPACE == Space::GENERIC && in_shared(address)) {
        check_shared(address - (u64)shared_memory, size, access, site.line);
        return (u8 *)address;
    }
    const bool local = SPACE == Space::LOCAL || SPACE == Space::GENERIC;
    if (local && in_local(address, size)) return (u8 *)address;
    if (SPACE == Space::LOCAL) fault(site.line, "local access outside the thread's own memory");
    if (SPACE != Space::PARAM) check_global_fast(address, size, access, site);
    return (u8 *)address;
}

template <class T, Space SPACE>
inline T load(u64 address, Site &site) {
    T value;
    memcpy(&value, locate<SPACE>(address, sizeof(T), Access::READ, site), sizeof(T));
    return value;
}

template <class T, Space SPACE>
inline void store(u64 address, T value, Site &site) {
    memcpy(locate<SPACE>(address, sizeof(T), Access::WRITE, site), &value, sizeof(T));
}

// Threads take turns only at barriers and warp operations, so reading, changing and writing in
// one go is atomic.
template <class T, Space SPACE, class Change>
inline T atomic(u64 address, Change change, Site &site) {
    u8 *place = locate<SPACE>(address, sizeof(T), Access::ATOMIC, site);
    T before;
    memcpy(&before, place, sizeof(T));
    const T after = change(before);
    memcpy(place, &after, sizeof(T));
    return before;
}

}  // namespace gpu_on_cpu
