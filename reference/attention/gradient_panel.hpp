#pragma once
/// \file
/// The gradients of panels of queries against the packed keys of one view: tiles recomputed, nothing stored.
///
///     P = e^(S - lse),   dP = dO V^T,   dS = P (dP - delta),   delta_i = sum_d dO_id O_id
///     dQ = scale dS K,   dK = scale dS^T Q,   dV = P^T dO      (Dao et al., arXiv:2205.14135, alg. 4)
///
/// lse and delta may be those of more keys than the view has: then P are the view's weights in the whole, and gradients
/// of views add up. S^T, P^T, dP^T and dS^T have queries in the lanes, as in panel.hpp, and so has dQ^T. dK and dV sum
/// over queries: there channels lie in the lanes, and P^T and dS^T are what is spread over them. 10 D FLOPs per
/// visited pair. Panels, tiles and blocks: product.hpp. Not installed.

#include "reference/attention/gradient.hpp"
#include "reference/attention/key_gradients.hpp"
#include "reference/attention/panel.hpp"

namespace dra::kernel {

/// The key block of the gradients.
inline constexpr Index gradient_key_block = 128 / strip * strip; ///< P^T and dS^T of a query block stay in L2

/// The rows from one key of P^T or dS^T to the next: not a power of two, or the keys of one panel would share a few
/// sets of L1, and drive each other out.
inline constexpr Index key_stride = panels_per_query_block + 1;

/// The state of one panel in one thread.
template <class T> struct GradientPanel {
    std::vector<Row<T>> q, dout, dq; ///< scaled Q^T (D), dO^T (D), dQ^T (D), a row per channel
    Row<T> lse, delta;               ///< lse in base 2, lowered(); +inf in rows without weights
};

/// The memory of one thread for a query block, allocated once.
template <class T> struct GradientPanels {
    std::array<GradientPanel<T>, panels_per_query_block> panels;
    std::vector<Row<T>> p, ds;   ///< P^T, dS^T of a tile (gradient_key_block, key_stride)
    std::vector<Row<T>> q, dout; ///< Q, dO (D / lanes, query_block), a row per query
    RowMajor<T> dq;              ///< dQ of a panel (lanes, D)

    explicit GradientPanels(Index head_dim) : p(gradient_key_block * key_stride), ds(p.size()), dq(lanes<T>, head_dim) {
        q.resize(static_cast<std::size_t>(query_block<T> * ceil_div(head_dim, lanes<T>)));
        dout.resize(q.size());
        for (GradientPanel<T>& panel : panels) {
            panel.q.resize(static_cast<std::size_t>(head_dim));
            panel.dout.resize(panel.q.size());
            panel.dq.resize(static_cast<std::size_t>(strips_up(head_dim)));
        }
    }
};

/// Packs rows [i0, i0 + rows) as columns, scaled; zeroes the other lanes.
template <class T> void pack_columns(const Rows<T>& from, T scale, Index i0, Index rows, std::vector<Row<T>>& to) {
    if (rows < lanes<T>) std::fill(to.begin(), to.end(), Row<T>{});
    for (Index i = 0; i < rows; i += square)
        transpose(rows - i, from.cols(), scale, from.data() + (i0 + i) * from.outerStride(), from.outerStride(),
                  reinterpret_cast<T*>(to.data()) + i, Index{lanes<T>});
}

/// Writes delta_i = sum_d dout_id out_id, as weighted_mean_gradient() promises. `a` and `b` are scratch (D).
template <class T> void find_delta(const Rows<T>& dout, const Rows<T>& out, MutableColumn<Extended<T>> delta,
                                   std::vector<Row<T>>& a, std::vector<Row<T>>& b) {
    for (Index i0 = 0; i0 < out.rows(); i0 += lanes<T>) {
        const Index rows = std::min<Index>(lanes<T>, out.rows() - i0);
        pack_columns(dout, T(1), i0, rows, a);
        pack_columns(out, T(1), i0, rows, b);
        const Row<T> mean = inner_products(out.cols(), b.data(), a.data());
        for (int lane = 0; lane < rows; ++lane) delta[i0 + lane] = mean.get(lane);
        Row<T> left_type;
        DRA_UNROLL (c, vectors) left_type.v[c] = T(0) * mean.v[c];
        if (!any_nan(left_type)) continue;
        for (Index i = i0; i < i0 + rows; ++i)
            if (!std::isfinite(delta[i])) delta[i] = (extended<T>(dout.row(i)) * extended<T>(out.row(i))).sum();
    }
}

/// Packs rows [i0, i0 + rows) as rows of a query block, from its row `first` on, channels in the lanes; zeroes the
/// other rows of the panel.
template <class T> void pack_rows(const Rows<T>& from, Index i0, Index rows, Index first, std::vector<Row<T>>& to) {
    for (Index c = 0; c * lanes<T> < from.cols(); ++c) {
        const Index d = c * lanes<T>;
        Row<T>* y = to.data() + c * query_block<T> + first;
        if (rows < lanes<T>) std::fill_n(y, lanes<T>, Row<T>{});
        for (Index i = 0; i < rows; ++i)
            copy_channels<T>(from.cols() - d, from.data() + (i0 + i) * from.outerStride() + d, y + i);
    }
}

/// Packs rows [i0, i0 + rows) of a query head as panel n of the query block. Lanes beyond them, and rows that see
/// nothing, get the weights e^(-inf) = 0.
template <class T>
void begin_panel(GradientPanels<T>& space, int n, const GradientHead<T>& from, T scale, Index i0, Index rows) {
    GradientPanel<T>& panel = space.panels[n];
    pack_columns(from.q, scale * std::numbers::log2e_v<T>, i0, rows, panel.q);
    pack_columns(from.dout, T(1), i0, rows, panel.dout);
    pack_rows(from.q, i0, rows, n * lanes<T>, space.q);
    pack_rows(from.dout, i0, rows, n * lanes<T>, space.dout);
    Row<T> without{}; // weights: those rows get an lse of +inf
    for (int lane = 0; lane < lanes<T>; ++lane) {
        const bool weighs = lane < rows && from.lse[i0 + lane] != -std::numeric_limits<T>::infinity();
        panel.lse.set(lane, weighs ? from.lse[i0 + lane] : T(0));
        panel.delta.set(lane, weighs ? static_cast<T>(from.delta[i0 + lane]) : T(0));
        without.set(lane, weighs ? T(0) : std::numeric_limits<T>::infinity());
    }
    DRA_UNROLL (c, vectors) panel.lse.v[c] = lowered<T>(panel.lse.v[c] * std::numbers::log2e_v<T>) + without.v[c];
    std::fill(panel.dq.begin(), panel.dq.end(), Row<T>{});
}

// The products stand apart from each other and from the exponentials, for the registers' sake: see panel.hpp.

/// Writes S^T = K Q^T over keys [j0, j0 + keys), masked, to s. A row with a spoiled score has no lse from here on.
template <class T, class Keys> [[gnu::noinline]] void scores(GradientPanel<T>& panel,
                                                             const PackedKeysForGradient<T>& kv, const Keys& seen,
                                                             Index j0, Index keys, int n, Row<T>* s) {
    NonFinite<T> spoiled;
    for (Index j = 0; j < keys; j += strip) {
        kv.k.prefetch_strip(j0 + gradient_key_block + j, n, panels_per_query_block);
        Microtile<T> tile = product(kv.head_dim, kv.k.at(j0 + j), panel.q.data()); // (strip, lanes)
        mask(seen, j0 + j, tile, spoiled);
        DRA_UNROLL (i, strip)
            DRA_UNROLL (c, vectors) s[(j + i) * key_stride].v[c] = tile.r[i].v[c];
    }
    DRA_UNROLL (c, vectors) panel.lse.v[c] += spoiled.lanes().v[c];
}

/// Writes dP^T = V dO^T over keys [j0, j0 + keys) to dp.
template <class T> [[gnu::noinline]] void find_dp(const GradientPanel<T>& panel, const PackedKeysForGradient<T>& kv,
                                                  Index j0, Index keys, int n, Row<T>* dp) {
    for (Index j = 0; j < keys; j += strip) {
        kv.v.prefetch_strip(j0 + gradient_key_block + j, n, panels_per_query_block);
        const Microtile<T> tile = product(kv.head_dim, kv.v.at(j0 + j), panel.dout.data()); // (strip, lanes)
        DRA_UNROLL (i, strip)
            DRA_UNROLL (c, vectors) dp[(j + i) * key_stride].v[c] = tile.r[i].v[c];
    }
}

/// Makes P^T = 2^(S^T - lse), at most 1 as no weight is more, of S^T in `p`, and dS^T = P^T (dP^T - delta) of dP^T in
/// `ds`, over whole strips of keys from j0 on. Where dropout has a factor, dP^T has it before and P^T after.
template <class T>
void find_ds(const GradientPanel<T>& panel, const DroppedPanel& dropped, Index j0, Index keys, Row<T>* p, Row<T>* ds) {
    if (dropped) dropped.drop(j0, strips_up(keys), ds, key_stride);
    for (Index j = 0; j < strips_up(keys) * key_stride; j += key_stride)
        DRA_UNROLL (c, vectors) {
            p[j].v[c] = exp2<T>(smaller<T>(Vector<T>{}, p[j].v[c] - panel.lse.v[c]));
            ds[j].v[c] = p[j].v[c] * (ds[j].v[c] - panel.delta.v[c]);
        }
    if (dropped) dropped.drop(j0, strips_up(keys), p, key_stride);
}

/// Adds K^T dS^T over keys [j0, j0 + keys) to dQ^T.
template <class T> [[gnu::noinline]] void add_query_gradient(GradientPanel<T>& panel,
                                                             const PackedKeysForGradient<T>& kv, Index j0, Index keys,
                                                             int n, const Row<T>* ds) {
    for (Index d = 0; d < kv.head_dim; d += strip) {
        kv.k_channels.prefetch_strip(d, j0 + gradient_key_block, gradient_key_block, n, panels_per_query_block);
        const Microtile<T> tile = chain<1, strip, key_stride>(keys, kv.k_channels.at(d, j0), ds); // (strip, lanes)
        Row<T>* dq = panel.dq.data() + d;
        DRA_UNROLL (i, strip)
            DRA_UNROLL (c, vectors) dq[i].v[c] += tile.r[i].v[c];
    }
}

/// Adds P^T dO or dS^T Q over `queries` to dV or dK of a strip of keys, `to`; stores it where they are the first.
template <class T>
[[gnu::noinline]] void add_key_gradient(Row<T>* to, bool first, Index queries, const Row<T>* p, const Row<T>* x) {
    DRA_UNROLL (i, strip)
        DRA_UNROLL (c, vectors)
            __builtin_prefetch(to + strip + i), __builtin_prefetch((const char*)(to + strip + i) + 64);
    const Microtile<T> sum =
        chain<key_stride * lanes<T>, 1>(queries, reinterpret_cast<const T*>(p), x); // (strip, lanes)
    if (first)
        DRA_UNROLL (i, strip)
            DRA_UNROLL (c, vectors) to[i].v[c] = sum.r[i].v[c];
    else
        DRA_UNROLL (i, strip)
            DRA_UNROLL (c, vectors) to[i].v[c] += sum.r[i].v[c];
}

/// Stores scale dQ of `rows` in dq or adds it to it; again(i, dq) computes those that left the type. `scratch` is
/// (lanes, D).
template <class T, class Again> void end_panel(const GradientPanel<T>& panel, RowMajor<T>& scratch, T scale,
                                               const Interval& rows, MutableRows<T> dq, Combine combine,
                                               const Again& again) {
    const Index head_dim = dq.cols();
    for (Index d = 0; d < head_dim; d += square)
        transpose(head_dim - d, Index{lanes<T>}, scale, reinterpret_cast<const T*>(panel.dq.data() + d),
                  Index{lanes<T>}, scratch.data() + d, head_dim);
    if (const Row<T> left_type = spoiled(panel.dq); any_nan(left_type))
        for (int lane = 0; lane < rows.size(); ++lane)
            if (left_type.get(lane) != T(0)) again(rows.begin + lane, scratch.row(lane));
    if (combine == Combine::store)
        dq.middleRows(rows.begin, rows.size()) = scratch.topRows(rows.size());
    else
        dq.middleRows(rows.begin, rows.size()) += scratch.topRows(rows.size());
}

/// The gradients that queries `rows` of one head bring, at most query_block of them: their dq, stored or added, and
/// what is added to dK and dV.
template <class T, class Visible>
void add_gradients(const GradientHead<T>& head, const PackedView<T, PackedKeysForGradient<T>, Visible>& view,
                   const Interval& rows, Combine combine, KeyGradients<T>& key_gradients, GradientPanels<T>& space) {
    const auto& [kv, visible, scale] = view;
    const int panels = static_cast<int>(ceil_div(rows.size(), lanes<T>));
    const auto first = [&](int n) { return rows.begin + n * lanes<T>; };
    const auto count = [&](int n) { return std::min<Index>(lanes<T>, rows.end - first(n)); };
    std::array<typename Visible::template Panel<T>, panels_per_query_block> seen;
    for (int n = 0; n < panels; ++n) {
        prefetch(head.q, first(n + 1), first(n + 2));
        prefetch(head.dout, first(n + 1), first(n + 2));
        begin_panel(space, n, head, scale, first(n), count(n));
        seen[n] = visible.template panel<T>(first(n), count(n));
    }
    const Index end = seen[panels - 1].end; // later panels see more
    for (Index j0 = 0; j0 < end; j0 += gradient_key_block) {
        for (int n = 0; n < panels; ++n) {
            const Index keys = std::min(gradient_key_block, seen[n].end - j0);
            if (keys <= 0) continue;
            Row<T>*p = space.p.data() + n, *ds = space.ds.data() + n;
            scores(space.panels[n], kv, seen[n], j0, keys, n, p);
            find_dp(space.panels[n], kv, j0, keys, n, ds);
            find_ds(space.panels[n], seen[n].dropped, j0, keys, p, ds);
            add_query_gradient(space.panels[n], kv, j0, keys, n, ds);
        }
        const auto add = [&](Row<T>* to, const Row<T>* p, const Row<T>* x) {
            int sees = 0; // the first panel that does
            for (Index j = 0; j < std::min(gradient_key_block, end - j0); j += strip) {
                while (seen[sees].end <= j0 + j) ++sees;
                add_key_gradient(to + j, j0 + j >= key_gradients.summed(), (panels - sees) * lanes<T>,
                                 p + j * key_stride + sees, x + sees * lanes<T>);
            }
        };
        for (Index c = 0; c * lanes<T> < kv.head_dim; ++c) { // x, read by every strip of keys, stays in L1
            add(key_gradients.dv(c, j0), space.p.data(), space.dout.data() + c * query_block<T>);
            add(key_gradients.dk(c, j0), space.ds.data(), space.q.data() + c * query_block<T>);
        }
    }
    key_gradients.set_summed(end);
    const auto again = [&](Index i, auto dq) {
        const auto& [visibility, dropout] = view.visible;
        const ExtendedView<T, PackedKeysForGradient<T>> extended_view{view.kv, visibility, dropout, view.scale};
        replace_spoiled(dq, extended_view.query_gradient(head, i));
    };
    for (int n = 0; n < panels; ++n)
        end_panel(space.panels[n], space.dq, scale, {first(n), first(n) + count(n)}, head.dq, combine, again);
}

} // namespace dra::kernel
