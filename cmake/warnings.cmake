# The warnings that every target of this project is compiled with, and no target of anybody else's.

function(dra_warnings target)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow)
    # g++ 12 warns about its own AVX-512 intrinsics (GCC bug 105593) and its own std::string (105651); 13 does not.
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
        target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized -Wno-uninitialized -Wno-restrict)
    endif()
endfunction()
