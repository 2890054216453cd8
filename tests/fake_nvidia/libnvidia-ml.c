/* A management library that lists FAKE_GPUS GPUs, and aborts whoever does not close it. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
static int n_open = 0;
__attribute__((destructor)) static void closed(void) { if (n_open) abort(); }
int nvmlInit_v2(void) {
    int status = getenv("FAKE_NVML_STATUS") ? atoi(getenv("FAKE_NVML_STATUS")) : 0;
    n_open += status == 0;
    return status;
}
int nvmlShutdown(void) { n_open -= 1; return 0; }
int nvmlDeviceGetCount_v2(unsigned *n) { *n = (unsigned)atoi(getenv("FAKE_GPUS")); return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
    *handle = (void *)(uintptr_t)(index + 1);
    return getenv("FAKE_LOST") && atoi(getenv("FAKE_LOST")) == (int)index ? 15 : 0;
}
int nvmlDeviceGetName(void *handle, char *name, unsigned length) {
    snprintf(name, length, "Fake GPU %d", (int)(uintptr_t)handle - 1);
    return 0;
}
int nvmlDeviceGetUUID(void *handle, char *uuid, unsigned length) {
    snprintf(uuid, length, "GPU-%08d-0000", (int)(uintptr_t)handle - 1);
    return 0;
}
