#include "tests/definition/plain_inputs.hpp"

#include <doctest/doctest.h>

namespace dra::test {

TEST_CASE("a missing tensor is refused by name") {
    InputInfo no_q = plain_inputs(), no_k = no_q, no_v = no_q;
    no_q.q.reset(), no_k.k.reset(), no_v.v.reset();
    CHECK_THROWS_WITH_AS(validate(plain(), no_q), "q = (missing): must be given", ShapeError);
    CHECK_THROWS_WITH_AS(validate(plain(), no_k), "k = (missing): must be given", ShapeError);
    CHECK_THROWS_WITH_AS(validate(plain(), no_v), "v = (missing): must be given", ShapeError);
}

TEST_CASE("a rank other than 4 is refused") {
    CHECK_THROWS_WITH_AS(validate(plain(), inputs({16, 4, 8}, {1, 16, 2, 8})),
                         "q.shape = [16, 4, 8]: must be [B, N, H, D]", ShapeError);
    CHECK_THROWS_WITH_AS(validate(plain(), inputs({1, 16, 4, 8}, {})), "k.shape = []: must be [B, N, H, D]",
                         ShapeError);
}

TEST_CASE("sizes below 1 are refused with their axis") {
    CHECK_THROWS_WITH_AS(validate(plain(), inputs({0, 16, 4, 8}, {0, 16, 4, 8})),
                         "q.shape = [0, 16, 4, 8]: B must be at least 1", ShapeError);
    CHECK_THROWS_WITH_AS(validate(plain(), inputs({1, -3, 4, 8}, {1, -3, 4, 8})),
                         "q.shape = [1, -3, 4, 8]: N must be at least 1", ShapeError);
    CHECK_THROWS_WITH_AS(validate(plain(), inputs({1, 16, 4, 8}, {1, 16, 0, 8})),
                         "k.shape = [1, 16, 0, 8]: H must be at least 1", ShapeError);
    CHECK_THROWS_WITH_AS(validate(plain(), inputs({1, 16, 4, 0}, {1, 16, 4, 0})),
                         "q.shape = [1, 16, 4, 0]: D must be at least 1", ShapeError);
}

TEST_CASE("element counts and bytes that overflow are refused") {
    const char* message = "q.shape = [1, 4294967296, 4294967296, 1]: B*N*H*D*8 bytes must not exceed 2^63 - 1";
    const std::vector<Index> elements = {1, Index{1} << 32, Index{1} << 32, 1};
    CHECK_THROWS_WITH_AS(validate(plain(), inputs(elements, elements)), message, ShapeError);

    const std::vector<Index> bytes = {1, Index{1} << 30, Index{1} << 30, 1}; // 2^60 elements: only the bytes overflow
    CHECK_THROWS_AS(validate(plain(), inputs(bytes, bytes)), ShapeError);
    const std::vector<Index> largest = {1, Index{1} << 30, Index{1} << 29, 1};
    CHECK_NOTHROW(validate(plain(), inputs(largest, largest)));

    for (std::size_t axis = 0; axis < 4; ++axis) { // each alone
        std::vector<Index> shape(4, 1);
        shape[axis] = Index{1} << 60;
        CHECK_THROWS_AS(validate(plain(), inputs(shape, shape)), ShapeError);
        shape[axis] = (Index{1} << 60) - 1;
        CHECK_NOTHROW(validate(plain(), inputs(shape, shape)));
    }
}

TEST_CASE("q, k, v and dout that disagree are refused with the axis") {
    const auto message = [](const InputInfo& info) {
        try {
            validate(plain(), info);
        } catch (const ShapeError& error) {
            return std::string(error.what());
        }
        return std::string("accepted");
    };
    CHECK(message(inputs({2, 16, 4, 8}, {1, 16, 2, 8})) == "k.shape = [1, 16, 2, 8]: B must be that of q, 2");
    CHECK(message(inputs({1, 17, 4, 8}, {1, 16, 2, 8})) == "k.shape = [1, 16, 2, 8]: N must be that of q, 17");
    CHECK(message(inputs({1, 16, 4, 8}, {1, 16, 2, 9})) == "k.shape = [1, 16, 2, 9]: D must be that of q, 8");

    InputInfo info = plain_inputs();
    info.v = of_shape({1, 15, 2, 8});
    CHECK(message(info) == "v.shape = [1, 15, 2, 8]: N must be that of q, 16");
    info.v = of_shape({1, 16, 4, 8});
    CHECK(message(info) == "v.shape = [1, 16, 4, 8]: H must be that of k, 2");
    info.v = of_shape({1, 16, 2, 8}, DType::f64);
    CHECK(message(info) == "v.dtype = F64: must be that of q, F32");

    info = plain_inputs();
    info.k = of_shape({1, 16, 2, 8}, DType::bf16);
    CHECK(message(info) == "k.dtype = BF16: must be that of q, F32");
    info = plain_inputs();
    info.dout = of_shape({1, 16, 2, 8});
    CHECK(message(info) == "dout.shape = [1, 16, 2, 8]: H must be that of q, 4");
    info.dout = of_shape({16, 4, 8});
    CHECK(message(info) == "dout.shape = [16, 4, 8]: must be [B, N, H, D]");
    info.dout = of_shape({1, 16, 4, 8}, DType::f16);
    CHECK(message(info) == "dout.dtype = F16: must be that of q, F32");
}

TEST_CASE("k, v and dout are each refused for every axis in which they disagree") {
    const auto accepts = [](const InputInfo& info) {
        try {
            validate(plain(), info);
        } catch (const ShapeError&) {
            return false;
        }
        return true;
    };
    for (std::size_t axis = 0; axis < 4; ++axis) {
        InputInfo k = inputs({1, 16, 4, 8}, {1, 16, 4, 8}), v = k, dout = k;
        dout.dout = dout.q;
        REQUIRE(accepts(dout));
        ++k.k->shape[axis], ++v.v->shape[axis], ++dout.dout->shape[axis];
        CHECK_FALSE(accepts(k));
        CHECK_FALSE(accepts(v));
        CHECK_FALSE(accepts(dout));
    }
}

TEST_CASE("query heads that the KV heads do not divide are refused") {
    CHECK_THROWS_WITH_AS(validate(plain(), inputs({1, 16, 4, 8}, {1, 16, 3, 8})),
                         "q.shape = [1, 16, 4, 8]: H must be a multiple of the heads of k and v, 3", ShapeError);
    CHECK_THROWS_AS(validate(plain(), inputs({1, 16, 2, 8}, {1, 16, 4, 8})), ShapeError);
}

} // namespace dra::test
