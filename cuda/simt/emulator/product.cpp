#include "cuda/simt/emulator/product.hpp"

#include <cstring>

namespace dra::simt::machine {
namespace {

constexpr int vector_width = 8, tile_rows = 4;
typedef float Vector __attribute__((vector_size(vector_width * sizeof(float))));

/// tile_rows rows and `vectors` vectors of columns, kept in registers over all k.
template <int vectors> void multiply_tile(float* d, const float* a, const float* b, int columns) {
    Vector sum[tile_rows][vectors];
    for (int i = 0; i < tile_rows; ++i)
        for (int j = 0; j < vectors; ++j) std::memcpy(&sum[i][j], d + i * columns + j * vector_width, sizeof(Vector));
    for (int k = 0; k < depth; ++k)
        for (int j = 0; j < vectors; ++j) {
            Vector row;
            std::memcpy(&row, b + k * columns + j * vector_width, sizeof row);
            for (int i = 0; i < tile_rows; ++i) sum[i][j] += a[i * depth + k] * row;
        }
    for (int i = 0; i < tile_rows; ++i)
        for (int j = 0; j < vectors; ++j) std::memcpy(d + i * columns + j * vector_width, &sum[i][j], sizeof(Vector));
}

} // namespace

void multiply_add(float* d, const float* a, const float* b, int rows, int columns) {
    constexpr int wide = 2 * vector_width;
    for (int i = 0; i < rows; i += tile_rows) {
        int j = 0;
        for (; j + wide <= columns; j += wide) multiply_tile<2>(d + i * columns + j, a + i * depth, b + j, columns);
        if (j < columns) multiply_tile<1>(d + i * columns + j, a + i * depth, b + j, columns);
    }
}

void widen(float* to, const std::uint16_t* from, int count, Format format) {
    if (format == Format::bf16)
        for (int i = 0; i < count; ++i) to[i] = __bfloat162float({from[i]});
    else
        for (int i = 0; i < count; ++i) to[i] = __half2float({from[i]});
}

void multiply_fragments(float (&d)[4][32], const std::uint32_t (&a)[4][32], const std::uint32_t (&b)[2][32],
                        Format format) {
    float A[16][depth], B[depth][8], D[16][8];
    // 32 registers of two halves each are an 8x8 block, row by row: lane / 4 is the row.
    std::uint16_t halves[8][8];
    float block[8][8];
    for (int i = 0; i < 4; ++i) {
        std::memcpy(halves, a[i], sizeof halves);
        widen(block[0], halves[0], 64, format);
        for (int row = 0; row < 8; ++row)
            std::memcpy(&A[row + 8 * (i & 1)][8 * (i >> 1)], block[row], sizeof block[row]);
    }
    for (int i = 0; i < 2; ++i) { // of B the columns: lane / 4 is n
        std::memcpy(halves, b[i], sizeof halves);
        widen(block[0], halves[0], 64, format);
        for (int n = 0; n < 8; ++n)
            for (int k = 0; k < 8; ++k) B[8 * i + k][n] = block[n][k];
    }
    for (int i = 0; i < 4; ++i)
        for (int lane = 0; lane < 32; ++lane) D[lane / 4 + 8 * (i >> 1)][lane % 4 * 2 + (i & 1)] = d[i][lane];
    multiply_add(D[0], A[0], B[0], 16, 8);
    for (int i = 0; i < 4; ++i)
        for (int lane = 0; lane < 32; ++lane) d[i][lane] = D[lane / 4 + 8 * (i >> 1)][lane % 4 * 2 + (i & 1)];
}

} // namespace dra::simt::machine
