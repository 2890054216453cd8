// libcublasLt with its functions that need a GPU replaced: those call Python, the others go to the
// real library, which is loaded at the first of them because that takes half a second.
#include <Python.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <stdint.h>

static const int INTERNAL_ERROR = 14;

static PyObject *device = nullptr;
static char *real_path = nullptr;
static bool finished = false;  // Python is going down: answer without calling it

extern "C" void set_device(PyObject *given, const char *path) {
    Py_INCREF(given);
    device = given;
    real_path = strdup(path);
}
extern "C" void finish() { finished = true; }

static void *real(const char *name) {
    static void *library = dlopen(real_path, RTLD_NOW | RTLD_LOCAL);
    void *function = library ? dlsym(library, name) : nullptr;
    if (!function) {
        fprintf(stderr, "gpu_on_cpu: no %s in %s: %s\n", name, real_path, dlerror());
        abort();
    }
    return function;
}

// Their arguments are all integers and addresses, at most five, and travel in registers: so what
// the caller did not give is garbage that the callee does not read.
typedef uint64_t (*Function)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
#define TO_THE_REAL_LIBRARY(name)                                                             \
    extern "C" uint64_t name(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e) {    \
        static const Function function = (Function)real(#name);                               \
        return function(a, b, c, d, e);                                                       \
    }

TO_THE_REAL_LIBRARY(cublasLtGetVersion)
TO_THE_REAL_LIBRARY(cublasLtGetCudartVersion)
TO_THE_REAL_LIBRARY(cublasLtGetProperty)
TO_THE_REAL_LIBRARY(cublasLtGetStatusName)
TO_THE_REAL_LIBRARY(cublasLtGetStatusString)
TO_THE_REAL_LIBRARY(cublasLtMatmulDescInit_internal)
TO_THE_REAL_LIBRARY(cublasLtMatmulDescCreate)
TO_THE_REAL_LIBRARY(cublasLtMatmulDescDestroy)
TO_THE_REAL_LIBRARY(cublasLtMatmulDescSetAttribute)
TO_THE_REAL_LIBRARY(cublasLtMatmulDescGetAttribute)
TO_THE_REAL_LIBRARY(cublasLtMatrixLayoutInit_internal)
TO_THE_REAL_LIBRARY(cublasLtMatrixLayoutCreate)
TO_THE_REAL_LIBRARY(cublasLtMatrixLayoutDestroy)
TO_THE_REAL_LIBRARY(cublasLtMatrixLayoutSetAttribute)
TO_THE_REAL_LIBRARY(cublasLtMatrixLayoutGetAttribute)
TO_THE_REAL_LIBRARY(cublasLtMatmulPreferenceInit_internal)
TO_THE_REAL_LIBRARY(cublasLtMatmulPreferenceCreate)
TO_THE_REAL_LIBRARY(cublasLtMatmulPreferenceDestroy)
TO_THE_REAL_LIBRARY(cublasLtMatmulPreferenceSetAttribute)
TO_THE_REAL_LIBRARY(cublasLtMatmulPreferenceGetAttribute)

// Returns the status that device.call(name, addresses...) returns.  An exception stays set, and the
// interpreter finds it when the foreign call returns.
static int ask(const char *name, int count, ...) {
    if (finished) return 0;
    const PyGILState_STATE state = PyGILState_Ensure();
    PyObject *arguments = PyTuple_New(count + 1);
    PyTuple_SET_ITEM(arguments, 0, PyUnicode_FromString(name));
    va_list given;
    va_start(given, count);
    for (int i = 0; i < count; i++)
        PyTuple_SET_ITEM(arguments, i + 1, PyLong_FromUnsignedLongLong(va_arg(given, uint64_t)));
    va_end(given);
    PyObject *method = PyObject_GetAttrString(device, "call");
    PyObject *answer = method ? PyObject_Call(method, arguments, nullptr) : nullptr;
    const int status = answer ? (int)PyLong_AsLong(answer) : INTERNAL_ERROR;
    Py_XDECREF(answer);
    Py_XDECREF(method);
    Py_DECREF(arguments);
    PyGILState_Release(state);
    return status;
}

extern "C" {

typedef uint64_t U;

int cublasLtCreate(U handle) { return ask("cublasLt.create", 1, handle); }

int cublasLtDestroy(U handle) { return ask("cublasLt.destroy", 1, handle); }

int cublasLtMatmulAlgoGetHeuristic(U handle, U operation, U a, U b, U c, U d, U preference,
                                   int wanted, U results, U found) {
    return ask("cublasLt.heuristic", 10, handle, operation, a, b, c, d, preference, (U)wanted,
               results, found);
}

int cublasLtMatmulAlgoCheck(U handle, U operation, U a, U b, U c, U d, U algorithm, U result) {
    return ask("cublasLt.check", 8, handle, operation, a, b, c, d, algorithm, result);
}

int cublasLtMatmul(U handle, U operation, U alpha, U A, U a, U B, U b, U beta, U C, U c, U D, U d,
                   U algorithm, U workspace, U workspace_bytes, U stream) {
    return ask("cublasLt.matmul", 16, handle, operation, alpha, A, a, B, b, beta, C, c, D, d,
               algorithm, workspace, workspace_bytes, stream);
}
}
