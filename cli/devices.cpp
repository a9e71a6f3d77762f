#include "cli/devices.hpp"

#include "cli/device_library.hpp"

#include <dlfcn.h>

#include <filesystem>

namespace dra::cli {
namespace {

/// The library of a backend; it stays open. Throws PatternError where it is not beside the program.
void* open_library(const std::string& backend) {
    const std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe").parent_path(),
                                file = folder / ("libdra_" + backend + ".so");
    if (!std::filesystem::exists(file))
        throw PatternError("--backend", backend,
                           "must be a device that was built: there is no " + file.string() + ", which comes with " +
                               (backend == "cuda" ? "DRA_CUDA" : "DRA_EMULATOR"));
    if (void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
    throw PatternError("--backend", backend, "must be a device whose library loads: " + std::string(::dlerror()));
}

template <class Function> Function* find(const std::string& backend, const char* name) {
    return reinterpret_cast<Function*>(::dlsym(open_library(backend), name));
}

} // namespace

std::unique_ptr<cuda::Device> open_device(const std::string& backend) {
    std::unique_ptr<cuda::Device> device;
    find<decltype(dra_open_device)>(backend, "dra_open_device")(device);
    return device;
}

std::unique_ptr<cuda::RungDevice> open_rung_device(const std::string& backend) {
    std::unique_ptr<cuda::RungDevice> device;
    find<decltype(dra_open_rung_device)>(backend, "dra_open_rung_device")(device);
    return device;
}

} // namespace dra::cli
