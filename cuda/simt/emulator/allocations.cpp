#include "cuda/simt/emulator/allocations.hpp"

#include "cuda/simt/emulator/fault.hpp"
#include "cuda/simt/emulator/sanitizers.hpp"
#include "cuda/simt/emulator/shared_memory.hpp"

#include <array>
#include <cstdlib>
#include <cstring>

namespace dra::simt::machine {
namespace {

constexpr std::size_t alignment = 256, canary_bytes = 256;
constexpr auto canary = [] {
    std::array<unsigned char, canary_bytes> bytes{};
    bytes.fill(0xC5);
    return bytes;
}();

void plant(unsigned char* at) {
    sanitizers::unpoison(at, canary_bytes);
    std::memcpy(at, canary.data(), canary_bytes);
    sanitizers::poison(at, canary_bytes);
}

bool intact(unsigned char* at) {
    sanitizers::unpoison(at, canary_bytes);
    const bool untouched = std::memcmp(at, canary.data(), canary_bytes) == 0;
    sanitizers::poison(at, canary_bytes);
    return untouched;
}

void give_back(unsigned char* pointer, std::size_t bytes) {
    sanitizers::unpoison(pointer - canary_bytes, canary_bytes);
    sanitizers::unpoison(pointer + bytes, canary_bytes);
    std::memset(pointer, poison_byte, bytes); // who still reads it gets NaN, not yesterday's result
    std::free(pointer - canary_bytes);
}

} // namespace

Allocations::~Allocations() {
    for (const auto& [pointer, entry] : entries_) give_back(pointer, entry.bytes);
}

unsigned char* Allocations::allocate(std::size_t bytes, bool on_device, bool usable) {
    const std::size_t limit = config().memory_limit;
    if (bytes > limit || total_ > limit - bytes) return nullptr;
    const std::size_t whole = (canary_bytes + bytes + canary_bytes + alignment - 1) / alignment * alignment;
    auto* raw = static_cast<unsigned char*>(std::aligned_alloc(alignment, whole));
    if (!raw) return nullptr;
    unsigned char* pointer = raw + canary_bytes;
    std::memset(pointer, poison_byte, bytes);
    plant(raw);
    plant(pointer + bytes);
    entries_[pointer] = {bytes, on_device, usable};
    total_ += bytes;
    return pointer;
}

void Allocations::release(unsigned char* pointer) {
    const auto found = entries_.find(pointer);
    total_ -= found->second.bytes;
    give_back(pointer, found->second.bytes);
    entries_.erase(found);
}

const Allocations::Entry* Allocations::starting_at(const void* pointer) const {
    const auto found = entries_.find(static_cast<unsigned char*>(const_cast<void*>(pointer)));
    return found == entries_.end() ? nullptr : &found->second;
}

const Allocations::Entry* Allocations::holding(const void* pointer, std::size_t bytes) const {
    auto* begin = static_cast<unsigned char*>(const_cast<void*>(pointer));
    auto found = entries_.upper_bound(begin);
    if (found == entries_.begin()) return nullptr;
    --found;
    const auto offset = static_cast<std::size_t>(begin - found->first);
    return offset <= found->second.bytes && bytes <= found->second.bytes - offset ? &found->second : nullptr;
}

std::vector<MemoryRange> Allocations::ranges() const {
    std::vector<MemoryRange> ranges;
    for (const auto& [pointer, entry] : entries_) ranges.push_back({pointer, entry.bytes, entry.usable});
    return ranges;
}

void Allocations::check_canaries() const {
    for (const auto& [pointer, entry] : entries_)
        for (unsigned char* at : {pointer - canary_bytes, pointer + entry.bytes}) {
            if (intact(at)) continue;
            plant(at);
            throw Fault({.kind = FaultKind::canary,
                         .words = std::string("bytes ") + (at < pointer ? "before" : "behind") + " an allocation of " +
                                  std::to_string(entry.bytes) + " bytes were written",
                         .first = {},
                         .seed = config().seed});
        }
}

} // namespace dra::simt::machine
