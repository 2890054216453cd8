// Fibers: one stack for each CUDA thread, switched by hand because a switch happens at every
// barrier and warp operation of every thread.
#include <stdlib.h>
#include <sys/mman.h>

#include "scheduler.hpp"

#ifndef __x86_64__
#error "the fiber switch is written for x86-64"
#endif

// Save the registers that a callee must keep on the old stack, and take those of the new one.
// The rounding mode is not switched: it is the default whenever a thread pauses.
extern "C" void gpu_on_cpu_switch(void **save_stack, void *new_stack);
asm(R"(
.text
.globl gpu_on_cpu_switch
.type gpu_on_cpu_switch,@function
gpu_on_cpu_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size gpu_on_cpu_switch, .-gpu_on_cpu_switch
)");

namespace gpu_on_cpu {

static const int SAVED_REGISTERS = 6;
static u8 *stacks = nullptr;
static u32 stack_count = 0;
static void *scheduler_stack;

void prepare_fibers(u32 count) {
    if (count <= stack_count) return;
    if (stacks) munmap(stacks, stack_count * STACK_BYTES);
    void *memory = mmap(nullptr, count * STACK_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) abort();
    stacks = (u8 *)memory;
    stack_count = count;
}

void start_fiber(Thread &thread, u32 stack, void (*body)()) {
    thread.stack_low = (u64)(stacks + stack * STACK_BYTES);
    thread.stack_high = thread.stack_low + STACK_BYTES;
    u64 *top = (u64 *)(thread.stack_high - 64);
    *--top = 0;  // where body would return to; it never does
    *--top = (u64)body;
    for (int k = 0; k < SAVED_REGISTERS; k++) *--top = 0;
    thread.stack_pointer = top;
}

void resume(Thread &thread) {
    current = &thread;
    gpu_on_cpu_switch(&scheduler_stack, thread.stack_pointer);
}

void pause_current() { gpu_on_cpu_switch(&current->stack_pointer, scheduler_stack); }

}  // namespace gpu_on_cpu
