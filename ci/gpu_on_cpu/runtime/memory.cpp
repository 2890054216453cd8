// The allocations that a launch may touch, and the shared memory of the running block.
#include <stdlib.h>

#include "scheduler.hpp"

namespace gpu_on_cpu {

static const u64 SHARED_CAPACITY = 256 * 1024;
static const u8 UNWRITTEN = 0xCD;

u8 *shared_memory = nullptr;
static u8 *shared_written = nullptr;  // one flag a byte
static const Allocation *allocations = nullptr;  // sorted by address
static u64 allocation_count = 0;

void set_allocations(const Allocation *sorted, u64 count) {
    allocations = sorted;
    allocation_count = count;
}

void prepare_shared_memory() {
    if (shared_memory) return;
    shared_memory = (u8 *)aligned_alloc(1024, SHARED_CAPACITY);
    shared_written = (u8 *)malloc(SHARED_CAPACITY);
}

void clear_shared_memory() {
    memset(shared_memory, UNWRITTEN, launch.shared_size);
    memset(shared_written, 0, launch.shared_size);
}

static const char *name(Access access) {
    switch (access) {
        case Access::READ: return "load";
        case Access::WRITE: return "store";
        default: return "atomic";
    }
}

static const Allocation *find(u64 address, u32 size) {
    u64 low = 0, high = allocation_count;  // the first allocation that starts after the address
    while (low < high) {
        const u64 middle = (low + high) / 2;
        if (allocations[middle].address <= address) low = middle + 1;
        else high = middle;
    }
    if (low == 0) return nullptr;
    const Allocation *candidate = &allocations[low - 1];
    return address + size <= candidate->address + candidate->size ? candidate : nullptr;
}

bool in_global(u64 address) { return find(address, 1) != nullptr; }

void misaligned(u64 address, u32 size, u32 line) {
    fault(line, "misaligned access: %u bytes at 0x%llx", size, (unsigned long long)address);
}

void check_global(u64 address, u32 size, Access access, Site &site) {
    if (!(launch.checks & BOUNDS)) return;
    const Allocation *allocation = find(address, size);
    if (!allocation)
        fault(site.line, "global %s out of bounds: %u bytes at 0x%llx are inside no allocation",
              name(access), size, (unsigned long long)address);
    if (access != Access::READ && !allocation->writable)
        fault(site.line, "global %s to read-only memory at 0x%llx", name(access),
              (unsigned long long)address);
    site.launch = launch.number;
    site.low = allocation->address;
    site.high = allocation->address + allocation->size;
    site.writable = allocation->writable;
}

void check_shared(u64 offset, u32 size, Access access, u32 line) {
    if (offset + size > launch.shared_size || offset + size < offset)
        fault(line, "shared %s out of bounds: %u bytes at offset %llu of %llu", name(access), size,
              (unsigned long long)offset, (unsigned long long)launch.shared_size);
    if (access != Access::WRITE && (launch.checks & UNINITIALISED))
        for (u32 k = 0; k < size; k++)
            if (!shared_written[offset + k])
                fault(line, "%s of uninitialised shared memory at offset %llu", name(access),
                      (unsigned long long)(offset + k));
    if (launch.checks & RACES) check_race(offset, size, access, line);
    if (access == Access::WRITE) memset(shared_written + offset, 1, size);
}

}  // namespace gpu_on_cpu
