#pragma once
/// \file
/// What device code includes under g++: the CUDA names in namespace dra::simt, with a source location behind every
/// instruction that can fail.

#include "cuda/simt/emulator/atomics.hpp"
#include "cuda/simt/emulator/keywords.hpp"
#include "cuda/simt/emulator/math.hpp"
#include "cuda/simt/emulator/memory.hpp"
#include "cuda/simt/emulator/ptx_hopper.hpp"
#include "cuda/simt/emulator/ptx_matrix.hpp"
#include "cuda/simt/emulator/warp_functions.hpp"
