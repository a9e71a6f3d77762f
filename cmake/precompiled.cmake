# Eigen and the standard library, compiled once for each way to compile: they cost two seconds in each of some 200 files.
#
#   dra_precompile(<target>)         compiles them, with the target's own flags
#   dra_precompiled(<targets>...)    takes them from dra::engine, with which the targets share their flags

set(DRA_PRECOMPILED_HEADERS <Eigen/Core> <algorithm> <array> <cmath> <filesystem> <functional> <map> <memory> <optional> <span> <string>
    <variant> <vector>)

function(dra_precompile target)
    if(DRA_PRECOMPILED)
        target_precompile_headers(${target} PRIVATE ${DRA_PRECOMPILED_HEADERS})
    endif()
endfunction()

function(dra_precompiled)
    get_target_property(engine dra::engine ALIASED_TARGET)
    foreach(target IN LISTS ARGN)
        if(DRA_PRECOMPILED)
            target_precompile_headers(${target} REUSE_FROM ${engine})
        endif()
    endforeach()
endfunction()
