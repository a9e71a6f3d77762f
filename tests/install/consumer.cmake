# Installs the build tree BUILD into FOLDER, checks that the library runs on every CPU of its kind, and lets the outside
# project `consumer` find it in three ways, and link and run it.

function(run)
    execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# CMake's default generator may need what the machine has not. With this one for a default, only the one that is named
# below puts the program where it is looked for.
set(ENV{CMAKE_GENERATOR} "Ninja Multi-Config")

file(REMOVE_RECURSE ${FOLDER})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${FOLDER}/prefix)

# Of x86-64, the portable part has no register wider than xmm.
if(OBJDUMP AND PROCESSOR STREQUAL "x86_64" AND NOT FLAGS MATCHES "-m(arch|avx)")
    file(GLOB_RECURSE library ${FOLDER}/prefix/libdra_reference.a)
    execute_process(COMMAND ${OBJDUMP} -d ${library} OUTPUT_VARIABLE code COMMAND_ERROR_IS_FATAL ANY)
    if(NOT code MATCHES "%xmm" OR code MATCHES "%[yz]mm")
        message(FATAL_ERROR "the installed library needs a newer CPU than x86-64 promises, or none of its code was seen")
    endif()
endif()

# consume(<folder> <configuration>...): configures the project in a folder, and builds it.
function(consume folder)
    run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/consumer -B ${FOLDER}/${folder} -G "${GENERATOR}"
        -DCMAKE_CXX_COMPILER=${COMPILER} ${ARGN})
    run(${CMAKE_COMMAND} --build ${FOLDER}/${folder} --target consumer)
endfunction()

consume(build -DCMAKE_PREFIX_PATH=${FOLDER}/prefix -DCMAKE_BUILD_TYPE=Release)
run(${FOLDER}/build/consumer)

# As a part of the project. The library's own sources are not compiled once more, so nothing is linked.
foreach(way IN ITEMS add_subdirectory FetchContent)
    consume(part -DFOUND_BY=${way} -DDRA=${CMAKE_CURRENT_LIST_DIR}/../.. -DCMAKE_BUILD_TYPE=None)
endforeach()
