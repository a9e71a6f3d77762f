#pragma once
/// \file
/// Fix 2, the discarded attention. It teaches that the cheapest computation is the one that is not made, and that after
/// the removal most of the waste was still there: rows gathered into copies, and repeated.
///
/// The report: "Removed incorrect dilated pattern application ... eliminated wasted computation and fixed incorrect
/// behavior". The class: three attentions, of (q, q, q), (k, k, k) and (v, v, v), were computed segment by segment and
/// overwritten; removing them changed no result. What stayed gathers the selected rows by an index list and repeats
/// them to the length that was there before dilation: r times the rows, r^2 the pairs.
///
///     index[t] = selected[t mod count],  t < length       rows = x[index]        (after)
///     rows = x at s*w + o + t*r                           a map with a row stride (principled)
///
/// | rung       | form                                          | pairs of a head              |
/// |------------|-----------------------------------------------|------------------------------|
/// | before     | three discarded attentions, then as after     | n w + 3 n w                  |
/// | after      | gathered, repeated, repeats masked, scattered | n w                          |
/// | principled | strided views                                 | n w / r^2, fewer when causal |
///
/// Repaired: repeated keys were attended as if they were further tokens, which biases a row wherever the count does not
/// divide (defect `pad-by-repeat`); here repeats are masked, one comparison per score, and still computed. Repeated
/// rows are computed and dropped. The class took rows of whole chunks (defects `segments-ignored`,
/// `chunk-relative-phase`) and left result t in row t (defect `rows-not-scattered`); here a call is a segment's rows
/// against its keys in the chunk, and results return to where they belong. The discarded attentions carry no causal
/// mask, so that fix 1 is charged for the pipeline's alone. Gathering is serial.

#include "reference/definition/pattern.hpp"
#include "reference/published/attend_call.hpp"

namespace dra::published {

/// Which rows of a tensor a call takes: a pattern's selection of one segment, or of its part in a chunk.
struct Selection {
    Positions positions;        ///< the genuine rows
    Index rows = 0;             ///< all rows, repeats included
    std::vector<Index> indices; ///< (rows), the list of rungs before and after; empty in the principled one
};

/// The rows of a selection: a view of the tensor, or of the copy that is held here.
template <class T> struct SelectedRows {
    RowMajor<T> copy;
    Rows<T> rows;
};

namespace fix_2 {

/// Selects rows: before and after by an index list, repeated to `length` elements; principled without list or repeats.
Selection select(Rung rung, const Positions& positions, Index length, Counts& counts);

/// The rows of (b, h) that `indices` lists, copied, as rungs before and after have them.
template <class T>
SelectedRows<T> gathered(TensorView<const T> tensor, Index b, Index h, const Selection& selection, Counts& counts);

/// The rows of (b, h) where they are, as the principled rung has them.
template <class T>
SelectedRows<T> strided(TensorView<const T> tensor, Index b, Index h, const Selection& selection, Counts& counts);

/// The rung's choice of the two.
template <class T> SelectedRows<T> rows(Rung rung, TensorView<const T> tensor, Index b, Index h,
                                        const Selection& selection, Counts& counts);

/// Merges the genuine rows of a gathered call into out and lse of (b, h), by the index list, in rungs before and after.
template <class T>
void scatter(const Partial<T>& from, const Selection& selection, Index b, Index h, const AttentionView<T>& into);

/// The waste of rung `before`: attention of q, of k and of v with itself in every segment. 4 D n w FLOPs per head of
/// each.
template <class T> void three_discarded_attentions(const Problem& problem, const InputsView<T>& inputs,
                                                   Workspace<T>& workspace, Counts& counts);

} // namespace fix_2
} // namespace dra::published
