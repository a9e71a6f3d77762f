#pragma once
/// \file
/// Attention of a problem whose tensors are sharded among ranks, and its gradient, as one rank sees it.

#include "distributed/agreement.hpp"
#include "distributed/host_engine.hpp"
#include "distributed/run.hpp"
#include "reference/ring/cost.hpp"

namespace dra::distributed {

/// One rank's part: made once, run many times. A run allocates nothing but what its workspace grows by in the first one,
/// and makes no transfer.
///
/// All ranks of the communicator make theirs together, and run it together. Before the first byte they agree on the
/// problem, the strategy and what each sends the other; after every run what was counted is what the strategy costs
/// (ring/cost.hpp). The result is the same bit for bit whenever it is run again: partials and gradients are merged by
/// the rank that owns their rows, in a fixed order. float and double.
template <class T> class DistributedAttention {
public:
    /// `shard` holds the tokens that owned() gives this rank, [B, local tokens, heads, D], contiguous, and `dout` those
    /// of the gradient of a loss with respect to out, without which run_gradient() must not be called. They, the
    /// communicator and the problem must outlive this; problem.ranks is the communicator's size.
    ///
    /// Throws CommError where the ranks do not agree, ShapeError where the shard is not this rank's.
    DistributedAttention(Communicator& communicator, const Problem& problem, Strategy strategy,
                         const InputsView<T>& shard, std::optional<TensorView<const T>> dout = {});

    /// Attention. Throws CommError, or std::logic_error where what was counted is not what was predicted.
    void run();

    /// The gradient of what the last run() computed; throws likewise.
    void run_gradient();

    /// The rank's own out, [B, local tokens, H, D], its lse, [B, local tokens, H, 1], and its dq, dk and dv.
    TensorView<const T> own(Operand operand) const { return engine_.own(operand); }

    /// What each pass costs this rank, by the closed form, and the bytes of memory beyond its shards.
    const Cost& cost(PassName pass) const { return costs_[static_cast<std::size_t>(pass)]; }
    Index memory_beyond_shards() const { return engine_.memory_beyond_shards(); }

private:
    void agree_with_all();
    template <class Work> void play_pass(PassName name, Index flops_per_pair_and_channel, Work work);
    void check_count(PassName pass) const;

    Communicator& communicator_;
    const Problem& problem_;
    Strategy strategy_;
    Itinerary itinerary_;
    HostEngine<T> engine_;
    std::array<Cost, 2> costs_;
    std::array<std::vector<std::unique_ptr<Transfer>>, 2> transfers_; ///< by pass
};

} // namespace dra::distributed
