#pragma once
/// \file
/// Where the operands of a rank's places lie: in its shards, which are somebody else's, or in memory of its own.

#include "distributed/rows.hpp"
#include "reference/definition/tensor.hpp"
#include "reference/ring/itinerary.hpp"

#include <array>
#include <map>

namespace dra::distributed {

/// An lse [B, heads, rows] as a tensor [B, rows, heads, 1].
template <class T> TensorView<T> as_tensor(Lse<T>& lse) {
    const auto [batch, heads, rows] = lse.shape();
    return {lse.data(), {batch, rows, heads, 1}, {heads * rows, 1, rows}};
}

/// The tensors of all places, [B, rows, heads, D], contiguous; lse is [B, rows, heads, 1] at other strides. float and
/// double.
template <class T> class PlaceMemory {
public:
    PlaceMemory(const Problem& problem, const Itinerary& itinerary)
        : problem_(problem), itinerary_(itinerary), places_(itinerary.places.size()) {}

    /// Where an operand of a place lies that is only read, or that is written, too.
    void put(Index place, Operand operand, TensorView<const T> tensor);
    void put(Index place, Operand operand, TensorView<T> tensor);
    void put(Index place, Operand operand, Lse<T>& lse);

    /// Memory for a tensor of the place's shape; places that share memory share it between tensors of one `kind`.
    TensorView<T> allocate(Index place, int kind);

    /// The shape of a place's tensors.
    Shape shape(Index place) const;

    TensorView<const T> read(Index place, Operand operand) const { return views(place, operand).read; }
    TensorView<T> write(Index place, Operand operand) const { return views(place, operand).write; }

    /// The rows of a parcel, as they lie: its heads lie side by side.
    ConstRows rows(const Parcel& parcel) const;
    Rows mutable_rows(const Parcel& parcel) const;

    /// The bytes of all that was allocated.
    Index allocated() const { return allocated_; }

private:
    struct Views {
        TensorView<const T> read;
        TensorView<T> write;
    };

    const Views& views(Index place, Operand operand) const { return places_[place][static_cast<std::size_t>(operand)]; }
    Views& views(Index place, Operand operand) { return places_[place][static_cast<std::size_t>(operand)]; }
    Index largest_sharing(const Place& place) const;

    const Problem& problem_;
    const Itinerary& itinerary_;
    std::vector<std::array<Views, 9>> places_;
    std::map<std::pair<Index, int>, Eigen::ArrayX<T>>
        blocks_; ///< by the number that is shared, or -1 - place, and kind
    Index allocated_ = 0;
};

} // namespace dra::distributed
