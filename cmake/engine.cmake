# The library is compiled from one list of sources for two uses:
#
#   dra_reference         (dra::reference)  portable; installed, and what other projects link
#   dra_reference_native                    the same with -march=native; exists when DRA_NATIVE is ON
#
# Everything in this tree links dra::engine, which is the native one where it exists. The two define the same symbols,
# so CMake refuses a target that links both.

# Eigen's idea of alignment follows -march. Both ends of the library must share one, or a matrix allocated on one side
# is freed differently on the other.
set(DRA_EIGEN_ABI EIGEN_MAX_ALIGN_BYTES=64 EIGEN_MAX_STATIC_ALIGN_BYTES=64)

# definition/compiled_alike.hpp refuses flags that change results; clang has no macro for these two.
if(CMAKE_CXX_FLAGS MATCHES "-f(associative-math|unsafe-math-optimizations)")
    message(FATAL_ERROR "CMAKE_CXX_FLAGS has ${CMAKE_MATCH_0}, with which results leave their bounds: docs/compiling.md.")
endif()

# dra_engine_variant(<target> <variant> <sources>...)
function(dra_engine_variant target variant)
    add_library(${target} STATIC ${ARGN})
    target_compile_features(${target} PUBLIC cxx_std_20)
    target_compile_definitions(${target} PUBLIC ${DRA_EIGEN_ABI})
    target_link_libraries(${target} PUBLIC Eigen3::Eigen PRIVATE OpenMP::OpenMP_CXX $<BUILD_INTERFACE:nlohmann_json::nlohmann_json>)
    dra_warnings(${target})
    dra_precompile(${target})
    set_target_properties(${target} PROPERTIES
        INTERFACE_DRA_VARIANT ${variant}
        COMPATIBLE_INTERFACE_STRING DRA_VARIANT)
endfunction()

# dra_check_cpu(<target>): whatever is linked with it asks, before anything else, whether the CPU has what the build uses.
# cli/cpu_check.hpp says why the question is compiled for any CPU.
function(dra_check_cpu target)
    set(check ${PROJECT_SOURCE_DIR}/cli/cpu_check.cpp)
    add_library(dra_cpu_check OBJECT ${check} ${PROJECT_SOURCE_DIR}/cli/cpu_extensions.cpp)
    target_compile_features(dra_cpu_check PRIVATE cxx_std_20)
    target_include_directories(dra_cpu_check PRIVATE ${PROJECT_SOURCE_DIR})
    dra_warnings(dra_cpu_check)
    if(DRA_NATIVE)
        target_compile_options(dra_cpu_check PRIVATE -march=native)
    endif()
    if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
        set_source_files_properties(${check} PROPERTIES COMPILE_OPTIONS -march=x86-64) # the later -march holds
    endif()
    target_link_libraries(${target} INTERFACE $<BUILD_INTERFACE:$<TARGET_OBJECTS:dra_cpu_check>>)
endfunction()

# dra_add_engine(<sources>...)
function(dra_add_engine)
    dra_engine_variant(dra_reference portable ${ARGN})
    add_library(dra::reference ALIAS dra_reference)
    if(DRA_NATIVE)
        dra_engine_variant(dra_reference_native native ${ARGN})
        target_include_directories(dra_reference_native PUBLIC ${PROJECT_SOURCE_DIR})
        target_compile_options(dra_reference_native PUBLIC -march=native)
        add_library(dra::engine ALIAS dra_reference_native)
    else()
        add_library(dra::engine ALIAS dra_reference)
    endif()
    if(PROJECT_IS_TOP_LEVEL)
        get_target_property(engine dra::engine ALIASED_TARGET)
        dra_check_cpu(${engine})
    endif()
    if(DRA_NATIVE AND DRA_SANITIZER)
        set_target_properties(dra_reference PROPERTIES EXCLUDE_FROM_ALL ON)
    endif()
endfunction()
