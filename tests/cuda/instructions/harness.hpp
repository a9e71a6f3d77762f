#pragma once
/// \file
/// Data in, one block, data out; and how results are compared.

#include "cuda/device/type.hpp"
#include "cuda/host/buffer.hpp"
#include "cuda/simt/device.hpp"
#include "tests/cuda/instructions/check.hpp"

#include <cmath>
#include <cstring>
#include <limits>

namespace dra::cuda::DRA_TARGET {

using Words = std::vector<std::uint32_t>;
using Floats = std::vector<float>;

/// Bytes in a buffer, for the life of a check.
template <class T> Buffer<T> upload(const std::vector<T>& host, const Stream& stream) {
    Buffer<T> buffer(stream, host.size());
    buffer.copy_from(host.data(), stream);
    return buffer;
}

/// Runs one block of `threads` on (in, out) and gives back `outputs` elements, which start as NaN or all ones.
template <class In, class Out, class... More>
std::vector<Out> run_block(void (*kernel)(const In*, Out*, More...), int threads, std::size_t shared_bytes,
                           const std::vector<In>& in, std::size_t outputs, const More&... more) {
    const Stream stream;
    const Buffer<In> from = upload(in, stream);
    std::vector<Out> result(outputs);
    std::memset(result.data(), 0xff, outputs * sizeof(Out));
    const Buffer<Out> to = upload(result, stream);
    DRA_CUDA_CHECK(launch(kernel, dim3(1), dim3(static_cast<unsigned>(threads)), shared_bytes, stream.get(),
                          static_cast<const In*>(from.data()), to.data(), more...));
    to.copy_to(result.data(), stream);
    stream.synchronize();
    return result;
}

/// Exact, element by element: the number of elements that differ, by the largest difference of floats.
inline InstructionCheck exact(std::string name, const Words& found, const Words& expected) {
    double different = found.size() == expected.size() ? 0 : std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < expected.size() && i < found.size(); ++i) different += found[i] != expected[i];
    return {std::move(name), different, 0};
}
inline InstructionCheck within(std::string name, const Floats& found, const Floats& expected, double bound) {
    double largest = found.size() == expected.size() ? 0 : std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < expected.size() && i < found.size(); ++i) {
        const double error = std::abs(static_cast<double>(found[i]) - static_cast<double>(expected[i]));
        largest = error <= largest ? largest : std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
    }
    return {std::move(name), largest, bound};
}

/// Small integers that look random, from -4 to 4: products and sums of them are exact in every type.
inline Floats small_integers(std::size_t count, std::uint32_t seed) {
    Floats numbers(count);
    for (float& x : numbers) {
        seed = seed * 1664525u + 1013904223u;
        x = static_cast<float>(seed >> 24 & 7) - static_cast<float>(seed >> 16 & 3) - 2;
    }
    return numbers;
}

/// Different words, so that any two that are exchanged are noticed.
inline Words counting_words(std::size_t count) {
    Words words(count);
    for (std::size_t i = 0; i < count; ++i) words[i] = static_cast<std::uint32_t>((2 * i + 1) << 16 | 2 * i);
    return words;
}

inline std::uint32_t half_of(const Words& words, std::size_t element) {
    return words[element / 2] >> (element % 2 * 16) & 0xffff;
}

/// Pairs of neighbouring elements as the kernels' types hold them.
inline Words packed(DType type, const Floats& numbers) {
    Words words(numbers.size() / 2);
    narrow(type, words.data(), numbers.data(), static_cast<Index>(numbers.size()));
    return words;
}

template <class T> constexpr DType type_of() { return std::is_same_v<T, bf16> ? DType::bf16 : DType::f16; }

/// c (m, n) = a (m, k) b (k, n), row-major.
inline Floats product(const Floats& a, const Floats& b, std::size_t m, std::size_t n, std::size_t k) {
    Floats c(m * n);
    for (std::size_t i = 0; i < m; ++i)
        for (std::size_t j = 0; j < n; ++j)
            for (std::size_t l = 0; l < k; ++l) c[i * n + j] += a[i * k + l] * b[l * n + j];
    return c;
}

inline Floats transposed(const Floats& a, std::size_t rows, std::size_t columns) {
    Floats t(a.size());
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < columns; ++j) t[j * rows + i] = a[i * columns + j];
    return t;
}

} // namespace dra::cuda::DRA_TARGET
