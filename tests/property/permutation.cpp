#include "reference/attention/dilated_attention.hpp"
#include "reference/ring/ring_attention.hpp"
#include "tests/property/draw.hpp"

#include <numeric>

namespace dra::test {
namespace {

using Order = std::vector<Index>; ///< what was at order[i] comes to i

Order draw_order(Index count) {
    Order order(static_cast<std::size_t>(count));
    std::iota(order.begin(), order.end(), Index{0});
    for (Index i = count - 1; i > 0; --i) std::swap(order[i], order[draw_index(0, i)]);
    return order;
}

/// Whether two KV heads see the same pairs, so that they may change places.
bool alike(const Problem& problem, Index g, Index other) {
    for (Index i = 0; i < problem.tokens; ++i)
        for (Index j = 0; j < problem.tokens; ++j)
            if (times_seen(problem, g, i, j) != times_seen(problem, other, i, j)) return false;
    return true;
}

/// KV heads that see the same pairs, in another order.
Order draw_order_of_kv_heads(const Problem& problem) {
    Order order(static_cast<std::size_t>(problem.kv_heads));
    std::iota(order.begin(), order.end(), Index{0});
    for (Index i = problem.kv_heads - 1; i > 0; --i)
        if (const Index j = draw_index(0, i); alike(problem, i, j)) std::swap(order[i], order[j]);
    return order;
}

/// Query heads, so that those of KV head g are those that were of kv_order[g], each group in an order of its own.
Order draw_order_of_heads(const Problem& problem, const Order& kv_order) {
    Order order;
    for (const Index g : kv_order)
        for (const Index h : draw_order(problem.query_heads_per_kv_head()))
            order.push_back(g * problem.query_heads_per_kv_head() + h);
    return order;
}

template <class T> Tensor<T> permuted(const Tensor<T>& x, const Order& batch, const Order& heads) {
    Tensor<T> y(x.shape());
    for (Index b = 0; b < x.shape().batch; ++b)
        for (Index h = 0; h < x.shape().heads; ++h) y.view().rows(b, h) = x.view().rows(batch[b], heads[h]);
    return y;
}

template <class T> Lse<T> permuted(Lse<T> x, const Order& batch, const Order& heads) {
    Lse<T> y = x;
    const auto [B, H, N] = x.shape();
    for (Index b = 0; b < B; ++b)
        for (Index h = 0; h < H; ++h) y.rows(b, h, {0, 1, N}) = x.rows(batch[b], heads[h], {0, 1, N});
    return y;
}

TEST_CASE_TEMPLATE("permuting batch and heads permutes the result, bit for bit", T, float, double) {
    Index moved_kv_heads = 0, moved_heads = 0, moved_batch = 0;
    for_all([&] {
        const RandomInputs<T> inputs(draw_problem({.tokens = 12, .head_dim = 5}));
        const Problem& problem = inputs.problem;
        const Order batch = draw_order(problem.batch), kv_heads = draw_order_of_kv_heads(problem),
                    heads = draw_order_of_heads(problem, kv_heads);
        moved_batch += !std::ranges::is_sorted(batch);
        moved_kv_heads += !std::ranges::is_sorted(kv_heads);
        moved_heads += !std::ranges::is_sorted(heads);
        const bool on_ring = draw_index(0, 1) == 1;
        const auto attend = [&](const Tensor<T>& q, const Tensor<T>& k, const Tensor<T>& v) {
            return on_ring ? ring_attention<T>(problem, {q, k, v}) : dilated_attention<T>(problem, {q, k, v});
        };
        const Attention<T> plain = attend(inputs.q, inputs.k, inputs.v);
        const Attention<T> found = attend(permuted(inputs.q, batch, heads), permuted(inputs.k, batch, kv_heads),
                                          permuted(inputs.v, batch, kv_heads));
        RC_ASSERT(same(found, Attention<T>{permuted(plain.out, batch, heads), permuted(plain.lse, batch, heads)}));
        return 0;
    });
    MESSAGE("orders that moved something: batch ", moved_batch, ", query heads ", moved_heads, ", KV heads ",
            moved_kv_heads);
    CHECK(std::min({moved_batch, moved_heads, moved_kv_heads}) > 0);
}

} // namespace
} // namespace dra::test
