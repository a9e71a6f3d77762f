#pragma once
/// \file
/// Random problems: sizes and choices drawn from a seed, tensors of normals, poisoned memory for results, and the
/// verdict.

#include "reference/definition/oracle.hpp"
#include "reference/definition/pattern.hpp"
#include "reference/definition/random.hpp"
#include "reference/definition/tolerance.hpp"

#include <cmath>
#include <limits>
#include <ostream>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace dra::test {

inline constexpr Layout layouts[] = {Layout::contiguous, Layout::zigzag, Layout::segment_zigzag};

/// What is asked, and the seed of its tensors.
struct Question {
    Shape q; ///< B, N, H, D
    Index kv_heads = 1;
    Configuration configuration = {};
    std::uint64_t seed = 0;
    double deviation = 1; ///< of every element of q and k

    Shape kv() const { return {q.batch, q.tokens, kv_heads, q.head_dim}; }
};

inline std::ostream& operator<<(std::ostream& stream, const Question& asked) {
    const auto& [batch, tokens, heads, head_dim] = asked.q;
    const Configuration& chosen = asked.configuration;
    stream << "B " << batch << " N " << tokens << " H " << heads << " Hkv " << asked.kv_heads << " D " << head_dim;
    for (std::size_t i = 0; i < chosen.segment_lengths.size(); ++i)
        stream << " (" << chosen.segment_lengths[i] << ", " << chosen.dilation_rates[i] << ")";
    stream << " " << name(chosen.mode) << " phase " << (chosen.phase ? name(*chosen.phase) : "default");
    if (chosen.softmax_scale) stream << " scale " << *chosen.softmax_scale;
    return stream << (chosen.causal ? " causal" : "") << " R " << chosen.ranks << " " << name(chosen.layout) << " seed "
                  << asked.seed << " deviation " << asked.deviation;
}

/// How large random problems get.
struct Limits {
    Index tokens = 24, head_dim = 12; // at least 1, 2
};

/// A valid question; draw(low, high) gives a number between the two, both included. Scores stay below about 100.
template <class Draw> Question draw_question(Draw draw, Limits limits = {}) {
    const auto flip = [&] { return draw(0, 1) == 1; };
    Question asked;
    asked.kv_heads = draw(1, 3);
    asked.q = {draw(1, 2), draw(1, limits.tokens), asked.kv_heads * draw(1, 2), draw(2, limits.head_dim)};
    Configuration& chosen = asked.configuration;
    for (Index patterns = draw(1, 3); patterns > 0; --patterns) {
        const Index w = draw(1, asked.q.tokens + 2);
        chosen.segment_lengths.push_back(w);
        chosen.dilation_rates.push_back(draw(1, flip() ? w : std::min<Index>(w, 3)));
    }
    chosen.mode = flip() ? Mode::mixture : Mode::groups;
    if (const Index rule = draw(0, 3); rule > 0) chosen.phase = static_cast<PhaseRule>(rule - 1);
    chosen.causal = flip();
    if (flip())
        chosen.softmax_scale = static_cast<double>(draw(-8, 8)) / 4 / std::sqrt(static_cast<double>(asked.q.head_dim));
    chosen.ranks = draw(1, 2 * asked.q.tokens + 1);
    chosen.layout = layouts[draw(0, 2)];
    asked.deviation = flip() ? 1 : 3;
    asked.seed = static_cast<std::uint64_t>(draw(0, 1'000'000));
    return asked;
}

/// Draws for draw_question() that depend on a seed alone.
class SeededDraw {
public:
    explicit SeededDraw(std::uint64_t seed) : seed_(seed) {}
    Index operator()(Index low, Index high) {
        return low + philox({drawn_++, 0, 0, 1}, philox_key(seed_))[0] % (high - low + 1);
    }

private:
    std::uint64_t seed_;
    std::uint32_t drawn_ = 0;
};

/// A problem and its tensors. Channel 0 of v is 1, where D > 1: there out is the sum of the weights, and a tensor of
/// one or two rows never cancels to something so small that rounding looks large against it.
template <class T> struct RandomInputs : Inputs<T> {
    Problem problem;

    explicit RandomInputs(const Question& asked)
        : Inputs<T>{random_normal<T>(asked.q, 3 * asked.seed, asked.deviation),
                    random_normal<T>(asked.kv(), 3 * asked.seed + 1, asked.deviation),
                    random_normal<T>(asked.kv(), 3 * asked.seed + 2)},
          problem(validate(asked.configuration, info<T>(*this))) {
        if (problem.head_dim == 1) return;
        for (Index i = 0; i < this->v.size(); i += problem.head_dim) this->v.flat()[i] = 1;
    }

    /// The same problem for a ring of other ranks.
    Problem on_ring(Index ranks, Layout layout) const {
        Problem changed = problem;
        changed.ranks = ranks;
        changed.layout = layout;
        return changed;
    }
    Oracle truth() const { return oracle<T>(problem, *this); }
};

/// A result that nobody has written yet.
template <class T> Attention<T> poisoned(const Problem& problem) {
    Attention<T> result{{problem.q_shape(), std::numeric_limits<T>::quiet_NaN()},
                        {problem.batch, problem.heads, problem.tokens}};
    result.lse.flat().setConstant(std::numeric_limits<T>::quiet_NaN());
    return result;
}

/// While it lives, memory comes from malloc filled with bytes fe (-1.7e38 in float): poison for results that a function
/// allocates itself. Does nothing where the C library or a sanitizer does not offer it.
class PoisonedHeap {
public:
    PoisonedHeap() { fill(0x01); }
    ~PoisonedHeap() { fill(0); }
    PoisonedHeap(const PoisonedHeap&) = delete;
    PoisonedHeap& operator=(const PoisonedHeap&) = delete;

private:
    static void fill([[maybe_unused]] int complement_of_byte) {
#ifdef __GLIBC__
        mallopt(M_PERTURB, complement_of_byte);
#endif
    }
};

/// Bit for bit the same, for results without NaN.
template <class T> bool same(const Attention<T>& x, const Attention<T>& y) {
    return x.out.shape() == y.out.shape() && x.lse.shape() == y.lse.shape() && (x.out.flat() == y.out.flat()).all() &&
           (x.lse.flat() == y.lse.flat()).all();
}

} // namespace dra::test
