// A management library that counts and names the devices.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, INSUFFICIENT_SIZE = 7 };

static int users = 0;
static char devices[64];  // a handle is the address of its device's byte

static unsigned device_count(void) {
    const char *given = getenv("GPU_ON_CPU_DEVICE_COUNT");
    const unsigned count = given ? (unsigned)atoi(given) : 1;
    return count < sizeof devices ? count : sizeof devices;
}

static int give(const char *text, char *buffer, unsigned length) {
    if (!buffer) return INVALID_ARGUMENT;
    if (strlen(text) >= length) return INSUFFICIENT_SIZE;
    strcpy(buffer, text);
    return SUCCESS;
}

static int index_of(const char *device) {
    const long index = device - devices;
    return index >= 0 && index < (long)device_count() ? (int)index : -1;
}

extern "C" {

int nvmlInit_v2(void) {
    users++;
    return SUCCESS;
}

int nvmlShutdown(void) {
    if (users == 0) return UNINITIALIZED;
    users--;
    return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned *count) {
    if (users == 0) return UNINITIALIZED;
    if (!count) return INVALID_ARGUMENT;
    *count = device_count();
    return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, char **device) {
    if (users == 0) return UNINITIALIZED;
    if (!device || index >= device_count()) return INVALID_ARGUMENT;
    *device = devices + index;
    return SUCCESS;
}

int nvmlDeviceGetName(const char *device, char *name, unsigned length) {
    if (users == 0) return UNINITIALIZED;
    return index_of(device) < 0 ? INVALID_ARGUMENT : give("gpu_on_cpu", name, length);
}

int nvmlDeviceGetUUID(const char *device, char *uuid, unsigned length) {
    char text[64];
    if (users == 0) return UNINITIALIZED;
    if (index_of(device) < 0) return INVALID_ARGUMENT;
    snprintf(text, sizeof text, "GPU-00000000-0000-0000-0000-%012d", index_of(device));
    return give(text, uuid, length);
}

}  // extern "C"
