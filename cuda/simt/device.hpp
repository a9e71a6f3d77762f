#pragma once
/// \file
/// The one header that device code includes: the CUDA built-ins, loads and stores, and one wrapper per PTX instruction.

#include "cuda/simt/target.hpp"

#ifdef __CUDACC__
#include "cuda/simt/silicon/device.hpp"
#else
#include "cuda/simt/emulator/device.hpp"
#endif
