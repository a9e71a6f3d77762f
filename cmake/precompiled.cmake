# What most files include is compiled once. Eigen and the standard library cost two seconds in each of some 200 files, and the
# text of a small file costs less than that of its other headers.
#
#   dra_precompile(<target>)                      compiles Eigen and the standard library, with the target's own flags
#   dra_precompiled(<targets>...)                 takes them from dra::engine, with which the targets share their flags
#   dra_compile_as_one(<target> <group> <files>)  files of the target are compiled as one

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

function(dra_compile_as_one target group)
    if(DRA_PRECOMPILED)
        set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
        set_source_files_properties(${ARGN} PROPERTIES UNITY_GROUP ${group})
    endif()
endfunction()
