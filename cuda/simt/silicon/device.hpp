#pragma once
/// \file
/// What device code includes under nvcc: the CUDA built-ins as they are, and one thin wrapper an instruction.
///
/// The emulator's headers give the same names with the same signatures; see cuda/simt/device.hpp. A wrapper says what
/// the instruction moves or multiplies and which pitfall waits in it, and does nothing else.

#include "cuda/simt/silicon/barrier.hpp"
#include "cuda/simt/silicon/copy_async.hpp"
#include "cuda/simt/silicon/matrix.hpp"
#include "cuda/simt/silicon/memory.hpp"
#include "cuda/simt/silicon/tensor_copy.hpp"
#include "cuda/simt/silicon/warpgroup.hpp"
