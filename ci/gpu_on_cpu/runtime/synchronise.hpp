// Barriers and warp operations: the calling thread waits here until the scheduler resumes it.
#pragma once
#include "state.hpp"

namespace gpu_on_cpu {

u32 barrier(u32 number, BarrierOperation operation, bool predicate, bool aligned, u32 line);
u64 warp_operation(WarpOperation operation, u32 mask, u64 value, u32 line);
u32 shuffle(WarpOperation operation, u32 mask, u32 value, u32 lane_argument, u32 clamp,
            bool *in_range, u32 line);
u32 match_all(u32 mask, u64 value, bool *equal, u32 line);

}  // namespace gpu_on_cpu
