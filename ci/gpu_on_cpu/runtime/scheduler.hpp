// Shared by the parts of the runtime library; kernels do not see it.
#pragma once
#include <string>
#include <vector>

#include "memory.hpp"
#include "synchronise.hpp"

namespace gpu_on_cpu {

// The layouts of these three are known to executor.py.
struct Allocation {
    u64 address, size;
    u64 writable;
};

struct LaunchRequest {
    void (*kernel)(const u8 *);
    const u8 *parameters;
    const Allocation *allocations;
    u64 allocation_count;
    u64 static_shared, dynamic_shared;
    u64 seed;
    u32 grid[3], block[3];
    u32 checks;
    u32 order;
    u32 synchronises;  // whether the kernel has a barrier or a warp operation
};

struct FaultReport {
    u32 line;
    u32 block[3], thread[3];
    char message[500];
};

enum class Order : u32 { FORWARD, REVERSE, RANDOM };

// fault.cpp
extern bool faulted;
void start_fault_reports(FaultReport *report);
// For the scheduler, which must not leave its own stack; fault() is for the threads.
void report_fault(const Thread *thread, u32 line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// fiber.cpp
const u64 STACK_BYTES = 64 * 1024;
void prepare_fibers(u32 count);
void start_fiber(Thread &thread, u32 stack, void (*body)());
void resume(Thread &thread);   // from the scheduler into a thread
void pause_current();          // from a thread back to the scheduler

// memory.cpp
void set_allocations(const Allocation *allocations, u64 count);
void prepare_shared_memory();  // before every launch
void clear_shared_memory();    // before every block

// races.cpp
void start_race_checks();      // before every block
void note_block_barrier();     // orders everything before it with everything after it
void note_warp_barrier(u32 warp);
void check_race(u64 offset, u32 size, Access access, u32 line);

// warp.cpp and barrier.cpp: complete what waiting threads can complete. They return whether
// anyone was released, and may report a fault.
bool release_warp(std::vector<Thread> &threads, u32 warp);
bool release_barriers(std::vector<Thread> &threads, u32 running);

// block.cpp
bool run_block(std::vector<Thread> &threads, const LaunchRequest &request);

// random.cpp
void seed_random(u64 seed);
u64 next_random();
template <class T>
void shuffle(std::vector<T> &items) {
    for (size_t i = items.size(); i > 1; i--) std::swap(items[i - 1], items[next_random() % i]);
}

}  // namespace gpu_on_cpu
