// Warp operations: the lanes named in a mask exchange values once all of them have arrived.
#include "scheduler.hpp"

namespace gpu_on_cpu {

static const u32 WARP_SIZE = 32;

static Request &await_warp(WarpOperation operation, u32 mask, u64 value, u32 line) {
    if (!((mask >> current->lane) & 1))
        fault(line, "warp operation: lane %u executes it but is not in its mask 0x%x",
              current->lane, mask);
    Request &request = current->request;
    request = Request();
    request.line = line;
    request.warp_operation = operation;
    request.mask = mask;
    request.value = value;
    current->state = State::AT_WARP_OPERATION;
    return request;
}

u64 warp_operation(WarpOperation operation, u32 mask, u64 value, u32 line) {
    Request &request = await_warp(operation, mask, value, line);
    pause_current();
    return request.result;
}

u32 shuffle(WarpOperation operation, u32 mask, u32 value, u32 lane_argument, u32 clamp,
            bool *in_range, u32 line) {
    Request &request = await_warp(operation, mask, value, line);
    request.lane_argument = lane_argument;
    request.clamp = clamp;
    pause_current();
    *in_range = request.predicate;
    return u32(request.result);
}

u32 match_all(u32 mask, u64 value, bool *equal, u32 line) {
    Request &request = await_warp(WarpOperation::MATCH_ALL, mask, value, line);
    pause_current();
    *equal = request.predicate;
    return u32(request.result);
}

// The lanes of one operation; lanes outside the mask are null.
struct Lanes {
    Thread *lane[WARP_SIZE];
    u32 mask;
    WarpOperation operation;
};

static u32 combine(WarpOperation operation, u32 a, u32 b) {
    switch (operation) {
        case WarpOperation::ADD: return a + b;
        case WarpOperation::MIN_UNSIGNED: return a < b ? a : b;
        case WarpOperation::MAX_UNSIGNED: return a > b ? a : b;
        case WarpOperation::MIN_SIGNED: return s32(a) < s32(b) ? a : b;
        case WarpOperation::MAX_SIGNED: return s32(a) > s32(b) ? a : b;
        case WarpOperation::AND: return a & b;
        case WarpOperation::OR: return a | b;
        default: return a ^ b;
    }
}

// Source lane of a shuffle as the PTX ISA defines it: the segment mask in bits 8 to 12 of the
// clamp operand fixes the high bits of the lane, the low bits clamp it.
static int source_lane(const Request &request, int lane, bool *in_range) {
    const int segment = (request.clamp >> 8) & 31, clamp = request.clamp & 31;
    const int argument = request.lane_argument & 31;
    const int limit = (lane & segment) | (clamp & ~segment);
    int source;
    switch (request.warp_operation) {
        case WarpOperation::SHUFFLE_UP:
            source = lane - argument;
            *in_range = source >= limit;
            break;
        case WarpOperation::SHUFFLE_DOWN:
            source = lane + argument;
            *in_range = source <= limit;
            break;
        case WarpOperation::SHUFFLE_XOR:
            source = lane ^ argument;
            *in_range = source <= limit;
            break;
        default:
            source = (lane & segment) | (argument & ~segment);
            *in_range = source <= limit;
    }
    return *in_range ? source : lane;
}

static void complete_shuffle(Lanes &lanes) {
    for (u32 k = 0; k < WARP_SIZE; k++) {
        if (!lanes.lane[k]) continue;
        Request &request = lanes.lane[k]->request;
        const int source = source_lane(request, int(k), &request.predicate);
        if (!lanes.lane[source]) {
            report_fault(lanes.lane[k], request.line,
                         "shuffle reads lane %d, which is not in its mask 0x%x", source,
                         lanes.mask);
            return;
        }
        request.result = lanes.lane[source]->request.value;
    }
}

static void complete_vote(Lanes &lanes) {
    u32 ballot = 0, reduced = 0;
    const Request *first = nullptr;
    bool equal = true;
    for (u32 k = 0; k < WARP_SIZE; k++) {
        if (!lanes.lane[k]) continue;
        const Request &request = lanes.lane[k]->request;
        if (request.value) ballot |= 1u << k;
        if (first && request.value != first->value) equal = false;
        reduced = first ? combine(lanes.operation, reduced, u32(request.value))
                        : u32(request.value);
        if (!first) first = &request;
    }
    for (u32 k = 0; k < WARP_SIZE; k++) {
        if (!lanes.lane[k]) continue;
        Request &request = lanes.lane[k]->request;
        switch (lanes.operation) {
            case WarpOperation::SYNC: break;
            case WarpOperation::ANY: request.result = ballot != 0; break;
            case WarpOperation::ALL: request.result = ballot == lanes.mask; break;
            case WarpOperation::UNIFORM:
                request.result = ballot == 0 || ballot == lanes.mask;
                break;
            case WarpOperation::BALLOT: request.result = ballot; break;
            case WarpOperation::MATCH_ALL:
                request.predicate = equal;
                request.result = equal ? lanes.mask : 0;
                break;
            case WarpOperation::MATCH_ANY:
                request.result = 0;
                for (u32 other = 0; other < WARP_SIZE; other++)
                    if (lanes.lane[other] && lanes.lane[other]->request.value == request.value)
                        request.result |= 1u << other;
                break;
            default: request.result = reduced;
        }
    }
}

static bool is_shuffle(WarpOperation operation) {
    return operation >= WarpOperation::SHUFFLE_INDEX && operation <= WarpOperation::SHUFFLE_XOR;
}

// Collect the lanes that `starter` waits for; false if some have not come yet or one never will.
static bool gather(std::vector<Thread> &threads, Thread &starter, Lanes &lanes) {
    const u32 base = starter.warp * WARP_SIZE;
    lanes.operation = starter.request.warp_operation;
    lanes.mask = starter.request.mask;
    for (u32 k = 0; k < WARP_SIZE; k++) {
        lanes.lane[k] = nullptr;
        if (!((starter.request.mask >> k) & 1)) continue;
        const bool exists = base + k < threads.size();
        if (!exists || threads[base + k].state == State::EXITED) {
            if (launch.checks & SYNCHRONISATION) {
                report_fault(&starter, starter.request.line,
                             "warp operation waits for lane %u of its mask 0x%x, which %s", k,
                             starter.request.mask,
                             exists ? "has exited"
                                    : "does not exist (the last warp of the block is partial)");
                return false;
            }
            lanes.mask &= ~(1u << k);
            continue;
        }
        Thread &thread = threads[base + k];
        if (thread.state != State::AT_WARP_OPERATION ||
            thread.request.mask != starter.request.mask ||
            thread.request.warp_operation != lanes.operation)
            return false;
        lanes.lane[k] = &thread;
    }
    return true;
}

bool release_warp(std::vector<Thread> &threads, u32 warp) {
    const u32 begin = warp * WARP_SIZE;
    const u32 end = begin + WARP_SIZE < threads.size() ? begin + WARP_SIZE : u32(threads.size());
    bool released = false;
    for (u32 i = begin; i < end && !faulted; i++) {
        Lanes lanes;
        if (threads[i].state != State::AT_WARP_OPERATION || !gather(threads, threads[i], lanes))
            continue;
        if (is_shuffle(lanes.operation)) complete_shuffle(lanes);
        else complete_vote(lanes);
        if (faulted) return false;
        u32 running = 0;
        for (u32 j = begin; j < end; j++)
            if (threads[j].state != State::EXITED) running |= 1u << (j - begin);
        if ((lanes.mask & running) == running) note_warp_barrier(warp);
        for (Thread *thread : lanes.lane)
            if (thread) thread->state = State::READY;
        released = true;
    }
    return released;
}

}  // namespace gpu_on_cpu
