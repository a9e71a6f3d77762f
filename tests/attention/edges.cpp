#include "reference/attention/dilated_attention.hpp"
#include "reference/attention/dilated_attention_gradient.hpp"
#include "tests/gradients.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace dra::test {
namespace {

/// A tensor whose last element is the last before memory that nobody may touch: one read or written beyond ends the
/// program, under no sanitizer too.
template <class T> class AtTheEdge {
public:
    explicit AtTheEdge(const Tensor<T>& x) : shape_(x.shape()) {
        const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)),
                   bytes = sizeof(T) * static_cast<std::size_t>(x.size());
        const std::size_t open = (bytes + page - 1) / page * page;
        mapped_ = open + page;
        memory_ = ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory_ == MAP_FAILED) throw std::bad_alloc();
        char* const edge = static_cast<char*>(memory_) + open;
        REQUIRE(::mprotect(edge, page, PROT_NONE) == 0);
        data_ = reinterpret_cast<T*>(edge - bytes);
        view().flat() = x.flat();
    }
    ~AtTheEdge() { ::munmap(memory_, mapped_); }
    AtTheEdge(const AtTheEdge&) = delete;
    AtTheEdge& operator=(const AtTheEdge&) = delete;

    TensorView<T> view() { return {data_, shape_}; }

private:
    Shape shape_;
    void* memory_;
    std::size_t mapped_;
    T* data_;
};

TEST_CASE_TEMPLATE("no element beyond q, k, v and dout is read, and none beyond results is written", T, float, double) {
    Index compared = 0;
    for (const Index D : {1, 5, 8, 13})
        for (const Index N : {1, 8, 45})
            for (const bool causal : {false, true}) {
                const GradientInputs<T> inputs(
                    {{1, N, 2, D}, 1, {{64, 16}, {1, 3}, Mode::mixture, PhaseRule::head, causal}, 1});
                const Attention<T> expected = dilated_attention<T>(inputs.problem, inputs);
                const Gradients<T> gradients =
                    dilated_attention_gradient<T>(inputs.problem, inputs, expected, inputs.dout);
                AtTheEdge<T> q(inputs.q), k(inputs.k), v(inputs.v), dout(inputs.dout), out(inputs.q), dq(inputs.q),
                    dk(inputs.k), dv(inputs.v);
                Lse<T> lse = expected.lse;
                dilated_attention<T>(inputs.problem, {q.view(), k.view(), v.view()}, {out.view(), lse});
                dilated_attention_gradient<T>(inputs.problem, {q.view(), k.view(), v.view()}, {out.view(), lse},
                                              dout.view(), {dq.view(), dk.view(), dv.view()});
                CHECK((out.view().flat() == expected.out.flat()).all());
                CHECK((dq.view().flat() == gradients.dq.flat()).all());
                CHECK((dk.view().flat() == gradients.dk.flat()).all());
                CHECK((dv.view().flat() == gradients.dv.flat()).all());
                ++compared;
            }
    MESSAGE(compared, " problems");
    CHECK(compared == 24);
}

} // namespace
} // namespace dra::test
