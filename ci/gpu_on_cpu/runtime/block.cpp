// Running the threads of one block until all have exited.
#include <stdlib.h>

#include <algorithm>
#include <numeric>

#include "scheduler.hpp"

namespace gpu_on_cpu {

static const u32 WARP_SIZE = 32;

static const LaunchRequest *running_request;
static std::vector<Thread> *running_threads;
static const std::vector<u32> *running_order;

// A kernel that synchronises has one fiber for each thread.
static void run_one_thread() {
    running_request->kernel(running_request->parameters);
    current->state = State::EXITED;
    pause_current();
    abort();
}

// One that does not runs all its threads one after the other on a single fiber, which is there
// only so that a fault can leave it.
static void run_all_threads() {
    Thread *first = current;
    for (u32 number : *running_order) {
        Thread &thread = (*running_threads)[number];
        thread.stack_low = first->stack_low;
        thread.stack_high = first->stack_high;
        thread.stack_pointer = first->stack_pointer;
        current = &thread;
        running_request->kernel(running_request->parameters);
        thread.state = State::EXITED;
    }
    pause_current();
    abort();
}

static void arrange(std::vector<u32> &turns, Order order) {
    if (order == Order::RANDOM) shuffle(turns);
}

static void report_deadlock(const std::vector<Thread> &threads) {
    u32 at_barrier = 0, at_warp_operation = 0, exited = 0;
    const Thread *blamed = nullptr;
    for (const Thread &thread : threads) {
        at_barrier += thread.state == State::AT_BARRIER;
        at_warp_operation += thread.state == State::AT_WARP_OPERATION;
        exited += thread.state == State::EXITED;
        if (!blamed && thread.state == State::AT_WARP_OPERATION) blamed = &thread;
    }
    for (const Thread &thread : threads)
        if (!blamed && thread.state == State::AT_BARRIER) blamed = &thread;
    report_fault(blamed, blamed ? blamed->request.line : 0,
                 "deadlock: %u threads wait at a barrier, %u at a warp operation, %u have exited",
                 at_barrier, at_warp_operation, exited);
}

// Give every thread that can run its turn; return how many exited.
static u32 run_ready(std::vector<Thread> &threads, const std::vector<u32> &turns, bool *progress) {
    u32 exited = 0;
    for (u32 number : turns) {
        Thread &thread = threads[number];
        if (thread.state != State::READY) continue;
        resume(thread);
        if (faulted) return exited;
        *progress = true;
        exited += thread.state == State::EXITED;
    }
    return exited;
}

bool run_block(std::vector<Thread> &threads, const LaunchRequest &request) {
    const Order order = Order(request.order);
    const u32 count = u32(threads.size());
    std::vector<u32> turns(count);
    std::iota(turns.begin(), turns.end(), 0u);
    if (order == Order::REVERSE) std::reverse(turns.begin(), turns.end());
    arrange(turns, order);
    running_request = &request;
    running_threads = &threads;
    running_order = &turns;
    for (Thread &thread : threads) thread.state = State::READY;
    if (!request.synchronises) {
        start_fiber(threads[turns[0]], 0, run_all_threads);
        resume(threads[turns[0]]);
        return !faulted;
    }
    for (Thread &thread : threads) start_fiber(thread, thread.number, run_one_thread);
    const u32 warps = (count + WARP_SIZE - 1) / WARP_SIZE;
    u32 running = count;
    while (running) {
        bool progress = false;
        running -= run_ready(threads, turns, &progress);
        for (u32 warp = 0; warp < warps && !faulted; warp++)
            progress |= release_warp(threads, warp);
        if (!faulted && running) progress |= release_barriers(threads, running);
        if (!progress && !faulted && running) report_deadlock(threads);
        if (faulted) return false;
        arrange(turns, order);
    }
    return true;
}

}  // namespace gpu_on_cpu
