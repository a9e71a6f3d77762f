# Takes the first program out of README.md, compiles it against the library that the build tree BUILD installs into FOLDER, and
# runs it: it must print what stands beside it there.

function(run)
    execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

set(ENV{CMAKE_GENERATOR} "Ninja Multi-Config") # as in consumer.cmake: what is named below must win

file(READ ${CMAKE_CURRENT_LIST_DIR}/../../README.md readme)
if(NOT readme MATCHES "```cpp\n([^`]+)```[^`]+```\n([^`]+)```")
    message(FATAL_ERROR "README.md has no program with its output behind it")
endif()
set(promised "${CMAKE_MATCH_2}")

file(REMOVE_RECURSE ${FOLDER})
file(WRITE ${FOLDER}/readme.cpp "${CMAKE_MATCH_1}")
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${FOLDER}/prefix)
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/readme -B ${FOLDER}/build -G "${GENERATOR}" -DPROGRAM=${FOLDER}/readme.cpp
    -DCMAKE_PREFIX_PATH=${FOLDER}/prefix -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=${COMPILER})
run(${CMAKE_COMMAND} --build ${FOLDER}/build)
execute_process(COMMAND ${FOLDER}/build/readme OUTPUT_VARIABLE printed COMMAND_ERROR_IS_FATAL ANY)

# Where the library is not compiled for any x86-64 CPU, roundings differ, and with them the figures: there the words must agree.
if(NOT PROCESSOR STREQUAL "x86_64" OR FLAGS MATCHES "-m(arch|avx)")
    string(REGEX REPLACE "[0-9.]+" "#" printed "${printed}")
    string(REGEX REPLACE "[0-9.]+" "#" promised "${promised}")
endif()
if(NOT printed STREQUAL promised)
    message(FATAL_ERROR "README.md's program prints\n${printed}and not, as stands there,\n${promised}")
endif()
