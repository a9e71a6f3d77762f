#include "tests/cuda/instructions/harness.hpp"

#include <array>
#include <functional>

namespace dra::cuda::DRA_TARGET {
namespace {

/// A box of a tensor of 16-bit elements, and where it is asked for; innermost dimension first.
template <int R> struct Box {
    std::uint64_t sizes[R];
    std::uint32_t extents[R];
    int at[R];

    std::size_t elements() const {
        std::size_t all = 1;
        for (const std::uint32_t extent : extents) all *= extent;
        return all;
    }
    std::size_t tensor_elements() const {
        std::size_t all = 1;
        for (const std::uint64_t size : sizes) all *= size;
        return all;
    }
    TensorMap map(void* base, bool swizzled) const {
        std::uint64_t strides[R - 1], bytes = 2;
        for (int i = 0; i + 1 < R; ++i) strides[i] = bytes *= sizes[i];
        return make_tensor_map(DType::bf16, base, R, sizes, strides, extents, swizzled);
    }
    /// Calls f(element of the box, element of the tensor or -1 where it lies outside).
    void each(const std::function<void(std::size_t, std::ptrdiff_t)>& f) const {
        for (std::size_t e = 0; e < elements(); ++e) {
            std::size_t rest = e, stride = 1;
            std::ptrdiff_t in_tensor = 0;
            for (int i = 0; i < R; ++i) {
                const std::ptrdiff_t x = at[i] + static_cast<std::ptrdiff_t>(rest % extents[i]);
                rest /= extents[i];
                const bool inside = x >= 0 && x < static_cast<std::ptrdiff_t>(sizes[i]) && in_tensor >= 0;
                in_tensor = inside ? in_tensor + x * static_cast<std::ptrdiff_t>(stride) : -1;
                stride *= sizes[i];
            }
            f(e, in_tensor);
        }
    }
};

/// Where element e of a box lies in shared memory: with the swizzle, chunk c of 16 bytes of row r at c ^ (r mod 8).
std::size_t place(std::size_t e, bool swizzled) {
    const std::size_t row = e / 64, chunk = e / 8 % 8;
    return swizzled ? 64 * row + 8 * (chunk ^ row % 8) + e % 8 : e;
}

template <int R>
__global__ void loads(const Box<R>* box, std::uint32_t* out, const __grid_constant__ TensorMap map, int words) {
    DRA_SHARED_MEMORY(raw);
    auto* barrier = reinterpret_cast<std::uint64_t*>(raw + 4 * words);
    if (threadIdx.x == 0) {
        ptx::barrier_init(barrier, 1);
        ptx::barrier_fence_init();
        ptx::barrier_arrive_expect(barrier, static_cast<unsigned>(4 * words));
        int at[R];
        for (int i = 0; i < R; ++i) at[i] = load(box->at + i);
        ptx::tensor_load(raw, &map, barrier, at);
    }
    __syncthreads();
    ptx::barrier_wait(barrier, 0);
    const auto* arrived = reinterpret_cast<const std::uint32_t*>(raw);
    for (int w = static_cast<int>(threadIdx.x); w < words; w += 32) store(out + w, shared_load(arrived + w));
}

template <int R> __global__ void stores(const std::uint32_t* in, std::uint32_t*, const __grid_constant__ TensorMap map,
                                        const Box<R>* box, int words) {
    DRA_SHARED_MEMORY(raw);
    auto* leaving = reinterpret_cast<std::uint32_t*>(raw);
    for (int w = static_cast<int>(threadIdx.x); w < words; w += 32) shared_store(leaving + w, load(in + w));
    ptx::fence_proxy_async();
    __syncthreads();
    if (threadIdx.x == 0) {
        int at[R];
        for (int i = 0; i < R; ++i) at[i] = load(box->at + i);
        ptx::tensor_store(&map, raw, at);
        ptx::bulk_commit();
        ptx::bulk_wait_complete<0>();
    }
}

template <int R> InstructionCheck check_load(const Box<R>& box, bool swizzled) {
    const Stream stream;
    const Words tensor = counting_words(box.tensor_elements() / 2);
    const Buffer<std::uint32_t> device = upload(tensor, stream);
    stream.synchronize();
    const int words = static_cast<int>(box.elements() / 2);
    const Words found = run_block(loads<R>, 32, static_cast<std::size_t>(4 * words + 8), std::vector<Box<R>>{box},
                                  static_cast<std::size_t>(words), box.map(device.data(), swizzled), words);
    Words expected(static_cast<std::size_t>(words));
    box.each([&](std::size_t e, std::ptrdiff_t in_tensor) {
        const std::uint32_t element = in_tensor < 0 ? 0 : half_of(tensor, static_cast<std::size_t>(in_tensor));
        const std::size_t to = place(e, swizzled);
        expected[to / 2] |= element << (to % 2 * 16);
    });
    return exact("TMA load, rank " + std::to_string(R) + (swizzled ? ", 128-byte swizzle" : ""), found, expected);
}

template <int R> InstructionCheck check_store(const Box<R>& box, bool swizzled) {
    const Stream stream;
    const Words before(box.tensor_elements() / 2, 0x77777777), in = counting_words(box.elements() / 2);
    const Buffer<std::uint32_t> device = upload(before, stream);
    const Buffer<Box<R>> on_device = upload(std::vector<Box<R>>{box}, stream);
    stream.synchronize();
    const int words = static_cast<int>(in.size());
    run_block(stores<R>, 32, 4 * in.size(), in, 1, box.map(device.data(), swizzled),
              static_cast<const Box<R>*>(on_device.data()), words);
    Words found(before.size()), expected = before;
    device.copy_to(found.data(), stream);
    stream.synchronize();
    box.each([&](std::size_t e, std::ptrdiff_t in_tensor) {
        if (in_tensor < 0) return;
        std::uint32_t& word = expected[static_cast<std::size_t>(in_tensor) / 2];
        const int shift = static_cast<int>(in_tensor % 2 * 16);
        word = (word & ~(0xffffu << shift)) | half_of(in, place(e, swizzled)) << shift;
    });
    return exact("TMA store, rank " + std::to_string(R) + (swizzled ? ", 128-byte swizzle" : ""), found, expected);
}

} // namespace

InstructionChecks check_tensor_copies() {
    // Boxes hang over an edge, some on both sides.
    const Box<2> rows{{64, 11}, {64, 8}, {0, 6}}, narrow_rows{{24, 11}, {16, 8}, {16, -3}};
    const Box<3> planes{{64, 3, 9}, {64, 1, 16}, {0, 2, 1}}, corner{{24, 3, 5}, {16, 2, 4}, {-8, -1, 3}};
    // A store must not begin before the tensor.
    const Box<2> later_rows{{24, 11}, {16, 8}, {16, 6}};
    const Box<3> far_corner{{24, 3, 5}, {16, 2, 4}, {16, 2, 3}};
    const Box<4> heads{{64, 4, 7, 2}, {64, 1, 16, 1}, {0, 3, 2, 1}};
    const Box<5> segments{{64, 4, 5, 3, 2}, {64, 1, 8, 1, 1}, {0, 1, 3, 2, 1}};
    return {check_load(rows, true),         check_load(narrow_rows, false), check_load(planes, true),
            check_load(corner, false),      check_load(heads, true),        check_load(segments, true),
            check_store(rows, true),        check_store(later_rows, false), check_store(planes, true),
            check_store(far_corner, false), check_store(heads, true),       check_store(segments, true)};
}

} // namespace dra::cuda::DRA_TARGET
