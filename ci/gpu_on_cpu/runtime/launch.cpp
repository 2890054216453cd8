// A launch: every block of the grid, one after the other.
#include <algorithm>
#include <numeric>

#include "scheduler.hpp"

namespace gpu_on_cpu {

Launch launch;
Thread *current = nullptr;

static u64 random_state = 1;

void seed_random(u64 seed) {
    random_state = seed * 0x9e3779b97f4a7c15ull + 0x2545f4914f6cdd1dull;
    if (random_state == 0) random_state = 1;
}

// xorshift64 (Marsaglia 2003): only to choose an order.
u64 next_random() {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static std::vector<Thread> make_threads() {
    std::vector<Thread> threads(launch.threads);
    for (u32 number = 0; number < launch.threads; number++) {
        Thread &thread = threads[number];
        thread.number = number;
        thread.lane = number % 32;
        thread.warp = number / 32;
        const u32 row = number / launch.block.x;
        thread.index = {number % launch.block.x, row % launch.block.y, row / launch.block.y};
    }
    return threads;
}

static void prepare(const LaunchRequest &request, FaultReport *report) {
    launch.number++;
    launch.checks = request.checks;
    launch.grid = {request.grid[0], request.grid[1], request.grid[2]};
    launch.block = {request.block[0], request.block[1], request.block[2]};
    launch.threads = launch.block.x * launch.block.y * launch.block.z;
    launch.dynamic_offset = request.static_shared;
    launch.shared_size = request.static_shared + request.dynamic_shared;
    current = nullptr;
    start_fault_reports(report);
    seed_random(request.seed);
    set_allocations(request.allocations, request.allocation_count);
    prepare_shared_memory();
    prepare_fibers(launch.threads);
}

static bool run_at(u64 position, std::vector<Thread> &threads, const LaunchRequest &request) {
    const Dim3 grid = launch.grid;
    launch.block_index = {u32(position % grid.x), u32(position / grid.x % grid.y),
                          u32(position / grid.x / grid.y)};
    clear_shared_memory();
    start_race_checks();
    return run_block(threads, request);
}

static bool run_grid(const LaunchRequest &request) {
    std::vector<Thread> threads = make_threads();
    const u64 blocks = u64(launch.grid.x) * launch.grid.y * launch.grid.z;
    if (Order(request.order) != Order::RANDOM) {
        const bool reverse = Order(request.order) == Order::REVERSE;
        for (u64 k = 0; k < blocks; k++)
            if (!run_at(reverse ? blocks - 1 - k : k, threads, request)) return false;
        return true;
    }
    std::vector<u64> positions(blocks);
    std::iota(positions.begin(), positions.end(), u64(0));
    shuffle(positions);
    for (u64 position : positions)
        if (!run_at(position, threads, request)) return false;
    return true;
}

}  // namespace gpu_on_cpu

// Returns 0, or 1 with the report filled in.
extern "C" int gpu_on_cpu_launch(const gpu_on_cpu::LaunchRequest *request,
                                 gpu_on_cpu::FaultReport *report) {
    gpu_on_cpu::prepare(*request, report);
    return gpu_on_cpu::run_grid(*request) ? 0 : 1;
}
