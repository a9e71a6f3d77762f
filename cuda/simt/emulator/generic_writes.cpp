#include "cuda/simt/emulator/generic_writes.hpp"

#include "cuda/simt/emulator/block.hpp"

#include <algorithm>

namespace dra::simt::machine {
namespace {

constexpr std::size_t chunk_bytes = 16;

} // namespace

void GenericWrites::restart() {
    if (any_) std::fill(chunks_.begin(), chunks_.end(), Chunk{});
    any_ = false;
    clock_ = 0;
}

void GenericWrites::write(std::size_t offset, std::size_t bytes, const Lane& writer) {
    any_ = true;
    const std::size_t end = (offset + bytes + chunk_bytes - 1) / chunk_bytes;
    if (chunks_.size() < end) chunks_.resize(end);
    for (std::size_t i = offset / chunk_bytes; i < end; ++i) chunks_[i] = {&writer, clock_, writer.site};
}

void GenericWrites::overwritten(std::size_t offset, std::size_t bytes) {
    const std::size_t end = std::min((offset + bytes + chunk_bytes - 1) / chunk_bytes, chunks_.size());
    for (std::size_t i = offset / chunk_bytes; i < end; ++i) chunks_[i] = {};
}

void GenericWrites::check_async_read(std::size_t offset, std::size_t bytes, const Lane& reader,
                                     const char* instruction) {
    const std::size_t end = std::min((offset + bytes + chunk_bytes - 1) / chunk_bytes, chunks_.size());
    for (std::size_t i = offset / chunk_bytes; i < end; ++i) {
        Chunk& chunk = chunks_[i];
        if (!chunk.writer) continue;
        if (std::max(chunk.writer->last_proxy_fence, reader.last_proxy_fence) <= chunk.when)
            Block::current().fail(FaultKind::missing_fence,
                                  std::string(instruction) +
                                      " reads shared memory that was written without fence_proxy_async() since",
                                  reader.site, chunk.site);
        chunk = {};
    }
}

} // namespace dra::simt::machine
