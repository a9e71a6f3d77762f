#pragma once
/// \file
/// A defect as data: what it is called, what it looks like, and the wrong ingredient.

#include "reference/defects/observe.hpp"
#include "reference/definition/oracle.hpp"

#include <string>
#include <vector>

namespace dra::defects {

/// What a defect shows in, and so what it is judged by.
enum class Kind {
    value,     ///< out and lse
    gradient,  ///< dq, dk, dv; out and lse are right
    decoding,  ///< out and lse of a run that appends token after token to a cache; only a causal problem has one
    precision, ///< the size of the error in bf16
    crash,     ///< how it ends: an error, or NaN
    cost,      ///< what is counted; every result is right
};
std::string name(Kind kind);

/// How the tensors of a witness are drawn.
enum class Draw {
    normal,     ///< q, k, v, dout are standard normal numbers
    zero_query, ///< q is 0: every score is 0, every weight the same
    steep,      ///< q and k are 12 times as large: some scores pass 100
};

/// The smallest problem on which a defect's first form shows, in out unless its kind is another. Batch and D are 1.
struct Witness {
    Shape q; ///< B, N, H, D
    Index kv_heads;
    Configuration configuration;
    Draw draw = Draw::normal;
};

/// The tensors of a witness, each drawn from the same seed every time, and its problem.
struct Sample {
    Tensor<double> q, k, v, dout; ///< exact in float, and in bf16 when `bf16` was asked for
    Problem problem;

    Inputs inputs(bool with_dout) const;
};
Sample sample(const Witness& witness, bool bf16 = false);

/// A condition, with what is the case where it does not hold: "there is one chunk".
struct Condition {
    std::string otherwise;
    std::function<bool(const Problem&)> holds;
};

/// A known way to get dilated ring attention wrong.
struct Defect {
    std::string id; ///< "mask-sign"
    Kind kind;
    std::string title;
    std::string symptom; ///< what it looks like
    std::string cause;
    std::string repair;
    std::string provenance; ///< where it was seen, and what was measured there
    Witness witness;

    /// What must hold for it to show, whatever the tensors are. Necessary, not sufficient: visible() runs it.
    std::vector<Condition> conditions;

    /// The right ingredients with one exchanged. Mostly one form; several where the same mistake is made in several
    /// ways, the most common first. Some depend on the problem: a lost chunk may be any.
    std::function<std::vector<Ingredients>(const Problem&)> forms;

    /// Whether it has forms for every chunk, none of which moves a row: what each makes of one rank's rows can be seen
    /// by itself.
    bool by_chunk = false;

    /// Why it cannot show on a problem: what the first condition that does not hold says. Empty where all hold.
    std::string hidden(const Problem& problem) const;

    Ingredients first(const Problem& problem) const { return forms(problem).front(); }
};

/// Which results an observation is judged by, where its kind leaves a choice.
enum class By { out, out_and_lse };

/// The largest error of an observation by the observable of `kind`, as a share of its bound: beyond the bound when
/// above 1, and infinite where it ended in an error or a NaN.
///
/// value, decoding: out, and lse where there is one, as float. gradient: dq, dk, dv as float; the oracle needs dout.
/// precision: out as bf16 (half_precision.hpp); q, k, v are exact in bf16. crash: as value. cost: the pairs computed,
/// against those of the right ingredients.
double excess(Kind kind, const Observation& observation, const Problem& problem, const Inputs& inputs,
              const Oracle& truth, By by = By::out_and_lse);

/// Whether some form of the defect shows on this problem and these tensors; a gradient's never without a dout. Costs
/// one run per form, unless hidden() knows.
bool visible(const Defect& defect, const Problem& problem, const Inputs& inputs, const Oracle& truth,
             By by = By::out_and_lse);

} // namespace dra::defects
