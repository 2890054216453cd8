// Races on shared memory.
//
// Time is counted in block barriers, which order all threads of the block, and in warp barriers,
// which order the lanes of one warp. For every byte it is kept who read, wrote and changed it
// atomically since the last block barrier. An access conflicts with an earlier one by another
// thread if no barrier lies between them and they are not both reads or both atomics. Since this
// looks at barriers and not at what happened to run first, a race is found in every order.
#include <stdlib.h>

#include "scheduler.hpp"

namespace gpu_on_cpu {

static const u32 WARP_SIZE = 32, CAPACITY = 256 * 1024;

// The accesses of one kind to one byte since the last block barrier.
struct History {
    u32 epoch;       // the block barrier after which they happened
    u32 warp_epoch;  // the warp barrier after which the latest happened, if one warp made them all
    u16 thread;      // the latest
    enum Breadth : u16 { ONE_THREAD, ONE_WARP, SEVERAL_WARPS } breadth;

    u32 warp() const { return thread / WARP_SIZE; }
    void add(const Thread &by);
    bool conflicts_with(const Thread &by) const;
};

struct Byte {
    History by_access[3];  // indexed by Access
};

static Byte *bytes = nullptr;
static u32 epoch = 0;  // never 0 while a block runs, so fresh histories are in the past
static std::vector<u32> warp_epochs;

void start_race_checks() {
    if (!bytes) bytes = (Byte *)calloc(CAPACITY, sizeof(Byte));
    if (++epoch == 0) {  // wrapped around
        memset(bytes, 0, CAPACITY * sizeof(Byte));
        epoch = 1;
    }
    warp_epochs.assign((launch.threads + WARP_SIZE - 1) / WARP_SIZE, 0);
}

void note_block_barrier() {
    if (++epoch == 0) start_race_checks();
}
void note_warp_barrier(u32 warp) { warp_epochs[warp]++; }

void History::add(const Thread &by) {
    const u32 now = warp_epochs[by.warp];
    if (epoch != gpu_on_cpu::epoch) {
        breadth = ONE_THREAD;
    } else if (warp() != by.warp) {
        breadth = SEVERAL_WARPS;
    } else if (breadth != SEVERAL_WARPS) {
        // Accesses before the last warp barrier cannot conflict within the warp any more, and
        // conflict with other warps exactly if this one does.
        if (warp_epoch != now) breadth = ONE_THREAD;
        else if (thread != by.number) breadth = ONE_WARP;
    }
    epoch = gpu_on_cpu::epoch;
    warp_epoch = now;
    thread = u16(by.number);
}

bool History::conflicts_with(const Thread &by) const {
    if (epoch != gpu_on_cpu::epoch) return false;
    if (breadth == SEVERAL_WARPS || warp() != by.warp) return true;
    if (warp_epoch != warp_epochs[by.warp]) return false;
    return breadth == ONE_WARP || thread != by.number;
}

void check_race(u64 offset, u32 size, Access access, u32 line) {
    static const char *const verb[3] = {"read", "written", "changed atomically"};
    for (u64 place = offset; place < offset + size; place++) {
        Byte &byte = bytes[place];
        for (int other = 0; other < 3; other++) {
            const bool compatible = other == int(access) && access != Access::WRITE;
            const History &history = byte.by_access[other];
            if (compatible || !history.conflicts_with(*current)) continue;
            fault(line,
                  "shared-memory race: offset %llu is %s by thread %u and %s by thread %u, "
                  "no barrier between",
                  (unsigned long long)place, verb[int(access)], current->number, verb[other],
                  unsigned(history.thread));
        }
        byte.by_access[int(access)].add(*current);
    }
}

}  // namespace gpu_on_cpu
