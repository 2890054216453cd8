// Everything that translated kernels use.
#pragma once
#include "convert.hpp"
#include "integer.hpp"
#include "memory.hpp"
#include "numeric.hpp"
#include "state.hpp"
#include "synchronise.hpp"

extern "C" {
double exp2(double);
double log2(double);
double sin(double);
double cos(double);
double tanh(double);
}
