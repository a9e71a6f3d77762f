#pragma once
/// \file
/// Which threads can run, as bits, and which of them goes on next.

#include "cuda/simt/emulator/config.hpp"

#include <array>
#include <bit>
#include <cstdint>

namespace dra::simt::machine {

constexpr unsigned warp_size = 32, most_warps = 32;

/// A generator of random numbers: xorshift64*, seeded through splitmix64 so that neighbouring seeds have nothing in
/// common.
class Random {
public:
    explicit Random(std::uint64_t seed = 0) {
        seed += 0x9E3779B97F4A7C15;
        seed = (seed ^ seed >> 30) * 0xBF58476D1CE4E5B9;
        seed = (seed ^ seed >> 27) * 0x94D049BB133111EB;
        state_ = (seed ^ seed >> 31) | 1;
    }
    std::uint32_t next() {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return static_cast<std::uint32_t>(state_ * 0x2545F4914F6CDD1D >> 32);
    }
    std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(std::uint64_t(next()) * bound >> 32); }

private:
    std::uint64_t state_;
};

/// A set of threads of a block: one word per warp.
struct ThreadSet {
    std::array<std::uint32_t, most_warps> lanes{};

    void add(unsigned thread) { lanes[thread / warp_size] |= 1u << thread % warp_size; }
    bool has(unsigned thread) const { return lanes[thread / warp_size] >> thread % warp_size & 1; }
};

/// The runnable threads of a block.
class Schedule {
public:
    static constexpr unsigned none = ~0u;

    /// Begins anew. With Order::random the seed also draws how many turns a warp has in a row: single turns find what
    /// fine interleaving breaks, long runs find what breaks when one warp is far ahead.
    void restart(Order order, std::uint64_t seed) {
        order_ = order;
        random_ = Random(seed);
        constexpr std::array<unsigned, 3> runs = {1, 64, 4096};
        run_ = runs[random_.below(runs.size())];
        left_ = 0;
        warps_ = 0;
        runnable_ = {};
    }

    void wake(unsigned warp, std::uint32_t lanes) {
        runnable_.lanes[warp] |= lanes;
        warps_ |= static_cast<std::uint32_t>(lanes != 0) << warp;
    }

    /// Wakes a set, and leaves it empty.
    void wake(ThreadSet& set) {
        for (unsigned warp = 0; warp < most_warps; ++warp) wake(warp, set.lanes[warp]);
        set = {};
    }

    bool empty() const { return warps_ == 0; }

    /// Takes out the thread that goes on, and gives its number; or none.
    unsigned take() {
        if (warps_ == 0) return none;
        unsigned warp, lane;
        switch (order_) {
        case Order::ascending:
            warp = static_cast<unsigned>(std::countr_zero(warps_));
            lane = static_cast<unsigned>(std::countr_zero(runnable_.lanes[warp]));
            break;
        case Order::descending:
            warp = 31 - static_cast<unsigned>(std::countl_zero(warps_));
            lane = 31 - static_cast<unsigned>(std::countl_zero(runnable_.lanes[warp]));
            break;
        default:
            if (left_ == 0 || !(warps_ >> warp_ & 1)) {
                warp_ = draw(warps_);
                left_ = run_;
            }
            --left_;
            warp = warp_;
            lane = draw(runnable_.lanes[warp]);
        }
        runnable_.lanes[warp] &= ~(1u << lane);
        if (runnable_.lanes[warp] == 0) warps_ &= ~(1u << warp);
        return warp * warp_size + lane;
    }

    Order order() const { return order_; }
    Random& random() { return random_; }

private:
    /// One of the bits that are set.
    unsigned draw(std::uint32_t bits) {
        const unsigned turn = random_.next() % 32;
        return (static_cast<unsigned>(std::countr_zero(std::rotr(bits, static_cast<int>(turn)))) + turn) % 32;
    }

    Order order_ = Order::random;
    Random random_;
    unsigned run_ = 1, left_ = 0, warp_ = 0;
    std::uint32_t warps_ = 0; // the warps with runnable lanes
    ThreadSet runnable_;
};

} // namespace dra::simt::machine
