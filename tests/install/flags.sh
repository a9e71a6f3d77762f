#!/bin/sh
# What a flag does to the results: the sources that compute forward, compiled with it, in the test programs of
# build/release. compiled_alike.hpp is left out, which would refuse it. docs/compiling.md has what was found.
#   flags.sh -fassociative-math -fno-signed-zeros -fno-trapping-math
set -eu

tree=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
built=$tree/build/release
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cp -r "$tree/reference" "$folder"
: >"$folder/reference/definition/compiled_alike.hpp"
for source in attention/attend attention/dilated_attention definition/oracle; do
    g++ -std=c++20 -O3 -march=native -DNDEBUG -fopenmp -DEIGEN_MAX_ALIGN_BYTES=64 -DEIGEN_MAX_STATIC_ALIGN_BYTES=64 \
        -I"$folder" -isystem /usr/include/eigen3 "$@" -c "$folder/reference/$source.cpp" -o "$folder/$(basename "$source").o"
done
for suite in definition attention; do
    g++ "$folder"/*.o "$built/tests/CMakeFiles/test_$suite.dir/$suite"/*.o "$built/tests/libdra_doctest.a" \
        "$built/reference/libdra_reference_native.a" -fopenmp "$@" -o "$folder/test_$suite"
    "$folder/test_$suite" || true
done
