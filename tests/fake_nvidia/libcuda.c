/* A driver library that supports the CUDA of FAKE_CUDA, and aborts whoever initialises it. */

#include <stdlib.h>
int cuInit(unsigned flags) { (void)flags; abort(); }
int cuDriverGetVersion(int *version) {
    *version = atoi(getenv("FAKE_CUDA"));
    return getenv("FAKE_CUDA_STATUS") ? atoi(getenv("FAKE_CUDA_STATUS")) : 0;
}
