#include "cuda/simt/emulator/shared_memory.hpp"

#include "cuda/simt/emulator/sanitizers.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <sys/mman.h>

namespace dra::simt::machine {
namespace {

constexpr std::size_t mapped = 256 * 1024, canary_bytes = 256;
constexpr unsigned char canary = 0xC5;
static_assert(SharedMemory::largest + canary_bytes <= mapped);

} // namespace

SharedMemory::SharedMemory() { map(); }
SharedMemory::~SharedMemory() {
    sanitizers::unpoison(data_, mapped);
    munmap(data_, mapped);
}

void SharedMemory::map() {
    void* mapping = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) throw std::bad_alloc();
    data_ = static_cast<unsigned char*>(mapping);
}

void SharedMemory::restart(std::size_t bytes, bool poison) {
    bytes_ = bytes;
    if constexpr (sanitizers::watches_races) {
        // Two blocks that use the same bytes one after the other do not race: a new mapping has no past.
        munmap(data_, mapped);
        map();
    }
    sanitizers::unpoison(data_, mapped);
    if (poison) std::memset(data_, poison_byte, bytes);
    std::memset(data_ + bytes, canary, canary_bytes);
    sanitizers::poison(data_ + bytes, mapped - bytes);
}

bool SharedMemory::canary_intact() const {
    sanitizers::unpoison(data_ + bytes_, canary_bytes);
    return std::all_of(data_ + bytes_, data_ + bytes_ + canary_bytes,
                       [](unsigned char byte) { return byte == canary; });
}

} // namespace dra::simt::machine
