#pragma once
/// \file
/// What is asked: a configuration as the user wrote it, and the problem that validate() makes of it.
///
/// validate() is the one place that rejects. Code that receives a Problem does not check again.

#include "reference/definition/dtype.hpp"
#include "reference/definition/error.hpp"
#include "reference/definition/operands.hpp"
#include "reference/definition/phase_rule.hpp"

#include <optional>
#include <string>
#include <vector>

namespace dra {

/// The choice of patterns for a head.
enum class Mode {
    groups,  ///< the heads are split among the patterns (the fix report's class)
    mixture, ///< every head uses every pattern, mixed by the softmax denominators (LongNet, arXiv:2307.02486, eq. 10)
};

/// How a ring shards the sequence among its ranks; see ring/shard.hpp.
enum class Layout { contiguous, zigzag, segment_zigzag };

/// The names that flags, files and messages use ("head-block", "F32").
std::string name(Mode);
std::string name(PhaseRule);
std::string name(Layout);
std::string name(DType);

/// The value with this name. Throws an Error, PatternError or FormatError, naming `field` and the allowed values.
template <class Enum, class Error = PatternError> Enum parse(const std::string& field, const std::string& value);

/// The choices of the user.
struct Configuration {
    std::vector<Index> segment_lengths;       ///< w of each pattern, in tokens
    std::vector<Index> dilation_rates;        ///< r of each pattern, 1 <= r <= w
    Mode mode = Mode::groups;                 ///< the choice of patterns for a head
    std::optional<PhaseRule> phase = {};      ///< default: group in groups mode, head in mixture mode
    bool causal = false;                      ///< a query sees no key of a later position
    std::optional<double> softmax_scale = {}; ///< default: 1 / sqrt(D); 0 makes every score 0
    Index ranks = 1;                          ///< R, the ranks of a ring
    Layout layout = Layout::contiguous;       ///< how a ring shards the sequence
    bool stop_gradient_mixing = false;        ///< gradients take the mixing weights of a mixture for constants
    double dropout = 0;                       ///< probability p that a pair is dropped, 0 <= p < 1
    std::uint64_t dropout_seed = 0;           ///< the key of dropout's random numbers
};

/// The claims of a tensor, before anything is known to be right.
struct TensorInfo {
    DType dtype = DType::f32; ///< the type of its elements
    std::vector<Index> shape; ///< [B, N, H, D]
};

/// The tensors of a problem as they were found; a missing one is empty.
struct InputInfo {
    std::optional<TensorInfo> q, k, v, dout;
};

/// The description of tensors in memory; dout is missing.
template <class T> TensorInfo info(TensorView<const T> tensor);
template <class T> InputInfo info(const InputsView<T>& inputs);

/// The most ranks that a ring may have. R may exceed N: ranks that own no token cost nothing.
inline constexpr Index most_ranks = 65'536;

/// A valid problem: every rule of validate() holds, every default is filled in.
struct Problem {
    Index batch;                        ///< B
    Index tokens;                       ///< N
    Index heads;                        ///< H, query heads
    Index kv_heads;                     ///< Hkv, divides H
    Index head_dim;                     ///< D
    std::vector<Index> segment_lengths; ///< w of each pattern, in tokens
    std::vector<Index> dilation_rates;  ///< r of each pattern
    Mode mode;                          ///< the choice of patterns for a head
    PhaseRule phase;                    ///< the rule by which o follows from the head
    bool causal;                        ///< a query sees no key of a later position
    double softmax_scale;               ///< the factor of q k^T
    Index ranks;                        ///< R, the ranks of a ring
    Layout layout;                      ///< how a ring shards the sequence
    bool stop_gradient_mixing;          ///< as torchscale does; exact gradients differentiate the mixing weights
    double dropout;                     ///< p, the probability that a pair is dropped
    std::uint64_t dropout_seed;         ///< the key of dropout's random numbers

    Shape q_shape() const { return {batch, tokens, heads, head_dim}; }     ///< the shape of q and out
    Shape kv_shape() const { return {batch, tokens, kv_heads, head_dim}; } ///< the shape of k and v
    Index patterns() const { return static_cast<Index>(segment_lengths.size()); }
    Index query_heads_per_kv_head() const { return heads / kv_heads; } ///< the size of a query group
};

/// Checks every rule of the definition and fills in the defaults.
///
/// Throws ShapeError: a missing tensor, rank other than 4, sizes below 1, element count or bytes beyond 2^63 - 1, q, k,
/// v, dout that disagree in B, N, D or type, dout not shaped like q, H not a multiple of Hkv. Throws PatternError: no
/// pattern, lists of different length, w < 1, r < 1, r > w, R < 1, R > 65,536, dropout outside [0, 1), and a scale that
/// the type that computes, float unless q is F64, does not hold to its full precision: it is 0, or its magnitude is
/// that of a normal number.
Problem validate(const Configuration& configuration, const InputInfo& inputs);

/// Throws ShapeError naming the tensor and the first element that is not finite.
template <class T> void check_finite(const std::string& name, TensorView<const T> tensor);

} // namespace dra
