// Faults: the first one is kept, and the thread that met it never runs again.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "scheduler.hpp"

namespace gpu_on_cpu {

bool faulted = false;
static FaultReport *fault_report;

void start_fault_reports(FaultReport *report) {
    faulted = false;
    fault_report = report;
    memset(report, 0, sizeof *report);
}

static void record(const Thread *thread, u32 line, const char *format, va_list arguments) {
    if (faulted) return;
    faulted = true;
    fault_report->line = line;
    const Dim3 block = launch.block_index;
    const Dim3 index = thread ? thread->index : Dim3{0, 0, 0};
    const u32 places[6] = {block.x, block.y, block.z, index.x, index.y, index.z};
    memcpy(fault_report->block, places, sizeof fault_report->block);
    memcpy(fault_report->thread, places + 3, sizeof fault_report->thread);
    vsnprintf(fault_report->message, sizeof fault_report->message, format, arguments);
}

void report_fault(const Thread *thread, u32 line, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    record(thread, line, format, arguments);
    va_end(arguments);
}

void fault(u32 line, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    record(current, line, format, arguments);
    va_end(arguments);
    pause_current();
    abort();  // the scheduler resumes no thread after a fault
}

}  // namespace gpu_on_cpu
