// Block barriers, with and without a vote.
#include "scheduler.hpp"

namespace gpu_on_cpu {

static const u32 BARRIERS = 16;

u32 barrier(u32 number, BarrierOperation operation, bool predicate, bool aligned, u32 line) {
    if (number >= BARRIERS) fault(line, "barrier %u does not exist: there are 16", number);
    Request &request = current->request;
    request = Request();
    request.line = line;
    request.barrier = number;
    request.barrier_operation = operation;
    request.predicate = predicate;
    request.aligned = aligned;
    current->state = State::AT_BARRIER;
    pause_current();
    return u32(request.result);
}

static u32 vote(BarrierOperation operation, u32 yes, u32 arrived) {
    switch (operation) {
        case BarrierOperation::COUNT: return yes;
        case BarrierOperation::ALL: return yes == arrived;
        case BarrierOperation::ANY: return yes > 0;
        default: return 0;
    }
}

// Barriers are for all threads of the block. One that some threads have left by exiting, or that
// threads met at different instructions, is undefined in CUDA C++ even where hardware goes on.
static bool release_barrier(std::vector<Thread> &threads, u32 number, u32 running) {
    std::vector<Thread *> waiting;
    u32 yes = 0;
    for (Thread &thread : threads) {
        if (thread.state != State::AT_BARRIER || thread.request.barrier != number) continue;
        waiting.push_back(&thread);
        yes += thread.request.predicate;
    }
    if (waiting.empty() || waiting.size() != running) return false;
    const Request &first = waiting.front()->request;
    if (launch.checks & SYNCHRONISATION) {
        if (running < threads.size()) {
            report_fault(waiting.front(), first.line,
                         "barrier reached by %u of %zu threads: the others have exited",
                         running, threads.size());
            return false;
        }
        for (Thread *thread : waiting)
            if (thread->request.line != first.line && (first.aligned || thread->request.aligned)) {
                report_fault(thread, thread->request.line,
                             "divergent barrier: thread %u waits at PTX line %u, thread %u at "
                             "PTX line %u",
                             waiting.front()->number, first.line, thread->number,
                             thread->request.line);
                return false;
            }
    }
    for (Thread *thread : waiting) {
        thread->request.result = vote(thread->request.barrier_operation, yes, running);
        thread->state = State::READY;
    }
    note_block_barrier();
    return true;
}

bool release_barriers(std::vector<Thread> &threads, u32 running) {
    bool released = false;
    for (u32 number = 0; number < BARRIERS && !faulted; number++)
        released |= release_barrier(threads, number, running);
    return released;
}

}  // namespace gpu_on_cpu
