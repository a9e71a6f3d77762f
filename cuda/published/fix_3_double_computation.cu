#include "cuda/published/fix_2_discarded_attention.hpp"
#include "cuda/published/fix_3_double_computation.hpp"
#include "cuda/published/statistics_kernel.hpp"
#include "cuda/published/with_kernel.hpp"

namespace dra::cuda::DRA_TARGET::rungs::fix_3 {
namespace {

template <Statistics statistics>
void twice(CountedStream& stream, DType type, const AttendCall& call, Method method, Into into) {
    method(stream, type, call, 0, Combine::store);
    with_kernel(type, call, [&](auto element, auto head_dim, auto masking) {
        using T = typename decltype(element)::type;
        using Masking = typename decltype(masking)::type;
        constexpr int D = decltype(head_dim)::value;
        stream.launch(statistics_of_rows<T, D, Masking, statistics>, grid_of(call, tile_rows), dim3(block_threads),
                      shared_bytes<T, D>(false), call);
    });
    if (stream.counting) {
        const Index pairs = fix_4::visited_pairs(call);
        stream.counts.pairs_again += pairs;
        stream.counts.flops += pairs * 2 * call.pattern.head_dim;
    }
    if (into.out) fix_2::merge(stream, call, into.out, into.lse);
}

} // namespace

void before(CountedStream& stream, DType type, const AttendCall& call, Method method, Into into) {
    twice<Statistics::maximum_and_sum>(stream, type, call, method, into);
}

void after(CountedStream& stream, DType type, const AttendCall& call, Method method, Into into) {
    twice<Statistics::maximum>(stream, type, call, method, into);
}

void after_as_published(CountedStream& stream, DType type, const AttendCall& call, Method method, Into into) {
    twice<Statistics::maximum_as_published>(stream, type, call, method, into);
}

void principled(CountedStream& stream, DType type, const AttendCall& call, Method method, Into into) {
    AttendCall in_place = call;
    if (into.out) in_place.pattern.out = into.out, in_place.pattern.lse = into.lse;
    method(stream, type, in_place, 0, into.out ? Combine::merge : Combine::store);
}

} // namespace dra::cuda::DRA_TARGET::rungs::fix_3
