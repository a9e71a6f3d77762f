#include "cuda/device/device_problem.hpp"
#include "cuda/device/range.hpp"
#include "reference/definition/pattern.hpp"

#include <algorithm>
#include <string>

namespace dra::cuda {
namespace {

constexpr Index largest_size = 1'000'000'000; // kernels count in int, and add two sizes

void check_size(const char* field, Index size) {
    if (size > largest_size)
        throw ShapeError(field, std::to_string(size),
                         "must be at most " + std::to_string(largest_size) + " on a device");
}

Parameters parameters_of(const Problem& problem, Index pattern, const Interval& heads) {
    const auto i = static_cast<std::size_t>(pattern);
    const Index r = problem.dilation_rates[i];
    const Index enough = std::max(problem.tokens, problem.kv_heads) + 1; // no phase by head is larger
    const auto shortened = [&](Index length) { return static_cast<int>(std::min(length, enough)); };

    Parameters p{};
    p.batch = static_cast<int>(problem.batch);
    p.tokens = static_cast<int>(problem.tokens);
    p.heads = static_cast<int>(problem.heads);
    p.kv_heads = static_cast<int>(problem.kv_heads);
    p.head_dim = static_cast<int>(problem.head_dim);
    p.segment_length = shortened(problem.segment_lengths[i]);
    p.dilation_rate = shortened(r);
    p.phase_rule = problem.phase;
    p.phase = problem.phase == PhaseRule::group ? static_cast<int>(std::min(pattern % r, problem.tokens)) : 0;
    p.phase_block = static_cast<int>(ceil_div(problem.kv_heads, r));
    p.first_kv_head = static_cast<int>(heads.begin);
    p.kv_head_count = static_cast<int>(heads.size());
    p.softmax_scale = static_cast<float>(problem.softmax_scale);
    p.causal = problem.causal;
    return p;
}

/// Whether some head's first selected position lies in the sequence. Phases by block only grow, those by head begin
/// again.
bool selects_any(const Problem& problem, Index pattern, const Interval& heads) {
    for (Index g = heads.begin; g < heads.end; ++g)
        if (pattern_of(problem, pattern, g).phase < problem.tokens) return true;
    return false;
}

} // namespace

DeviceProblem device_problem(const Problem& problem) {
    if (problem.dropout != 0)
        throw PatternError("dropout", std::to_string(problem.dropout), "must be 0: the kernels have none");
    check_scale(problem);
    check_size("B", problem.batch);
    check_size("N", problem.tokens);
    check_size("H", problem.heads);
    check_size("D", problem.head_dim);
    check_size("B*H", problem.batch * problem.heads);

    DeviceProblem result{{}, problem.mode == Mode::mixture && problem.patterns() > 1};
    for (Index i = 0; i < problem.patterns(); ++i) {
        const Interval heads = heads_of(problem, i);
        if (heads.size() == 0) continue;
        const Parameters parameters = parameters_of(problem, i, heads);
        result.patterns.push_back({parameters, selects_any(problem, i, heads), parameters.dilation_rate > 1, i});
    }
    if (result.mixed)
        std::ranges::stable_sort(result.patterns, {},
                                 [](const DevicePattern& p) { return p.parameters.dilation_rate; });
    return result;
}

void hold(Parameters& parameters, const HeldTokens& held) {
    parameters.tokens = static_cast<int>(held.queries.size());
    if (held.queries == held.keys && held.queries.begin % parameters.segment_length == 0) return;
    parameters.first_token = static_cast<int>(held.queries.begin);
    parameters.first_key_token = static_cast<int>(held.keys.begin);
    parameters.key_tokens = static_cast<int>(held.keys.size());
}

} // namespace dra::cuda
