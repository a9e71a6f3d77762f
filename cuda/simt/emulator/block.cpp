#include "cuda/simt/emulator/block.hpp"

#include "cuda/simt/emulator/thread.hpp"

#include <algorithm>

namespace dra::simt {

constinit thread_local uint3 threadIdx{};
constinit thread_local uint3 blockIdx{};
constinit thread_local dim3 blockDim{};
constinit thread_local dim3 gridDim{};

namespace machine {
namespace {

constinit thread_local Block* running = nullptr;

constexpr unsigned registers_of_a_multiprocessor = 65536;

} // namespace

Block& Block::current() { return *running; }

void Block::prepare(const Grid& grid, const Config& config, std::span<const MemoryRange> memory) {
    config_ = config;
    grid_ = &grid;
    memory_ = memory;
    window_begin_ = window_bytes_ = 0;
    blockDim = grid.block;
    gridDim = grid.size;
    threads_ = grid.block.x * grid.block.y * grid.block.z;
    counters = {};
    running = this;
    main_.emplace();

    if (stack_bytes_ != config.stack_bytes) lanes_.clear();
    stack_bytes_ = config.stack_bytes;
    while (lanes_.size() < threads_)
        lanes_.emplace_back(static_cast<unsigned>(lanes_.size()), stack_bytes_ * sanitizers::stack_factor, enter);
    for (unsigned i = 0; i < threads_; ++i)
        lanes_[i].index = {i % grid.block.x, i / grid.block.x % grid.block.y, i / grid.block.x / grid.block.y};
    warps.resize((threads_ + warp_size - 1) / warp_size);
    warpgroups.resize(threads_ / warpgroup_size);
}

void Block::restart(std::size_t number) {
    const dim3 size = grid_->size;
    blockIdx = {static_cast<unsigned>(number % size.x), static_cast<unsigned>(number / size.x % size.y),
                static_cast<unsigned>(number / size.x / size.y)};
    schedule.restart(config_.order, config_.seed * 0x100000001B3 + number);
    shared.restart(grid_->shared_bytes, config_.poison);
    mbarriers.restart();
    tma.restart();
    generic_writes.restart();
    for (Warpgroup& warpgroup : warpgroups) warpgroup.restart();
    barriers = {};
    waiting_for_registers = {};
    // What the compiler gives a kernel whose launch bounds are one block of this size.
    const unsigned registers = std::min(255u, registers_of_a_multiprocessor / threads_) / 8 * 8;
    free_registers = registers_of_a_multiprocessor - registers * threads_;
    for (Warp& warp : warps) warp.restart(registers);

    alive_ = threads_;
    unwinding_ = false;
    error_ = nullptr;
    for (unsigned i = 0; i < threads_; ++i) {
        Lane& lane = lanes_[i];
        lane.started = lane.finished = false;
        lane.waits_for = nullptr;
        lane.site = {};
        lane.copies.clear();
        lane.stores.clear();
        lane.last_proxy_fence = 0;
        schedule.wake(i / warp_size, 1u << i % warp_size);
    }
    // Lanes that a ragged last warp does not have count as gone.
    if (threads_ % warp_size) warps.back().exited = ~0u << threads_ % warp_size;
}

void Block::run(std::size_t number) {
    restart(number);
    sanitizers::release(start_edge_);
    main_->switch_to(next());
    if (!error_ && alive_ > 0) error_ = std::make_exception_ptr(deadlock());
    if (error_) unwind();
    for (Warp& warp : warps) warp.log.flush(counters);
    if (!error_ && !shared.canary_intact())
        error_ = std::make_exception_ptr(Fault({.kind = FaultKind::canary,
                                                .words = "bytes behind the block's shared memory were written",
                                                .first = {},
                                                .block = blockIdx,
                                                .seed = config_.seed}));
    ++counters.blocks;
    if (error_) std::rethrow_exception(error_);
}

/// Not before the last block does the OS thread learn what the threads did, or it would hand it to the next block's:
/// blocks are not ordered, though one OS thread runs them one after the other.
const Counters& Block::finish() {
    sanitizers::acquire(done_edge_);
    return counters;
}

/// The flow of every CUDA thread.
void Block::enter() {
    Block& block = current();
    Lane& lane = *block.lane_;
    lane.started = true;
    sanitizers::acquire(block.start_edge_);
    try {
        block.grid_->thread();
        block.leave(lane);
    } catch (const Unwinding&) {
    } catch (...) {
        if (!block.error_) block.error_ = std::current_exception();
    }
    sanitizers::release(block.done_edge_);
    lane.finished = true;
    --block.alive_;
    const bool stop = block.error_ || block.alive_ == 0;
    lane.fiber.switch_to(stop ? *block.main_ : block.next()); // and back here when the next block begins
}

/// What a thread must not leave behind.
void Block::leave(Lane& lane) {
    const sanitizers::Quiet quiet;
    Warp& mine = warp();
    const std::uint32_t me = 1u << lane.number % warp_size;
    mine.exited |= me;
    for (unsigned i = 0; i < mine.open_meetings; ++i)
        if (const Meeting& meeting = mine.meetings[i]; meeting.mask & me)
            fail(FaultKind::warp_divergence,
                 std::string("a thread exits while lanes of its warp wait for it in ") + meeting.instruction, lane.site,
                 meeting.site);
    if (barriers[0].arrived > 0)
        fail(FaultKind::barrier_divergence, "a thread exits while others wait for it in __syncthreads", lane.site,
             barriers[0].first);
    if (lane.copies.has_open())
        fail(FaultKind::unfinished_copy, "a thread exits with cp.async that it never committed",
             lane.copies.last().site);
    if (!lane.stores.empty())
        fail(FaultKind::unfinished_copy, "a thread exits with TMA stores that it did not wait for",
             lane.stores.last().site);
    if (lane.number / warpgroup_size >= warpgroups.size()) return;
    const Warpgroup& group = warpgroup();
    if (group.arrived > 0)
        fail(FaultKind::warp_divergence,
             std::string("a thread exits while its warpgroup waits for it in ") + group.instruction, lane.site,
             group.site);
    if (!group.pending.empty())
        fail(FaultKind::unfinished_copy, "a thread exits with wgmma that it did not wait for",
             group.pending.back().site);
}

const Lane* Block::first_exited() const {
    if (alive_ == threads_) return nullptr;
    return &*std::find_if(lanes_.begin(), lanes_.end(), [](const Lane& lane) { return lane.finished; });
}

/// Who goes on: lets boxes of TMA land on the way, now and then, and when nothing else can move.
Fiber& Block::next() {
    constexpr std::uint32_t deliveries = 64;
    while (!tma.idle()) {
        const bool now_and_then = schedule.order() == Order::random && schedule.random().below(deliveries) == 0;
        if (!schedule.empty() && !now_and_then) break;
        tma.deliver(schedule.order() == Order::ascending ? 0
                    : schedule.order() == Order::descending
                        ? tma.count() - 1
                        : schedule.random().below(static_cast<std::uint32_t>(tma.count())));
    }
    const unsigned thread = schedule.take();
    if (thread == Schedule::none) return *main_;
    lane_ = &lanes_[thread];
    threadIdx = lane_->index;
    ++counters.switches;
    return lane_->fiber;
}

void Block::suspend(const char* instruction, Site site) {
    Lane& me = *lane_;
    me.waits_for = instruction;
    me.site = site;
    Fiber& other = next();
    if (&other != &me.fiber) me.fiber.switch_to(other);
    if (unwinding_) throw Unwinding{};
    me.waits_for = nullptr;
}

/// Ends every fiber that has begun, so that what its frames own is given back.
void Block::unwind() {
    unwinding_ = true;
    for (unsigned i = 0; i < threads_; ++i) {
        Lane& lane = lanes_[i];
        if (!lane.started || lane.finished) continue;
        lane_ = &lane;
        main_->switch_to(lane.fiber);
    }
    sanitizers::acquire(done_edge_);
}

void Block::fail(FaultKind kind, std::string words, Site first, Site second) const {
    throw Fault({.kind = kind,
                 .words = std::move(words),
                 .first = first,
                 .second = second,
                 .block = blockIdx,
                 .thread = lane_->index,
                 .seed = config_.seed});
}

void Block::find_window(const void* address, std::size_t bytes, Site site) {
    const auto* begin = static_cast<const unsigned char*>(address);
    auto found = std::upper_bound(memory_.begin(), memory_.end(), begin,
                                  [](const unsigned char* at, const MemoryRange& range) { return at < range.begin; });
    const MemoryRange none{nullptr, 0, true}, &range = found == memory_.begin() ? none : *--found;
    const std::uintptr_t offset =
        reinterpret_cast<std::uintptr_t>(begin) - reinterpret_cast<std::uintptr_t>(range.begin);
    if (offset > range.bytes || bytes > range.bytes - offset)
        fail(FaultKind::out_of_bounds,
             std::to_string(bytes) + " bytes of global memory, " +
                 (range.begin ? std::to_string(offset) + " bytes into an allocation of " + std::to_string(range.bytes)
                              : std::string("below every allocation")),
             site);
    if (!range.usable)
        fail(FaultKind::use_before_wait, "memory that cudaMallocAsync promised, before its stream came to it", site);
    window_begin_ = reinterpret_cast<std::uintptr_t>(range.begin);
    window_bytes_ = range.bytes;
}

void Block::check_shared(const void* address, std::size_t bytes, std::size_t alignment, const char* instruction,
                         Site site) const {
    const std::size_t offset = shared.offset(address);
    if (!shared.contains(address, bytes))
        fail(FaultKind::out_of_bounds,
             std::string(instruction) + ": " + std::to_string(bytes) + " bytes at " +
                 std::to_string(static_cast<std::ptrdiff_t>(offset)) + " of the block's " +
                 std::to_string(shared.bytes()) + " bytes of shared memory",
             site);
    if (offset % alignment != 0)
        fail(FaultKind::misaligned,
             std::string(instruction) + ": byte " + std::to_string(offset) +
                 " of shared memory, which is no multiple of " + std::to_string(alignment),
             site);
}

} // namespace machine
} // namespace dra::simt
