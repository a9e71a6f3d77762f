# The CUDA language, switched on where kernels are built: sm_80 and sm_90; what needs sm_90a says so itself.

if(DRA_CUDA)
    if(NOT CMAKE_CUDA_COMPILER)
        set(CMAKE_CUDA_COMPILER ${DRA_NVCC})
    endif()
    set(CMAKE_CUDA_ARCHITECTURES 80-real 90-real)
    enable_language(CUDA)
    if(NOT cuda_std_20 IN_LIST CMAKE_CUDA_COMPILE_FEATURES) # CMake 3.25.1 does not know that nvcc has it
        set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
        set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
        set(CMAKE_CUDA20_COMPILE_FEATURES cuda_std_20)
        list(APPEND CMAKE_CUDA_COMPILE_FEATURES cuda_std_20)
    endif()
    # No kernel spills registers or has a stack frame; .ci/run makes an error of it.
    set(DRA_KERNEL_WARNINGS -Xptxas=--warn-on-spills,--warn-on-local-memory-usage)
    set(CMAKE_CUDA_STANDARD 20)
    set(CMAKE_CUDA_STANDARD_REQUIRED ON)
endif()

# dra_nvcc_library(<target> <sources>...): a static library of host code and kernels that share headers with the engine.
# Not with the engine's flags, which are g++'s; but with its idea of how Eigen aligns memory. Eigen is host code here: its
# own pragmas are for nvcc as device code sees it; 554 is about TensorView<const T>, as g++ knows it too.
function(dra_nvcc_library target)
    add_library(${target} STATIC ${ARGN})
    target_compile_features(${target} PRIVATE cuda_std_20)
    target_compile_definitions(${target} PRIVATE ${DRA_EIGEN_ABI} EIGEN_NO_CUDA)
    target_compile_options(${target} PRIVATE
        --expt-relaxed-constexpr -Xcompiler=-Wall,-Wextra,-Wshadow,-Wno-unknown-pragmas -diag-suppress=554
        ${DRA_KERNEL_WARNINGS})
    target_link_libraries(${target} PRIVATE Eigen3::Eigen)
endfunction()
