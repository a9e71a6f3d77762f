#include "benchmarks/comparison/verdict.hpp"

namespace dra::benchmarks {

std::string name(Verdict verdict) {
    switch (verdict) {
    case Verdict::confirmed: return "confirmed";
    case Verdict::exceeded: return "exceeded";
    case Verdict::refuted: return "refuted";
    case Verdict::undecided: break;
    }
    return "undecided";
}

Verdict judge_speed(const Spread& ratio, const Range& claim) {
    if (ratio.low > claim.high) return Verdict::exceeded;
    if (ratio.high < claim.low) return Verdict::refuted;
    return claim.low <= ratio.low && ratio.high <= claim.high ? Verdict::confirmed : Verdict::undecided;
}

Verdict judge_exponent(double exponent, const Range& claim) {
    return claim.low <= exponent && exponent <= claim.high ? Verdict::confirmed : Verdict::refuted;
}

} // namespace dra::benchmarks
