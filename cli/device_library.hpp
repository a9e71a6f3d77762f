#pragma once
/// \file
/// What the shared object of a device exports: libdra_cuda.so and libdra_emulated.so, beside the program, each built
/// when a command first names its backend. They are opened by name, since nothing else of the program needs what is in
/// them, which is most of what there is to compile.

#include "cuda/published/rungs.hpp"

#include <memory>

/// Opens the device. Throws DeviceError where there is no GPU.
extern "C" void dra_open_device(std::unique_ptr<dra::cuda::Device>& device);

/// The same device as the comparison sees it.
extern "C" void dra_open_rung_device(std::unique_ptr<dra::cuda::RungDevice>& device);
