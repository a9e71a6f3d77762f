#include "reference/defects/places.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace dra::defects {
namespace {

constexpr std::size_t counts_in_a_line = 16;

double difference(double x, double y) {
    if (x == y) return 0;
    const double apart = std::abs(x - y);
    return std::isfinite(apart) ? apart : std::numeric_limits<double>::infinity();
}

RowErrors of_tensor(const std::string& name, const Bounds& bounds, const Tensor<double>& x, const Tensor<double>& y) {
    const auto [B, N, H, D] = y.shape();
    RowErrors errors{name, B, H, N, Eigen::ArrayXd::Zero(B * H * N)};
    for (Index b = 0; b < B; ++b)
        for (Index h = 0; h < H; ++h) {
            const double allowed = bounds.of_element(name, b, h);
            for (Index n = 0; n < N; ++n) {
                double largest = 0;
                for (Index d = 0; d < D; ++d) largest = std::max(largest, difference(x(b, n, h, d), y(b, n, h, d)));
                errors.share[(b * H + h) * N + n] = largest == 0 ? 0 : largest / allowed;
            }
        }
    return errors;
}

RowErrors of_lse(const Bounds& bounds, const Lse<double>& x, const Lse<double>& y) {
    const auto [B, H, N] = y.shape();
    RowErrors errors{"lse", B, H, N, Eigen::ArrayXd::Zero(B * H * N)};
    for (Index b = 0; b < B; ++b)
        for (Index h = 0; h < H; ++h) {
            const double allowed = bounds.of_element("lse", b, h);
            for (Index n = 0; n < N; ++n)
                errors.share[(b * H + h) * N + n] = difference(x(b, h, n), y(b, h, n)) / allowed;
        }
    return errors;
}

template <class Counts> Count counted(const RowErrors& errors, const Interval& tokens, Counts counts) {
    Count count{tokens, 0, 0};
    for (Index b = 0; b < errors.batch; ++b)
        for (Index h = 0; h < errors.heads; ++h)
            for (Index n = tokens.begin; n < tokens.end; ++n)
                if (counts(h)) {
                    ++count.rows;
                    count.wrong += errors.wrong(b, h, n);
                }
    return count;
}

std::string line(const std::string& by, const std::vector<Count>& counts) {
    std::vector<std::string> parts;
    for (const Count& count : counts) {
        if (parts.size() == counts_in_a_line) {
            parts.push_back("...");
            break;
        }
        parts.push_back(fmt::format("[{}, {}) {}/{}", count.tokens.begin, count.tokens.end, count.wrong, count.rows));
    }
    return fmt::format("by {}: {}", by, fmt::join(parts, "  "));
}

bool is_key_tensor(const RowErrors& errors) { return errors.tensor == "dk" || errors.tensor == "dv"; }

} // namespace

std::vector<RowErrors> row_errors(const Bounds& bounds, const Result& result) {
    const Oracle& truth = bounds.truth();
    std::vector<RowErrors> all = {of_tensor("out", bounds, result.out, truth.attention.out)};
    if (result.lse) all.push_back(of_lse(bounds, *result.lse, truth.attention.lse));
    if (result.dq) all.push_back(of_tensor("dq", bounds, *result.dq, truth.gradients->dq));
    if (result.dk) all.push_back(of_tensor("dk", bounds, *result.dk, truth.gradients->dk));
    if (result.dv) all.push_back(of_tensor("dv", bounds, *result.dv, truth.gradients->dv));
    return all;
}

std::vector<Count> by_chunk(const RowErrors& errors, const Problem& problem) {
    std::vector<Count> counts;
    for (const Holding& chunk : holdings(problem))
        counts.push_back(counted(errors, chunk.tokens, [](Index) { return true; }));
    return counts;
}

std::vector<Count> by_segment(const RowErrors& errors, const Problem& problem, Index pattern) {
    const Index w = problem.segment_lengths[pattern], N = problem.tokens;
    const auto counts_head = [&](Index h) {
        return uses(problem, pattern, is_key_tensor(errors) ? h : h / problem.query_heads_per_kv_head());
    };
    std::vector<Count> counts;
    for (Index begin = 0; begin < N; begin += w)
        counts.push_back(counted(errors, {begin, std::min(begin + w, N)}, counts_head));
    return counts;
}

std::vector<std::string> places(const RowErrors& errors, const Problem& problem) {
    const Index wrong = errors.wrong_rows();
    if (wrong == 0) return {errors.tensor + ": no row is wrong by itself"};
    std::vector<Index> heads;
    Interval span{problem.tokens, 0};
    for (Index h = 0; h < errors.heads; ++h) {
        bool any = false;
        for (Index b = 0; b < errors.batch; ++b)
            for (Index n = 0; n < errors.tokens; ++n)
                if (errors.wrong(b, h, n)) {
                    any = true;
                    span = {std::min(span.begin, n), std::max(span.end, n + 1)};
                }
        if (any) heads.push_back(h);
    }
    std::vector<std::string> sentences = {
        fmt::format("{}: {} of {} rows are wrong, {}, from row {} to row {}", errors.tensor, wrong, errors.share.size(),
                    static_cast<Index>(heads.size()) == errors.heads
                        ? "in every head"
                        : fmt::format("in heads {} of {}", fmt::join(heads, ", "), errors.heads),
                    span.begin, span.end - 1)};
    if (problem.ranks > 1) sentences.push_back(line("chunk", by_chunk(errors, problem)));
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern)
        if (problem.segment_lengths[pattern] < problem.tokens)
            sentences.push_back(line(fmt::format("segment of {}", problem.segment_lengths[pattern]),
                                     by_segment(errors, problem, pattern)));
    return sentences;
}

} // namespace dra::defects
