#pragma once
/// \file
/// Attention of a whole problem by ranks that are threads: its tensors are cut into shards, every rank does its part, and
/// what they found is put together again.

#include "distributed/attention.hpp"
#include "distributed/backends/threads.hpp"

namespace dra::distributed {

/// What a rank did.
struct RankFigures {
    Cost attention, gradient;                 ///< as predicted, and counted
    Index memory_beyond_shards = 0;           ///< bytes
    double seconds = 0, gradient_seconds = 0; ///< of the last run: of the model, where time is that
};

/// The result of all ranks.
template <class T> struct AllRanks {
    Attention<T> attention;
    std::optional<Gradients<T>> gradients;
    std::vector<RankFigures> figures; ///< by rank
};

/// Attention of a problem by problem.ranks threads, and its gradient where there is a dout; `runs` times, of which the
/// last one counts. Throws what a rank throws. float and double.
template <class T> AllRanks<T> attention_by_threads(const Problem& problem, Strategy strategy,
                                                    const InputsView<T>& inputs,
                                                    std::optional<TensorView<const T>> dout = {}, const Link& link = {},
                                                    Clock::duration timeout = std::chrono::seconds(30), Index runs = 1);

} // namespace dra::distributed
