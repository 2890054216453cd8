// What a running kernel can see: the thread whose turn it is, its block, its shared memory.
#pragma once
#include "types.hpp"

namespace gpu_on_cpu {

struct Dim3 {
    u32 x, y, z;
};

enum class State : u8 { READY, AT_BARRIER, AT_WARP_OPERATION, EXITED };

enum class WarpOperation : u8 {
    SYNC, SHUFFLE_INDEX, SHUFFLE_UP, SHUFFLE_DOWN, SHUFFLE_XOR,
    ANY, ALL, UNIFORM, BALLOT, MATCH_ANY, MATCH_ALL,
    ADD, MIN_UNSIGNED, MAX_UNSIGNED, MIN_SIGNED, MAX_SIGNED, AND, OR, XOR
};

enum class BarrierOperation : u8 { SYNC, COUNT, ALL, ANY };

// What a thread that waits has asked for, and what it gets when it goes on.
struct Request {
    u32 line;
    WarpOperation warp_operation;
    u32 mask;             // lanes that take part in the warp operation
    u64 value;            // this lane's contribution
    u32 lane_argument;    // shuffles: offset, index or xor mask
    u32 clamp;            // shuffles: packed clamp and segment mask
    BarrierOperation barrier_operation;
    u32 barrier;          // which of the 16 barriers
    bool aligned;         // every thread must meet the barrier at the same instruction
    bool predicate;       // in: the barrier's vote; out: a shuffle's or match's flag
    u64 result;
};

struct Thread {
    Dim3 index;
    u32 number;           // within the block
    u32 lane, warp;
    State state;
    Request request;
    void *stack_pointer;
    u64 stack_low, stack_high;
};

enum Check : u32 { BOUNDS = 1, RACES = 2, UNINITIALISED = 4, SYNCHRONISATION = 8 };

struct Launch {
    u32 number;           // counts launches, so that cached look-ups can tell old from new
    u32 checks;
    Dim3 grid, block;
    Dim3 block_index;
    u32 threads;          // per block
    u64 shared_size;      // static and dynamic shared memory of a block, bytes
    u64 dynamic_offset;   // where the dynamic part starts
};

extern Launch launch;
extern Thread *current;
extern u8 *shared_memory;

[[noreturn]] void fault(u32 line, const char *format, ...) __attribute__((format(printf, 2, 3)));

}  // namespace gpu_on_cpu
