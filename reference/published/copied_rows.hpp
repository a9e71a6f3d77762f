#pragma once
/// \file
/// Attention of copied rows, one view after the other: the loop that opportunities 6 and 7 share. Where the memory of
/// the copies comes from is a seam (6), and so is how their rows are found (7); all else is the same code in every
/// rung.
///
///     for pattern i:  for view (b, KV head g, segment) of i:     k, v = copies of its rows;  pack
///         for query head h of g:                                 q = a copy;  (o, l) = attention of q over k, v
///                                                                (out, lse)[rows] = merge(., (o, l))

#include "reference/attention/views.hpp"
#include "reference/published/fix_4_duplicate_methods.hpp"

#include <functional>
#include <memory>

namespace dra::published {

/// Where temporaries come from: seam 6. The last one taken is the first to be given back.
template <class T> class Memory {
public:
    virtual ~Memory() = default;
    virtual T* take(Index elements) = 0;
    virtual void give_back(T* block, Index elements) = 0;
    virtual Index bytes_kept() const = 0; ///< what it holds while no temporary is taken
};

/// A matrix (rows, columns) that takes its elements from a Memory for as long as it lives.
template <class T> class Temporary {
public:
    Temporary(Memory<T>& memory, Index rows, Index columns)
        : memory_(memory), data_(memory.take(rows * columns)), rows_(rows), columns_(columns) {}
    ~Temporary() { memory_.give_back(data_, elements()); }
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;

    T* data() const { return data_; }
    Index elements() const { return rows_ * columns_; }
    MutableRows<T> matrix() const { return {data_, rows_, columns_, Eigen::OuterStride<>(columns_)}; }
    Rows<T> read() const { return {data_, rows_, columns_, Eigen::OuterStride<>(columns_)}; }
    MutableColumn<T> column() const { return {data_, rows_, Eigen::InnerStride<>(1)}; }

private:
    Memory<T>& memory_;
    T* data_;
    Index rows_, columns_;
};

/// The elements of the temporaries that are alive at once, of a view of n rows: k, v, q and o, and l.
constexpr Index elements_at_once(Index rows, Index head_dim) { return rows * (4 * head_dim + 1); }

/// Calls visit(pattern, view) for every view that selects a row.
template <class Visit> void for_each_view(const Problem& problem, Visit visit) {
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern) {
        const Views views(problem, pattern);
        for (Index i = 0; i < views.count(); ++i)
            if (const View view = views[i]; !view.positions.empty()) visit(pattern, view);
    }
}

/// The inputs and the result of a call.
template <class T> struct Tensors : InputsView<T>, AttentionView<T> {};

/// A whole call in one rung, to be run again and again: overwrites out and lse entirely, and says what it counted.
template <class T> using Call = std::function<Counts(const Tensors<T>&)>;

/// What the engine computes of a problem: the pairs that are visible, and their FLOPs.
inline Counts visible_pairs(const Problem& problem) {
    Counts counts;
    for_each_view(problem, [&](Index, const View& view) {
        counts.pairs +=
            problem.query_heads_per_kv_head() * Visibility{view.positions, view.positions, problem.causal}.pairs();
    });
    counts.flops = 4 * problem.head_dim * counts.pairs;
    return counts;
}

/// The whole call. copy(tensor, b, h, pattern, view, into) copies the view's rows of (b, h): seam 7. Returns what it
/// counted.
template <class T, class Copy> Counts attend_copies(const Problem& problem, const Tensors<T>& tensors,
                                                    Workspace<T>& workspace, Memory<T>& memory, Copy copy) {
    workspace.start();
    tensors.out.flat().setZero();
    tensors.lse.flat().setConstant(-std::numeric_limits<T>::infinity());
    Counts counts;
    for_each_view(problem, [&](Index pattern, const View& view) {
        const auto& [b, g, segment, p, positions, combine] = view;
        const Index n = positions.count, D = problem.head_dim;
        const Temporary<T> k(memory, n, D), v(memory, n, D);
        copy(tensors.k, b, g, pattern, view, k.matrix());
        copy(tensors.v, b, g, pattern, view, v.matrix());
        const auto& packed = workspace.pack(k.read(), v.read());
        for (Index h = g * problem.query_heads_per_kv_head(); h < (g + 1) * problem.query_heads_per_kv_head(); ++h) {
            const Temporary<T> q(memory, n, D), o(memory, n, D), l(memory, n, 1);
            copy(tensors.q, b, h, pattern, view, q.matrix());
            fix_4::attend<T>({q.read(), packed, Masking::of({positions, positions, problem.causal}),
                              static_cast<T>(problem.softmax_scale), workspace},
                             {o.matrix(), l.column()}, Combine::store);
            merge<T>({tensors.out.rows(b, h, positions), tensors.lse.rows(b, h, positions)}, o.read(),
                     {l.data(), n, Eigen::InnerStride<>(1)});
        }
        counts.rows_gathered += n * (2 + problem.query_heads_per_kv_head());
        counts.temporary_elements += k.elements() + v.elements() + problem.query_heads_per_kv_head() * n * (2 * D + 1);
    });
    counts += workspace.total();
    return counts;
}

} // namespace dra::published
