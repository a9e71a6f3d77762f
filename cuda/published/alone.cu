#include "cuda/published/alone.hpp"

#include <algorithm>

namespace dra::cuda::DRA_TARGET::rungs {
namespace {

using published::Rung;

template <class T> std::vector<T> downloaded(const CountedStream& stream, const T* data, std::size_t count) {
    std::vector<T> host(count);
    stream.synchronize();
    DRA_CUDA_CHECK(cudaMemcpy(host.data(), data, count * sizeof(T), cudaMemcpyDeviceToHost));
    return host;
}

/// Whether the mask says that query i sees key chunk.begin + j exactly where i >= chunk.begin + j.
bool is_causal(const std::vector<unsigned char>& mask, Index n_q, IntInterval chunk) {
    auto element = mask.begin();
    for (Index i = 0; i < n_q; ++i)
        for (Index j = chunk.begin; j < chunk.end; ++j, ++element)
            if (*element != (j <= i)) return false;
    return true;
}

bool are_causal(const std::vector<int>& extents, IntInterval chunk) {
    for (std::size_t i = 0; i < extents.size(); ++i) {
        int seen = 0;
        while (seen < chunk.size() && chunk.begin + seen <= static_cast<int>(i)) ++seen;
        if (extents[i] != seen) return false;
    }
    return true;
}

/// Whether the list names, for every KV head of the pattern, each selected token of the interval and nothing else.
bool names_selected(const std::vector<int>& list, const Problem& problem, const NumberedPattern& pattern,
                    const Parameters& p, IntInterval tokens) {
    auto entry = list.begin();
    for (int g = p.first_kv_head; g < p.first_kv_head + p.kv_head_count; ++g, entry += tokens.size()) {
        std::vector<int> named(entry, entry + tokens.size()), selected;
        for (int n = tokens.begin; n < tokens.end; ++n) {
            const auto [w, r, phase] = pattern_of(problem, pattern.number, g);
            const Index within = n % w;
            if (within >= phase && (within - phase) % r == 0) selected.push_back(n - tokens.begin);
        }
        std::ranges::sort(named);
        named.erase(std::unique(named.begin(), named.end()), named.end());
        std::erase(named, -1);
        if (named != selected) return false;
    }
    return true;
}

} // namespace

CausalMasks::CausalMasks(const Problem& problem, Rung rung) : problem_(problem), rung_(rung) {
    const auto N = static_cast<std::size_t>(problem.tokens);
    const auto keys = static_cast<std::size_t>(chunks_of(problem).front().size());
    memory_ = {stream_.stream(), rung == Rung::principled ? N * sizeof(int) : N * keys};
    stream_.synchronize();
}

void CausalMasks::fill(IntInterval chunk) {
    const auto N = static_cast<int>(problem_.tokens);
    if (rung_ == Rung::principled)
        fix_1::principled(stream_, reinterpret_cast<int*>(memory_.data()), N, chunk);
    else
        (rung_ == Rung::before ? fix_1::before
                               : fix_1::after)(stream_, reinterpret_cast<unsigned char*>(memory_.data()), N, chunk);
}

void CausalMasks::queue() {
    for (const IntInterval& chunk : chunks_of(problem_))
        for (Index pattern = 0; pattern < problem_.patterns(); ++pattern) fill(chunk);
}

bool CausalMasks::exact() {
    bool right = true;
    for (const IntInterval& chunk : chunks_of(problem_)) {
        DRA_CUDA_CHECK(cudaMemsetAsync(memory_.data(), 0xff, memory_.bytes(), stream_.get()));
        fill(chunk);
        const auto N = static_cast<std::size_t>(problem_.tokens);
        if (rung_ == Rung::principled)
            right = right && are_causal(downloaded(stream_, reinterpret_cast<const int*>(memory_.data()), N), chunk);
        else
            right = right && is_causal(downloaded(stream_, reinterpret_cast<const unsigned char*>(memory_.data()),
                                                  N * static_cast<std::size_t>(chunk.size())),
                                       problem_.tokens, chunk);
    }
    run();
    return right;
}

CacheRequests::CacheRequests(const Problem& problem, Rung rung) : problem_(problem), rung_(rung) {
    if (rung == Rung::principled) extents_ = {stream_.stream(), static_cast<std::size_t>(problem.tokens)};
    stream_.synchronize();
    forget();
}

void CacheRequests::forget() {
    keeper_ = (rung_ == Rung::before  ? fix_5::before
               : rung_ == Rung::after ? fix_5::after
                                      : fix_5::principled)(problem_, stream_, fix_1::after);
}

void CacheRequests::note_what_is_kept(published::Counts& counts) const {
    counts.mask_bytes_kept = keeper_->mask_bytes_kept();
}

void CacheRequests::queue() {
    for (const IntInterval& chunk : chunks_of(problem_))
        for (const NumberedPattern& pattern : patterns_of(problem_)) ask(chunk, pattern);
}

void CacheRequests::ask(IntInterval chunk, const NumberedPattern& pattern) {
    const auto N = static_cast<std::size_t>(problem_.tokens);
    const Interval heads = keeper_->heads(pattern.number);
    const Parameters p = pattern.with_heads(heads);
    if (judging_) right_ = right_ && heads == published::fix_5::head_range(problem_, pattern.number);
    if (rung_ == Rung::principled) {
        if (!problem_.causal) return;
        fix_1::principled(stream_, extents_.data(), static_cast<int>(N), chunk);
        if (judging_) right_ = right_ && are_causal(downloaded(stream_, extents_.data(), N), chunk);
        return;
    }
    if (problem_.causal) {
        const unsigned char* mask = keeper_->mask(chunk);
        if (judging_)
            right_ = right_ && is_causal(downloaded(stream_, mask, N * static_cast<std::size_t>(chunk.size())),
                                         problem_.tokens, chunk);
    }
    for (const IntInterval& tokens : {fix_2::covering(p, chunk), chunk}) {
        const IndexList list = keeper_->rows(p, tokens);
        if (judging_)
            right_ = right_ && names_selected(downloaded(stream_, list.indices,
                                                         static_cast<std::size_t>(p.kv_head_count * tokens.size())),
                                              problem_, pattern, p, tokens);
    }
    keeper_->release();
}

/// Runs twice, so that what is kept is judged too.
bool CacheRequests::exact() {
    judging_ = right_ = true;
    run();
    run();
    judging_ = false;
    return right_;
}

} // namespace dra::cuda::DRA_TARGET::rungs
