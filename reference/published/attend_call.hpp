#pragma once
/// \file
/// One attention call of the pipeline: the rows of one segment against the keys that one chunk has of it.
///
/// Fixes 1 and 2 say what a call is made of (Masking, rows), fixes 3 and 4 how it is computed. All rungs run it through
/// the engine's panel kernel, and go over panels with the same parallel loop.

#include "reference/attention/panel.hpp"
#include "reference/published/fix_1_causal_mask.hpp"
#include "reference/published/rung.hpp"

#include <vector>

namespace dra::published {

/// What the rows of a call see: by extents, or through a dense mask; repeats of keys are seen by no row.
///
/// Rows and keys may be repeats: row t is query t mod visibility.queries.count, and keys from visibility.keys.count on
/// are repeats.
struct Masking {
    Visibility visibility;            ///< original positions of the genuine rows and keys
    Index rows = 0, keys = 0;         ///< the call's rows and keys, repeats included
    bool every_tile = false;          ///< visit even tiles that no row sees: the published cost of gathered rows
    const CausalMask* mask = nullptr; ///< null where extents say what is seen

    /// A call without repeats.
    static Masking of(const Visibility& visibility, const CausalMask* mask = nullptr) {
        return {visibility, visibility.queries.count, visibility.keys.count, false, mask};
    }
};

/// The memory of a call's own result, as a partial.
template <class T> Partial<T> partial_of(RowMajor<T>& out, Eigen::ArrayX<T>& lse) {
    return {{out.data(), out.rows(), out.cols(), Eigen::OuterStride<>(out.cols())},
            {lse.data(), lse.size(), Eigen::InnerStride<>(1)}};
}

/// What one thread needs, and what it counted.
template <class T> struct ThreadSpace {
    explicit ThreadSpace(Index head_dim)
        : panel(head_dim), out(kernel::query_block<T>, head_dim), lse(kernel::query_block<T>) {}

    kernel::PanelWorkspace<T> panel;
    RowMajor<T> out;      ///< (query_block, D), for methods that combine panels themselves
    Eigen::ArrayX<T> lse; ///< (query_block)
    Counts counts;
};

/// What all rungs share: packed keys, and a space for each thread.
template <class T> class Workspace {
public:
    explicit Workspace(Index head_dim) : head_dim_(head_dim) {}

    void start(); ///< forgets what was counted

    /// The threads of a loop over so many items, for which there is room then.
    int team(Index items);
    ThreadSpace<T>& mine(); ///< the space of the calling thread
    Counts total() const;   ///< what all threads counted since start()

    /// Packs keys and values, on all cores.
    const kernel::PackedKeys<T>& pack(const Rows<T>& k, const Rows<T>& v);

private:
    Index head_dim_;
    kernel::PackedKeys<T> packed_;
    std::vector<ThreadSpace<T>> threads_;
};

/// The arguments that every attention method takes.
template <class T> struct AttendCall {
    Rows<T> q; ///< (masking.rows, D)
    const kernel::PackedKeys<T>& kv;
    Masking masking;
    T softmax_scale;
    Workspace<T>& workspace;
    Index chunk_offset = 0; ///< what the class added to key indices; 0 in the pipeline, whose positions are global

    Index rows() const { return masking.rows; }
    /// The threads of the loop over its query blocks.
    int team() const { return workspace.team(ceil_div(rows(), kernel::query_block<T>)); }
};

/// An attention method: out and lse of the call's rows, stored or merged.
template <class T> using Method = void (*)(const AttendCall<T>& call, Partial<T> into, Combine combine);

} // namespace dra::published
