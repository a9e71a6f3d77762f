#include "distributed/place_memory.hpp"

namespace dra::distributed {
namespace {

/// The rows of a parcel in a tensor that holds heads from `first_head` on.
template <class Byte, class T>
RowsOf<Byte> rows_of(const TensorView<T>& tensor, const Parcel& parcel, Index first_head) {
    constexpr Index size = sizeof(T);
    T* first = tensor.row(parcel.batch, parcel.rows.first, parcel.heads.begin - first_head);
    return {reinterpret_cast<Byte*>(first), parcel.rows.count, parcel.heads.size() * tensor.shape().head_dim * size,
            parcel.rows.stride * tensor.strides().token * size};
}

} // namespace

template <class T> void PlaceMemory<T>::put(Index place, Operand operand, TensorView<const T> tensor) {
    views(place, operand) = {tensor, {}};
}

template <class T> void PlaceMemory<T>::put(Index place, Operand operand, TensorView<T> tensor) {
    views(place, operand) = {tensor, tensor};
}

template <class T> void PlaceMemory<T>::put(Index place, Operand operand, Lse<T>& lse) {
    put(place, operand, as_tensor(lse));
}

template <class T> Shape PlaceMemory<T>::shape(Index place) const {
    const Part& part = itinerary_.places[place].part;
    return {problem_.batch, part.tokens.count(), part.heads.size(), problem_.head_dim};
}

template <class T> Index PlaceMemory<T>::largest_sharing(const Place& place) const {
    Index largest = 0;
    for (Index other = 0; other < std::ssize(places_); ++other)
        if (itinerary_.places[other].shared == place.shared) largest = std::max(largest, shape(other).size());
    return largest;
}

template <class T> TensorView<T> PlaceMemory<T>::allocate(Index place, int kind) {
    const Place& planned = itinerary_.places[place];
    Eigen::ArrayX<T>& block = blocks_[{planned.shared.value_or(-1 - place), kind}];
    if (const Index size = planned.shared ? largest_sharing(planned) : shape(place).size(); block.size() == 0) {
        block.setZero(size);
        allocated_ += size * static_cast<Index>(sizeof(T));
    }
    return {block.data(), shape(place)};
}

template <class T> ConstRows PlaceMemory<T>::rows(const Parcel& parcel) const {
    return rows_of<const std::byte>(read(parcel.place, parcel.operand), parcel,
                                    itinerary_.places[parcel.place].part.heads.begin);
}

template <class T> Rows PlaceMemory<T>::mutable_rows(const Parcel& parcel) const {
    return rows_of<std::byte>(write(parcel.place, parcel.operand), parcel,
                              itinerary_.places[parcel.place].part.heads.begin);
}

template class PlaceMemory<float>;
template class PlaceMemory<double>;

} // namespace dra::distributed
