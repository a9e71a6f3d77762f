#include "cuda/kernels/compiler.hpp"
#include "cuda/published/fix_1_causal_mask.hpp"

namespace dra::cuda::DRA_TARGET::rungs::fix_1 {
namespace {

constexpr unsigned threads = 256;
constexpr int elements_a_thread = 4; // one aligned word

unsigned blocks_for(long long items) { return static_cast<unsigned>((items + threads - 1) / threads); }

__global__ void write_element(unsigned char* mask, long long element, unsigned char seen) {
    store(mask + element, seen);
}

__global__ void compare_indices(unsigned char* mask, long long elements, int n_kv, int chunk_offset) {
    const long long thread = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
    const long long first = thread * elements_a_thread;
    if (first >= elements) return;
    long long row = first / n_kv;
    int col = static_cast<int>(first % n_kv);
    unsigned word = 0;
    DRA_UNROLLED for (int i = 0; i < elements_a_thread; ++i) {
        word |= (row >= col + chunk_offset ? 1u : 0u) << (8 * i);
        if (++col == n_kv) col = 0, ++row;
    }
    if (first + elements_a_thread <= elements) {
        store(reinterpret_cast<unsigned*>(mask + first), word);
        return;
    }
    for (int i = 0; first + i < elements; ++i) store(mask + first + i, static_cast<unsigned char>(word >> (8 * i)));
}

__global__ void write_extents(int* extents, int n_q, int n_kv, int chunk_offset) {
    const int row = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (row >= n_q) return;
    const int ahead = row - chunk_offset + 1;
    store(extents + row, ahead < 0 ? 0 : ahead < n_kv ? ahead : n_kv);
}

} // namespace

void before(CountedStream& stream, unsigned char* mask, int n_q, IntInterval chunk) {
    for (int row = 0; row < n_q; ++row)
        for (int col = 0; col < chunk.size(); ++col)
            stream.launch(write_element, dim3(1), dim3(1), 0, mask, static_cast<long long>(row) * chunk.size() + col,
                          static_cast<unsigned char>(row >= col + chunk.begin));
    stream.counts.mask_elements += static_cast<Index>(n_q) * chunk.size();
}

void after(CountedStream& stream, unsigned char* mask, int n_q, IntInterval chunk) {
    const long long elements = static_cast<long long>(n_q) * chunk.size();
    stream.launch(compare_indices, dim3(blocks_for((elements + elements_a_thread - 1) / elements_a_thread)),
                  dim3(threads), 0, mask, elements, chunk.size(), chunk.begin);
    stream.counts.mask_elements += elements;
}

void principled(CountedStream& stream, int* extents, int n_q, IntInterval chunk) {
    stream.launch(write_extents, dim3(blocks_for(n_q)), dim3(threads), 0, extents, n_q, chunk.size(), chunk.begin);
    stream.counts.mask_elements += n_q;
}

} // namespace dra::cuda::DRA_TARGET::rungs::fix_1
