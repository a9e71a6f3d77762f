#pragma once
/// \file
/// What host code includes under nvcc: the CUDA runtime, the launch of a kernel, and tensor maps.

#include "cuda/simt/silicon/tensor_map.hpp"
#include "reference/definition/dtype.hpp"

#include <cudaTypedefs.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <stdexcept>
#include <string>

namespace dra::cuda::silicon {

/// Queues a kernel on a stream. A kernel must be told before it uses more than 48 KiB of shared memory. Where `early`,
/// it may begin before the launch before it has ended, and itself waits for it (programmatic dependent launch).
template <class... P, class... A> cudaError_t launch_early(bool early, void (*kernel)(P...), dim3 grid, dim3 block,
                                                           std::size_t shared_bytes, cudaStream_t stream,
                                                           const A&... arguments) {
    if (shared_bytes > 48 * 1024) {
        const cudaError_t error =
            cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes));
        if (error != cudaSuccess) return error;
    }
    cudaLaunchConfig_t configuration = {};
    configuration.gridDim = grid;
    configuration.blockDim = block;
    configuration.dynamicSmemBytes = shared_bytes;
    configuration.stream = stream;
    cudaLaunchAttribute overlaps = {};
    overlaps.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    overlaps.val.programmaticStreamSerializationAllowed = early;
    configuration.attrs = &overlaps;
    configuration.numAttrs = 1;
    return cudaLaunchKernelEx(&configuration, kernel, P(arguments)...);
}

/// Queues a kernel that begins when what was queued before it has ended.
template <class... P, class... A> cudaError_t launch(void (*kernel)(P...), dim3 grid, dim3 block,
                                                     std::size_t shared_bytes, cudaStream_t stream,
                                                     const A&... arguments) {
    return launch_early(false, kernel, grid, block, shared_bytes, stream, arguments...);
}

/// Describes a tensor to TMA: `sizes` and `box` in elements, innermost first; `strides_bytes` of all but the innermost
/// dimension, multiples of 16; `base` on a 16-byte boundary. Elements outside read as zero. Throws when the driver
/// refuses.
inline TensorMap make_tensor_map(DType element, void* base, int rank, const std::uint64_t* sizes,
                                 const std::uint64_t* strides_bytes, const std::uint32_t* box, bool swizzle_128) {
    static const auto encode = [] { // the driver's own function, without linking to libcuda
        void* found = nullptr;
        cudaDriverEntryPointQueryResult result;
        cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &found, 12000, cudaEnableDefault, &result);
        return reinterpret_cast<PFN_cuTensorMapEncodeTiled_v12000>(found);
    }();
    if (encode == nullptr) throw std::runtime_error("the CUDA driver has no cuTensorMapEncodeTiled");
    const CUtensorMapDataType type = element == DType::bf16  ? CU_TENSOR_MAP_DATA_TYPE_BFLOAT16
                                     : element == DType::f16 ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16
                                                             : CU_TENSOR_MAP_DATA_TYPE_FLOAT32;
    cuuint64_t size[5], stride[5];
    for (int i = 0; i < rank; ++i) size[i] = sizes[i];
    for (int i = 0; i + 1 < rank; ++i) stride[i] = strides_bytes[i];
    const cuuint32_t every_element[5] = {1, 1, 1, 1, 1};
    TensorMap map;
    const CUresult result =
        encode(&map, type, static_cast<cuuint32_t>(rank), base, size, stride, box, every_element,
               CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle_128 ? CU_TENSOR_MAP_SWIZZLE_128B : CU_TENSOR_MAP_SWIZZLE_NONE,
               CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    if (result != CUDA_SUCCESS)
        throw std::runtime_error("cuTensorMapEncodeTiled refuses the tensor map: CUresult " + std::to_string(result));
    return map;
}

} // namespace dra::cuda::silicon
