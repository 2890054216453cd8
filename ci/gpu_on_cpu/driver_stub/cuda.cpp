// A driver library that answers one question: which version it is.
#include <stdlib.h>

enum { SUCCESS = 0, INVALID_VALUE = 1, DEFAULT_VERSION = 13050 };

extern "C" int cuDriverGetVersion(int *version) {
    const char *given = getenv("GPU_ON_CPU_DRIVER_VERSION");
    if (!version) return INVALID_VALUE;
    *version = given ? atoi(given) : DEFAULT_VERSION;
    return SUCCESS;
}
