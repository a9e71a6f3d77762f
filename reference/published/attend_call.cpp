#include "reference/published/attend_call.hpp"

#include "reference/definition/team_size.hpp"

namespace dra::published {

template <class T> void Workspace<T>::start() {
    for (auto& thread : threads_) thread.counts = {};
}

template <class T> int Workspace<T>::team(Index items) {
    const int threads = threads_for(items);
    while (threads_.size() < static_cast<std::size_t>(threads)) threads_.emplace_back(head_dim_);
    return threads;
}

template <class T> ThreadSpace<T>& Workspace<T>::mine() { return threads_[omp_get_thread_num()]; }

template <class T> Counts Workspace<T>::total() const {
    Counts sum;
    for (const auto& thread : threads_) sum += thread.counts;
    return sum;
}

template <class T> const kernel::PackedKeys<T>& Workspace<T>::pack(const Rows<T>& k, const Rows<T>& v) {
    packed_.resize(k.rows(), k.cols());
#pragma omp parallel for num_threads(threads_for(ceil_div(k.rows(), kernel::key_block)))
    for (Index begin = 0; begin < k.rows(); begin += kernel::key_block)
        packed_.pack(k, v, begin, std::min<Index>(begin + kernel::key_block, k.rows()));
    return packed_;
}

template class Workspace<float>;
template class Workspace<double>;

} // namespace dra::published
