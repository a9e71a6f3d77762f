# A program that is compiled with a flag that would change results or layouts is refused, in the words of
# compiled_alike.hpp; one that is compiled with harmless flags is not.
#   cmake -DCOMPILER=g++ -DCOMPILER_ID=GNU -DEIGEN=<include folder> -DROOT=<source tree> -P refused.cmake

set(alignment -DEIGEN_MAX_ALIGN_BYTES=64 -DEIGEN_MAX_STATIC_ALIGN_BYTES=64)

# compile(<flags>...): leaves what the compiler says of a program that uses tensors
function(compile)
    execute_process(
        COMMAND ${COMPILER} -std=c++20 -I${ROOT} -isystem ${EIGEN} ${ARGV} -Wfatal-errors -fsyntax-only
            -include reference/definition/tensor.hpp -x c++ /dev/null
        ERROR_VARIABLE said RESULT_VARIABLE status)
    set(said "${said}" PARENT_SCOPE)
    set(status "${status}" PARENT_SCOPE)
endfunction()

# refused(<word> <flags>...): the refusal has this word
function(refused word)
    compile(${ARGN})
    if(status EQUAL 0 OR NOT said MATCHES "dra: compile [^\n]*${word}")
        message(SEND_ERROR "not refused for ${word} with ${ARGN}: ${said}")
    endif()
endfunction()

compile(${alignment} -Werror -O3 -DNDEBUG -D_GLIBCXX_ASSERTIONS -DEIGEN_DONT_VECTORIZE -fno-math-errno -frounding-math -ffp-contract=off)
if(NOT status EQUAL 0)
    message(SEND_ERROR "refused without a reason: ${said}")
endif()

refused(EIGEN_MAX_ALIGN_BYTES=64)
refused(EIGEN_MAX_ALIGN_BYTES=64 -DEIGEN_MAX_ALIGN_BYTES=32)
refused(EIGEN_MAX_STATIC_ALIGN_BYTES=64 -DEIGEN_MAX_ALIGN_BYTES=64 -DEIGEN_DONT_ALIGN_STATICALLY)
refused(EIGEN_MALLOC_ALREADY_ALIGNED ${alignment} -DEIGEN_MALLOC_ALREADY_ALIGNED=1)
refused(EIGEN_DEFAULT_DENSE_INDEX_TYPE ${alignment} -DEIGEN_DEFAULT_DENSE_INDEX_TYPE=int)
refused(_GLIBCXX_DEBUG ${alignment} -D_GLIBCXX_DEBUG)
refused(_GLIBCXX_USE_CXX11_ABI=1 ${alignment} -D_GLIBCXX_USE_CXX11_ABI=0)
foreach(flag IN ITEMS -Ofast -ffast-math -ffinite-math-only)
    refused(${flag} ${alignment} ${flag})
endforeach()
if(COMPILER_ID STREQUAL "GNU") # clang has no macro for these
    refused(-funsafe-math-optimizations ${alignment} -funsafe-math-optimizations)
    refused(-funsafe-math-optimizations ${alignment} -fno-signed-zeros)
    refused(-funsafe-math-optimizations ${alignment} -fassociative-math -fno-signed-zeros -fno-trapping-math)
    refused(-funsafe-math-optimizations ${alignment} -freciprocal-math)
    refused(-fsingle-precision-constant ${alignment} -fsingle-precision-constant)
endif()
