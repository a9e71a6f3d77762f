#pragma once
/// \file
/// Panels of queries against the packed keys of one view: online softmax over tiles, in registers and L1.
///
///     m' = max(m, max_j s_j);   l' = e^(m - m') l + sum_j e^(s_j - m');   o' = e^(m - m') o + sum_j e^(s_j - m') v_j
///     out = o / l,   lse = m + log l     (Milakov and Gimelshein, arXiv:1805.02867; Dao, arXiv:2307.08691, alg. 1)
///
/// Exponentials are in base 2: Q is multiplied by scale * log2(e) while it is packed, lse is converted back at the end;
/// mixing the two bases is defect `lse-base`. What a row sees is a seam: any type with a `panel(i0, rows)` like
/// ExtentPanels'. Panels, tiles and blocks: product.hpp. Not installed.

#include "reference/attention/dropped.hpp"
#include "reference/attention/extended_rows.hpp"
#include "reference/attention/packed.hpp"
#include "reference/attention/partial.hpp"
#include "reference/definition/visibility.hpp"

#include <vector>

namespace dra::kernel {

inline constexpr Index key_block = 256 / strip * strip; ///< P^T of one panel stays in L1
inline constexpr int panels_per_query_block = 8;        ///< a key block of K and V stays in L2 for so many
template <class T> inline constexpr Index query_block = lanes<T>* panels_per_query_block;

/// The keys that queries see, panel by panel, as extents of rows, and dropout: the seam for "who sees whom".
struct ExtentPanels {
    Visibility visibility;
    Dropout dropout = {};

    /// The keys that the queries of one panel see.
    template <class T> struct Panel {
        Index end;               ///< keys from here on are seen by no row: their tiles are not visited
        Index full;              ///< keys before this are seen by every row: their tiles need no mask
        Row<Integer<T>> extents; ///< the extent of each row
        DroppedPanel dropped = {};

        /// Makes -inf of the scores of keys j .. j + strip that a row does not see.
        DRA_INLINE void mask(Index j, Microtile<T>& s) const { hide(j, s, -std::numeric_limits<T>::infinity()); }

        /// Makes `hidden` of them.
        DRA_INLINE void hide(Index j, Microtile<T>& s, T hidden) const {
            DRA_UNROLL (i, strip)
                DRA_UNROLL (c, vectors)
                    s.r[i].v[c] = extents.v[c] > static_cast<Integer<T>>(j + i) ? s.r[i].v[c] : Vector<T>{} + hidden;
        }
    };

    template <class T> Panel<T> panel(Index i0, Index rows) const {
        Panel<T> p{visibility.extent(i0 + rows - 1),
                   visibility.extent(i0),
                   {},
                   {dropout, visibility.queries.slice(i0, rows), visibility.keys}};
        for (int lane = 0; lane < lanes<T>; ++lane)
            p.extents.set(lane, static_cast<Integer<T>>(visibility.extent(i0 + std::min<Index>(lane, rows - 1))));
        return p;
    }
};

/// One view as one query head meets it: its packed keys and values, what is visible of them, and the scale of scores.
template <class T, class Packed, class Visible> struct PackedView {
    const Packed& kv;
    Visible visible;
    T scale;
};
template <class T, class Packed, class Visible> PackedView(const Packed&, Visible, T) -> PackedView<T, Packed, Visible>;

/// The running maximum and sum of a panel's rows.
template <class T> struct RunningSoftmax {
    Row<T> max, sum{};
    RunningSoftmax() {
        for (auto& m : max.v) m = Vector<T>{} - std::numeric_limits<T>::infinity();
    }

    /// Makes P^T = 2^(S^T - max) of S^T in `p` over `keys` rows, given the maximum before them; returns the factor of
    /// older sums.
    DRA_INLINE Row<T> exponentials(Index keys, const Row<T>& before, Row<T>* p) {
        Row<T> shift, rescale, added{};
        for (int c = 0; c < vectors;
             ++c) { // a row that sees nothing yet has max = -inf: shift by 0 instead, never -inf - -inf
            shift.v[c] = max.v[c] < -std::numeric_limits<T>::max() ? Vector<T>{} : max.v[c];
            rescale.v[c] = exp2<T>(before.v[c] - shift.v[c]);
        }
        for (Index j = 0; j < keys; ++j)
            DRA_UNROLL (c, vectors) added.v[c] += p[j].v[c] = exp2<T>(p[j].v[c] - shift.v[c]);
        for (int c = 0; c < vectors; ++c) sum.v[c] = sum.v[c] * rescale.v[c] + added.v[c];
        return rescale;
    }
};

/// The state of one panel in one thread.
template <class T> struct PanelState {
    std::vector<Row<T>> q, o; ///< scaled Q^T (D) and unnormalised O^T (D), a row per channel
    RunningSoftmax<T> softmax;
};

/// The memory of one thread for a query block, allocated once.
template <class T> struct PanelWorkspace {
    std::array<PanelState<T>, panels_per_query_block> panels;
    std::vector<Row<T>> p; ///< P^T of a tile (key_block), a row per key
    RowMajor<T> out;       ///< O of a panel (lanes, D)

    explicit PanelWorkspace(Index head_dim) : p(key_block), out(lanes<T>, head_dim) {
        for (PanelState<T>& panel : panels) {
            panel.q.resize(static_cast<std::size_t>(head_dim));
            panel.o.resize(static_cast<std::size_t>(strips_up(head_dim)));
        }
    }
};

/// Packs rows [i0, i0 + rows) of q, scaled, and starts from no key at all.
template <class T> void begin_panel(PanelState<T>& panel, const Rows<T>& q, T scale, Index i0, Index rows) {
    for (Index i = 0; i < rows; i += square)
        transpose(rows - i, q.cols(), scale * std::numbers::log2e_v<T>, q.data() + (i0 + i) * q.outerStride(),
                  q.outerStride(), reinterpret_cast<T*>(panel.q.data()) + i, Index{lanes<T>});
    std::fill(panel.o.begin(), panel.o.end(), Row<T>{});
    panel.softmax = {};
}

/// Masks the scores of keys j .. j + strip. `spoiled` learns of those, among what is seen, that left the type on their
/// way: by right they may be any. Where rows cannot be computed again (see attend_panels()) nobody asks.
template <class T, class Keys> DRA_INLINE void mask(const Keys& seen, Index j, Microtile<T>& s, NonFinite<T>& spoiled) {
    const bool masked = j + strip > seen.full;
    if constexpr (requires { seen.hide(j, s, T(0)); }) {
        if (masked) seen.hide(j, s, T(0));
        spoiled.add(s.r);
    }
    if (masked) seen.mask(j, s);
}

// The two products stand apart, so that each has all registers to itself: inlined into one function, the constants of
// exp2 keep their registers through both, and accumulators are spilled (2.5 % of the speed).

// Of the panels that share a tile, number n asks for its share of the next one, so that the first to read a tile
// finds it in L2.

/// Writes S^T = K Q^T over keys [j0, j0 + keys), masked, to p; their maximum joins the panel's. The sum of a row with a
/// spoiled score is NaN from here on.
template <class T, class Keys> [[gnu::noinline]] void scores(PanelState<T>& panel, const PackedKeys<T>& kv,
                                                             const Keys& seen, Index j0, Index keys, int n, Row<T>* p) {
    Row<T> max = panel.softmax.max;
    NonFinite<T> spoiled;
    for (Index j = 0; j < keys; j += strip) {
        kv.k.prefetch_strip(j0 + key_block + j, n, panels_per_query_block);
        Microtile<T> s = product(kv.head_dim, kv.k.at(j0 + j), panel.q.data()); // (strip, lanes)
        mask(seen, j0 + j, s, spoiled);
        DRA_UNROLL (i, strip)
            DRA_UNROLL (c, vectors) {
                max.v[c] = larger<T>(max.v[c], s.r[i].v[c]);
                p[j + i].v[c] = s.r[i].v[c];
            }
    }
    panel.softmax.max = max;
    DRA_UNROLL (c, vectors) panel.softmax.sum.v[c] += spoiled.lanes().v[c];
}

/// Scales O^T by `rescale` and adds V^T P^T over keys [j0, j0 + keys) to it.
template <class T> [[gnu::noinline]] void add_values(PanelState<T>& panel, const PackedKeys<T>& kv,
                                                     const Row<T>& rescale, Index j0, Index keys, int n,
                                                     const Row<T>* p) {
    for (Index d = 0; d < kv.head_dim; d += strip) {
        kv.v.prefetch_strip(d, j0 + key_block, key_block, n, panels_per_query_block);
        const Microtile<T> t = product(keys, kv.v.at(d, j0), p); // (strip, lanes)
        Row<T>* o = panel.o.data() + d;
        DRA_UNROLL (i, strip)
            DRA_UNROLL (c, vectors) o[i].v[c] = o[i].v[c] * rescale.v[c] + t.r[i].v[c];
    }
}

/// Lets one tile, keys [j0, j0 + keys), join the running softmax of panel n of a query block. `p` is scratch.
template <class T, class Keys> void attend_tile(PanelState<T>& panel, const PackedKeys<T>& kv, const Keys& seen,
                                                Index j0, Index keys, int n, Row<T>* p) {
    const Row<T> before = panel.softmax.max;
    scores(panel, kv, seen, j0, keys, n, p);
    const Row<T> rescale = panel.softmax.exponentials(keys, before, p);
    if constexpr (requires { seen.dropped; })
        if (seen.dropped) seen.dropped.drop(j0, keys, p); // lse has counted what it drops
    add_values(panel, kv, rescale, j0, keys, n, p);
}

/// The NonFinite<T> of the channels of x^T, whole strips of them.
template <class T> Row<T> spoiled(const std::vector<Row<T>>& x) {
    NonFinite<T> found;
    for (std::size_t d = 0; d < x.size(); d += strip) found.add(x.data() + d);
    return found.lanes();
}

/// Stores or merges out = o / l and lse of each of the `rows`. Rows that saw nothing are (0, -inf); for others that are
/// not finite again(i, out, lse) puts what is right in their place. `o` is scratch.
template <class T, class Again> void end_panel(const PanelState<T>& panel, RowMajor<T>& o, const Interval& rows,
                                               Partial<T>& into, Combine combine, const Again& again) {
    const Index head_dim = into.out.cols();
    for (Index d = 0; d < head_dim; d += square)
        transpose(head_dim - d, Index{lanes<T>}, T(1), reinterpret_cast<const T*>(panel.o.data() + d), Index{lanes<T>},
                  o.data() + d, head_dim);
    Row<T> left_type = spoiled(panel.o);
    DRA_UNROLL (c, vectors) left_type.v[c] += T(0) * panel.softmax.max.v[c] + T(0) * panel.softmax.sum.v[c];
    const bool finite = !any_nan(left_type);
    for (Index i = rows.begin; i < rows.end; ++i) {
        const int lane = static_cast<int>(i - rows.begin);
        const T l = panel.softmax.sum.get(lane); // 0 in a row that saw nothing, where the maximum is -inf
        T lse = panel.softmax.max.get(lane) * std::numbers::ln2_v<T> + std::log(l);
        T inverse = l == T(0) ? T(0) : T(1) / l;
        if (!finite && left_type.get(lane) != T(0)) {
            o.row(lane) *= std::exchange(inverse, T(1));
            again(i, o.row(lane), lse);
        }
        if (combine == Combine::store) {
            into.out.row(i) = inverse * o.row(lane);
            into.lse[i] = lse;
        } else {
            merge_row(into.out.row(i), into.lse[i], inverse * o.row(lane), lse);
        }
    }
}

/// Attention of queries `rows` of a view, at most query_block of them, over the keys that they see. 4 D FLOPs per
/// visited pair. A row's result does not depend on which others are in the call. Where `visible` has a visibility, rows
/// that are not finite are computed again, in extended precision.
template <class T, class Visible>
void attend_panels(const Rows<T>& q, const PackedView<T, PackedKeys<T>, Visible>& view, const Interval& rows,
                   Partial<T> into, Combine combine, PanelWorkspace<T>& space) {
    const auto& [kv, visible, scale] = view;
    const int panels = static_cast<int>(ceil_div(rows.size(), lanes<T>));
    const auto first = [&](int n) { return rows.begin + n * lanes<T>; };
    const auto count = [&](int n) { return std::min<Index>(lanes<T>, rows.end - first(n)); };
    std::array<typename Visible::template Panel<T>, panels_per_query_block> seen;
    Index end = 0;
    for (int n = 0; n < panels; ++n) {
        prefetch(q, first(n + 1), first(n + 2));
        prefetch(into.out, first(n), first(n + 1));
        begin_panel(space.panels[n], q, scale, first(n), count(n));
        seen[n] = visible.template panel<T>(first(n), count(n));
        end = std::max(end, seen[n].end);
    }
    for (Index j0 = 0; j0 < end; j0 += key_block)
        for (int n = 0; n < panels; ++n)
            if (j0 < seen[n].end)
                attend_tile(space.panels[n], kv, seen[n], j0, std::min(key_block, seen[n].end - j0), n, space.p.data());
    const auto again = [&](Index i, auto out, T& lse) {
        if constexpr (requires { view.visible.visibility; })
            ExtendedView<T, PackedKeys<T>>{view.kv, view.visible.visibility, view.visible.dropout, view.scale}.attend(
                q, i, out, lse);
    };
    for (int n = 0; n < panels; ++n)
        end_panel(space.panels[n], space.out, {first(n), first(n) + count(n)}, into, combine, again);
}

/// The same of all queries of the view.
template <class T, class Visible> void attend_rows(const Rows<T>& q, const PackedView<T, PackedKeys<T>, Visible>& view,
                                                   Partial<T> into, Combine combine, PanelWorkspace<T>& space) {
    for (Index i0 = 0; i0 < q.rows(); i0 += query_block<T>)
        attend_panels(q, view, {i0, std::min(i0 + query_block<T>, q.rows())}, into, combine, space);
}

} // namespace dra::kernel
