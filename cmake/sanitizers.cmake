# Sanitizers and coverage apply to every target, so that no object goes without.

if(DRA_SANITIZER STREQUAL "address")
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=address,undefined)
    # UBSan's question at each access, whether the pointer may be used, is AddressSanitizer's own but for alignment, and costs a
    # third of a file's time to compile. The preset `fuzz` keeps it, for it reads files that nobody wrote.
    if(NOT DRA_FUZZ)
        add_compile_options(-fno-sanitize=null,object-size,alignment)
    endif()
    # Frames that outlive their function lie on a stack of AddressSanitizer's own, whose frames older versions of g++ align to
    # 32 bytes, while their AVX-512 code takes them to be aligned to 64 (GCC's bug 110027): a correct program crashes.
    set(use_after_return 1)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
        set(use_after_return 0)
    endif()
    list(APPEND DRA_TEST_ENVIRONMENT
        "ASAN_OPTIONS=set:detect_stack_use_after_return=${use_after_return}:strict_init_order=1"
        "UBSAN_OPTIONS=set:print_stacktrace=1")
elseif(DRA_SANITIZER STREQUAL "thread")
    # g++'s libgomp synchronises where ThreadSanitizer cannot see it. clang's libomp tells it, through archer, so
    # that nothing needs to be suppressed. Beware of race:^__kmp: every stack of a parallel region holds __kmp_invoke_microtask,
    # so it suppresses each race there is. tests/sanitizer/planted_error.cpp fails when that happens.
    if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
        message(FATAL_ERROR "DRA_SANITIZER=thread needs clang++ with libomp; the preset `tsan` chooses it.")
    endif()
    file(REAL_PATH "${OpenMP_omp_LIBRARY}" libomp)
    cmake_path(GET libomp PARENT_PATH libomp_folder)
    string(REGEX MATCH "^[0-9]+" clang_major "${CMAKE_CXX_COMPILER_VERSION}")
    find_library(DRA_ARCHER archer REQUIRED HINTS "${libomp_folder}" "/usr/lib/llvm-${clang_major}/lib")
    add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
    add_link_options(-fsanitize=thread)
    list(APPEND DRA_TEST_ENVIRONMENT
        "OMP_TOOL_LIBRARIES=set:${DRA_ARCHER}"
        "TSAN_OPTIONS=set:ignore_noninstrumented_modules=1")
elseif(DRA_SANITIZER)
    message(FATAL_ERROR "DRA_SANITIZER is `${DRA_SANITIZER}`; it must be empty, `address` or `thread`.")
endif()

if(DRA_FUZZ)
    if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
        message(FATAL_ERROR "DRA_FUZZ needs clang++ with libFuzzer; the preset `fuzz` chooses it.")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

if(DRA_COVERAGE)
    add_compile_options(--coverage)
    add_link_options(--coverage)
endif()
