#include "reference/published/opportunity_6_memory_pool.hpp"

#include <bit>
#include <cassert>

namespace dra::published::opportunity_6 {

template <class T> Index Pool<T>::size_class(Index elements) {
    return static_cast<Index>(std::bit_ceil(static_cast<std::size_t>(elements) * sizeof(T)));
}

template <class T> T* Pool<T>::take(Index elements) {
    const Index bytes = size_class(elements);
    std::vector<T*>& list = free_[bytes];
    if (list.empty()) {
        blocks_.push_back(std::make_unique_for_overwrite<T[]>(static_cast<std::size_t>(bytes) / sizeof(T)));
        bytes_ += bytes;
        return blocks_.back().get();
    }
    T* block = list.back();
    list.pop_back();
    return block;
}

template <class T> void Pool<T>::give_back(T* block, Index elements) { free_[size_class(elements)].push_back(block); }

namespace {

template <class T> class HeapMemory final : public Memory<T> {
public:
    T* take(Index elements) override { return new T[elements]; }
    void give_back(T* block, Index) override { delete[] block; }
    Index bytes_kept() const override { return 0; }
};

/// One block, used as a stack.
template <class T> class PlannedMemory final : public Memory<T> {
public:
    explicit PlannedMemory(Index elements)
        : block_(std::make_unique_for_overwrite<T[]>(static_cast<std::size_t>(elements))), elements_(elements) {}
    T* take(Index elements) override {
        T* next = block_.get() + used_;
        used_ += elements;
        assert(used_ <= elements_);
        return next;
    }
    void give_back(T* block, Index elements) override {
        used_ -= elements;
        assert(block == block_.get() + used_);
        static_cast<void>(block);
    }
    Index bytes_kept() const override { return elements_ * static_cast<Index>(sizeof(T)); }

private:
    std::unique_ptr<T[]> block_;
    Index elements_, used_ = 0;
};

/// Takes the temporaries of a call in its order, and gives them back; calls visit(...) with those that are alive.
template <class T, class Visit> void for_each_use(const Problem& problem, Memory<T>& memory, Visit visit) {
    for_each_view(problem, [&](Index, const View& view) {
        const Index n = view.positions.count, D = problem.head_dim;
        const Temporary<T> k(memory, n, D), v(memory, n, D);
        for (Index j = 0; j < problem.query_heads_per_kv_head(); ++j) {
            const Temporary<T> q(memory, n, D), o(memory, n, D), l(memory, n, 1);
            visit(std::array{&k, &v, &q, &o, &l});
        }
    });
}

} // namespace

template <class T> std::unique_ptr<Memory<T>> memory(Rung rung, const Problem& problem) {
    if (rung == Rung::before) return std::make_unique<HeapMemory<T>>();
    if (rung == Rung::after) return std::make_unique<Pool<T>>();
    Index longest = 0;
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern)
        longest = std::max(longest, Views(problem, pattern).longest());
    return std::make_unique<PlannedMemory<T>>(elements_at_once(longest, problem.head_dim));
}

template <class T> Call<T> call(Rung rung, const Problem& problem) {
    const auto workspace = std::make_shared<Workspace<T>>(problem.head_dim);
    const std::shared_ptr<Memory<T>> from = memory<T>(rung, problem);
    return [=](const Tensors<T>& tensors) {
        Counts counts = attend_copies(problem, tensors, *workspace, *from,
                                      [](TensorView<const T> x, Index b, Index h, Index, const View& view,
                                         MutableRows<T> into) { into = x.rows(b, h, view.positions); });
        counts.bytes_kept = from->bytes_kept();
        return counts;
    };
}

template <class T> void take_all(const Problem& problem, Memory<T>& memory) {
    constexpr Index page = 4096 / sizeof(T);
    for_each_use(problem, memory, [](const auto& alive) {
        for (const Temporary<T>* temporary : alive)
            for (Index i = 0; i < temporary->elements(); i += page)
                *const_cast<volatile T*>(temporary->data() + i) = T(1);
    });
}

template <class T> bool keeps_apart(const Problem& problem, Memory<T>& memory) {
    bool apart = true;
    for_each_use(problem, memory, [&](const auto& alive) {
        T mark = 0;
        for (const Temporary<T>* temporary : alive) temporary->matrix().setConstant(++mark);
        mark = 0;
        for (const Temporary<T>* temporary : alive) apart = (temporary->matrix().array() == ++mark).all() && apart;
    });
    return apart;
}

#define DRA_INSTANTIATE(T)                                            \
    template class Pool<T>;                                           \
    template std::unique_ptr<Memory<T>> memory(Rung, const Problem&); \
    template Call<T> call(Rung, const Problem&);                      \
    template void take_all(const Problem&, Memory<T>&);               \
    template bool keeps_apart(const Problem&, Memory<T>&);
DRA_INSTANTIATE(float)
DRA_INSTANTIATE(double)
#undef DRA_INSTANTIATE

} // namespace dra::published::opportunity_6
