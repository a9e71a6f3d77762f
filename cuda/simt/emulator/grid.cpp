#include "cuda/simt/emulator/grid.hpp"

#include "cuda/simt/emulator/block.hpp"
#include "cuda/simt/emulator/counters.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>

namespace dra::simt::machine {
namespace {

/// Blocks, with their stacks, that wait for the next launch.
class Pool {
public:
    std::unique_ptr<Block> take() {
        const std::lock_guard lock(mutex_);
        if (idle_.empty()) return std::make_unique<Block>();
        std::unique_ptr<Block> block = std::move(idle_.back());
        idle_.pop_back();
        return block;
    }
    void give_back(std::unique_ptr<Block> block) {
        const std::lock_guard lock(mutex_);
        idle_.push_back(std::move(block));
    }

private:
    std::mutex mutex_;
    std::vector<std::unique_ptr<Block>> idle_;
};

Pool& pool() {
    static Pool shared;
    return shared;
}

} // namespace

void run_grid(const Grid& grid, std::span<const MemoryRange> memory) {
    const Config config = simt::config();
    const std::size_t blocks = std::size_t(grid.size.x) * grid.size.y * grid.size.z;
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::size_t failed = blocks;
    std::exception_ptr error;
    Counters sum;

    const auto work = [&] {
        std::unique_ptr<Block> block = pool().take();
        block->prepare(grid, config, memory);
        for (std::size_t number; (number = next++) < blocks;) {
            try {
                block->run(number);
            } catch (...) {
                const std::lock_guard lock(mutex);
                if (number < failed) {
                    failed = number;
                    error = std::current_exception();
                }
                next = blocks;
            }
        }
        const std::lock_guard lock(mutex);
        sum += block->finish();
        pool().give_back(std::move(block));
    };

    const std::size_t wanted = config.workers > 0 ? static_cast<std::size_t>(config.workers)
                                                  : std::max(1u, std::thread::hardware_concurrency());
    std::vector<std::thread> others;
    for (std::size_t i = 1; i < std::min(wanted, blocks); ++i) others.emplace_back(work);
    work();
    for (std::thread& other : others) other.join();

    ++sum.launches;
    counters() += sum;
    if (error) std::rethrow_exception(error);
}

} // namespace dra::simt::machine
