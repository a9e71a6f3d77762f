// The shared object of one device: DRA_OPEN_DEVICE and DRA_OPEN_RUNG_DEVICE are the functions that open it.

#include "cli/device_library.hpp"

void dra_open_device(std::unique_ptr<dra::cuda::Device>& device) { device = dra::cuda::DRA_OPEN_DEVICE(); }

void dra_open_rung_device(std::unique_ptr<dra::cuda::RungDevice>& device) {
    device = dra::cuda::DRA_OPEN_RUNG_DEVICE();
}
