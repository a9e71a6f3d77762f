#include "cuda/host/buffer.hpp"
#include "tests/cuda/host/emulator.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

namespace dra::cuda::DRA_TARGET {
namespace {

constexpr std::size_t size = 1000;
constexpr std::uint64_t seeds = 64;

void fill(const Buffer<unsigned char>& buffer, int value, const Stream& stream) {
    DRA_CUDA_CHECK(cudaMemsetAsync(buffer.data(), value, size, stream.get()));
}

/// Whether all elements are `value`.
bool holds(const Buffer<unsigned char>& buffer, unsigned char value, const Stream& stream) {
    std::vector<unsigned char> host(size);
    buffer.copy_to(host.data(), stream);
    stream.synchronize();
    return std::ranges::all_of(host, [&](unsigned char x) { return x == value; });
}

/// The number of seeds that get it wrong when one stream writes 7 and another copies what was written.
int wrong_copies(bool waits) {
    int wrong = 0;
    test::for_seeds(seeds, [&] {
        Stream writer, reader;
        Buffer<unsigned char> from(writer, size), to(reader, size);
        writer.synchronize();
        Event written;
        fill(from, 7, writer);
        written.record(writer.get());
        if (waits) reader.wait(written);
        DRA_CUDA_CHECK(cudaMemcpyAsync(to.data(), from.data(), size, cudaMemcpyDeviceToDevice, reader.get()));
        wrong += !holds(to, 7, reader);
        writer.synchronize();
    });
    return wrong;
}

} // namespace

TEST_CASE("work in one stream runs in order") {
    test::for_seeds(seeds, [] {
        Stream stream;
        Buffer<unsigned char> buffer(stream, size);
        for (const int value : {1, 2, 3}) fill(buffer, value, stream);
        CHECK(holds(buffer, 3, stream));
    });
}

TEST_CASE("a stream that waits for an event sees what was done before it, whatever the order of the streams") {
    CHECK(wrong_copies(true) == 0);
}

TEST_CASE("a planted missing wait is seen") {
    const int wrong = wrong_copies(false);
    MESSAGE(wrong, " of ", seeds, " seeds see it");
    CHECK(wrong > 0);
}

TEST_CASE("timed events know how long the work between them took") {
    Stream stream;
    Event begin(true), end(true);
    Buffer<unsigned char> buffer(stream, size);
    begin.record(stream.get());
    fill(buffer, 1, stream);
    end.record(stream.get());
    end.wait();
    CHECK(seconds_between(begin, end) >= 0);
    CHECK_THROWS_AS(seconds_between(begin, Event(true)), CudaError); // never recorded
}

TEST_CASE("streams, events and buffers move, and what was moved from owns nothing") {
    Stream a;
    const cudaStream_t handle = a.get();
    Stream b(std::move(a));
    CHECK(a.get() == nullptr);
    CHECK(b.get() == handle);
    Stream c;
    const cudaStream_t other = c.get();
    c = std::move(b);
    CHECK(c.get() == handle);
    CHECK(b.get() == other); // b's destructor gives it back

    Event e, f(std::move(e));
    CHECK(e.get() == nullptr);
    f.record(c.get());
    f.wait();

    Buffer<float> x(c, 10);
    float* memory = x.data();
    Buffer<float> y(std::move(x));
    CHECK(x.data() == nullptr);
    CHECK(x.size() == 0);
    CHECK(y.data() == memory);
    CHECK(y.bytes() == 40);
    Buffer<float> z;
    CHECK(z.data() == nullptr);
    z = std::move(y);
    CHECK(z.data() == memory);
    CHECK(y.data() == nullptr);
}

TEST_CASE("a buffer gives its memory back") {
    const test::DeviceMemory limited(3 * size);
    Stream stream;
    for (int i = 0; i < 10; ++i) {
        fill(Buffer<unsigned char>(stream, 2 * size), 1, stream); // two of them do not fit
        stream.synchronize();                                     // behind the work that used it
    }
    CHECK_THROWS_AS(Buffer<unsigned char>(stream, 4 * size), CudaError);
}

} // namespace dra::cuda::DRA_TARGET
