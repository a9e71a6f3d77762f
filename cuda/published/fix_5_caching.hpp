#pragma once
/// \file
/// Fix 5 on a device: what is kept between calls. It teaches that cudaMalloc, cudaFree and a copy from the host make
/// the host and the device wait for each other, that a cache of masks buys this back with n^2 bytes, and that a plan
/// needs neither.
///
/// | rung       | masks                            | index lists                          | head groups | allocations per pair |
/// |------------|----------------------------------|--------------------------------------|-------------|----------------------|
/// | before     | memory asked for, filled, freed  | made on the host, memory, copy, free | rebuilt     | 3                    |
/// | after      | kept on the device, n^2 bytes    | the same                             | kept        | 2                    |
/// | principled | filled again in the plan's bytes | made once by the plan                | closed form | 0                    |
///
/// A pair is a chunk and a pattern. How a mask is filled is fix 1's choice, here as on the CPU; with fixes 1 and 2
/// principled nobody asks for a mask or a list. The published cache is first-in-first-out: above 100 masks the 50
/// oldest go.

#include "cuda/published/fix_1_causal_mask.hpp"
#include "cuda/published/fix_2_discarded_attention.hpp"
#include "reference/published/fix_5_caching.hpp"

#include <memory>

namespace dra::cuda::DRA_TARGET::rungs {

/// What a runnable owns between its calls: fix 5's seam.
class Keeper {
public:
    virtual ~Keeper() = default;
    /// The mask of a chunk; valid until release().
    virtual const unsigned char* mask(IntInterval chunk) = 0;
    /// The index list of a pattern's rows of an interval; valid until release().
    virtual IndexList rows(const Parameters& pattern, IntInterval tokens) = 0;
    /// The KV heads that use a pattern.
    virtual Interval heads(Index pattern) = 0;
    /// Releases what is not kept beyond one chunk and pattern.
    virtual void release() {}
    /// The bytes of masks that outlive the call.
    virtual Index mask_bytes_kept() const { return 0; }
};

namespace fix_5 {

/// The three keepers; `fill` makes the masks that fix 1's rung asks for. The stream outlives them.
std::unique_ptr<Keeper> before(const Problem& problem, CountedStream& stream, fix_1::FillMask fill);
std::unique_ptr<Keeper> after(const Problem& problem, CountedStream& stream, fix_1::FillMask fill);
std::unique_ptr<Keeper> principled(const Problem& problem, CountedStream& stream, fix_1::FillMask fill);

} // namespace fix_5
} // namespace dra::cuda::DRA_TARGET::rungs
