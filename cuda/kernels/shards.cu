/// \file
/// fixed_reference in a step of a ring: queries of some tokens over keys of others.
///
/// The consumers are those of one view, to the register: queries and keys of a segment are numbered alike
/// (shard_view.hpp), so that what a row sees is told by its number as ever. What differs lies with those who have
/// registers to spare: the dispatcher finds the numbers, and the producer has two places in the tensor maps instead of
/// one. Where a tile ends is read from shared memory when it is stored.
///
/// A tile's first number need not be a multiple of 64, and so a warpgroup's first row may see exactly the keys before a
/// block. Then no row is hidden in the block before that one, which is the first that the row sees: it counts as at the
/// edge all the same, or m would not be moved there.

#include "cuda/kernels/fixed_reference.hpp"
#include "cuda/kernels/kernels.hpp"
#include "cuda/kernels/persistent.hpp"

namespace dra::cuda::DRA_TARGET {

cudaError_t run_fixed_reference_of_shards(const Launch& launched) {
    return launch_persistent<BalancedShards, FixedReference<VectorStores<InFloat>>, DynamicTickets>(launched);
}

} // namespace dra::cuda::DRA_TARGET
