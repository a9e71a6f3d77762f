# Compiles the kernels of the ladder and of the rungs for one architecture and fails where nvcc reports a spill or a stack
# frame.
#
#   cmake -DNVCC=... -DEIGEN=<include folder> -DROOT=<source tree> -DARCHITECTURE=90 -P resources.cmake

set(hopper_sources kernels/hopper.cu kernels/warp_specialized.cu kernels/overlapped.cu kernels/balanced.cu
    kernels/fixed_reference.cu kernels/all_patterns.cu)
file(GLOB sources RELATIVE ${ROOT}/cuda ${ROOT}/cuda/kernels/*.cu ${ROOT}/cuda/published/*.cu)
list(REMOVE_ITEM sources kernels/ladder.cu published/rungs.cu ${hopper_sources}) # these two have no kernel
if(ARCHITECTURE STREQUAL "90a")
    set(sources ${hopper_sources})
endif()

set(functions 0)
foreach(source IN LISTS sources)
    execute_process(
        COMMAND ${NVCC} -std=c++20 -O3 --expt-relaxed-constexpr --resource-usage -I${ROOT} -isystem ${EIGEN}
            -DEIGEN_NO_CUDA -DEIGEN_MAX_ALIGN_BYTES=64 -DEIGEN_MAX_STATIC_ALIGN_BYTES=64 -diag-suppress=554 -gencode arch=compute_${ARCHITECTURE},code=sm_${ARCHITECTURE}
            -cubin -o /dev/null ${ROOT}/cuda/${source}
        OUTPUT_VARIABLE report ERROR_VARIABLE report RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "${source} does not compile for sm_${ARCHITECTURE}:\n${report}")
    endif()
    string(REGEX MATCHALL "[0-9]+ bytes stack frame, [0-9]+ bytes spill stores, [0-9]+ bytes spill loads" frames "${report}")
    list(LENGTH frames found)
    math(EXPR functions "${functions} + ${found}")
    foreach(frame IN LISTS frames)
        if(NOT frame STREQUAL "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads")
            message(FATAL_ERROR "${source}, sm_${ARCHITECTURE}: ${frame}\n${report}")
        endif()
    endforeach()
    string(REGEX MATCHALL "Used [0-9]+ registers" registers "${report}")
    message(STATUS "${source}, sm_${ARCHITECTURE}: ${found} kernels; ${registers}")
endforeach()
if(functions EQUAL 0)
    message(FATAL_ERROR "nvcc reported on no kernel")
endif()
